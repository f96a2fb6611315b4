"""The one way out to addresses that somebody else chose."""

import ssl
import threading
from collections.abc import Callable, Mapping
from functools import cached_property

from chalicelib.outbound import url as urls
from chalicelib.outbound.addresses import Allowed
from chalicelib.outbound.errors import AddressRefused, OutboundUnreachable, TooManyRedirects, UrlRefused
from chalicelib.outbound.exchange import OutboundAnswer, Request, exchange
from chalicelib.outbound.ip_literal import IpAddress
from chalicelib.outbound.lookup import Lookup, system_lookup
from chalicelib.outbound.redirects import is_redirect, redirected
from chalicelib.outbound.url import Url
from chalicelib.outbound.wire import Patience, Wire, run_watched

MAX_ADDRESSES = 8


class Outbound:
    """Calls hosts on the public internet, and besides them only what the operator allows.

    A name is resolved once and the connection goes to the very address that was judged. Proxies of the environment
    are not used: they would resolve the name again.
    """

    def __init__(self, allow: tuple[str, ...] = (), *, lookup: Lookup = system_lookup) -> None:
        """``allow`` holds hosts, addresses and networks that may be reached although not public. Raises ValueError."""
        self._allowed = Allowed(allow)
        self._lookup = lookup

    def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str],
        body: bytes | None,
        timeout_s: float,
        max_bytes: int,
        cancelled: threading.Event,
        follow: int = 5,
        check: Callable[[Url], None] | None = None,
        confidential: bool = False,
    ) -> OutboundAnswer:
        """One call, with up to ``follow`` redirects behind it; with 0 a redirect is returned as the answer.

        ``timeout_s`` covers everything together, ``max_bytes`` the decoded body. ``check`` may refuse a URL by raising
        and is asked before each connection, also of a redirect. What is ``confidential`` goes over plain HTTP to hosts
        alone that the operator opened. Raises OutboundError.
        """
        patience = Patience(timeout_s, cancelled)
        lowered = {name.lower(): value for name, value in headers.items()}
        request = Request(method.upper(), urls.parse(url), lowered, body)
        for left in range(follow, -1, -1):
            if check is not None:
                check(request.url)
            answer = self._once(request, patience, max_bytes, confidential=confidential)
            if not follow or not is_redirect(answer):
                return answer
            if left:
                request = redirected(request, answer)
        raise TooManyRedirects(f"The host redirects more than {follow} times.")

    def demand_confidential(self, url: Url, patience: Patience) -> None:
        """Whether a call may be ``confidential``, as far as can be known now. Raises OutboundError."""
        self._judged(url, patience, confidential=True)

    def connect(self, url: Url, patience: Patience, *, confidential: bool = False) -> Wire:
        """A connection to one of the judged addresses of the URL's host, without TLS yet. Raises OutboundError."""
        for address in self._judged(url, patience, confidential=confidential)[:MAX_ADDRESSES]:
            try:
                return Wire.connect(address, url.port, patience)
            except OSError:
                continue
        raise OutboundUnreachable(f"{url.host} does not accept connections on port {url.port}.")

    def _once(self, request: Request, patience: Patience, max_bytes: int, *, confidential: bool) -> OutboundAnswer:
        url = request.url
        wire = self.connect(url, patience, confidential=confidential)
        try:
            if url.scheme == "https":
                wire.secure(self.tls, url.host)
            return exchange(wire, request, max_bytes)
        except ssl.SSLCertVerificationError as error:
            raise OutboundUnreachable(f"The certificate of {url.host} is not trusted: {error.verify_message}") from None
        except ssl.SSLError:
            raise OutboundUnreachable(f"No secure connection to {url.host} could be made.") from None
        except OSError:
            raise OutboundUnreachable(f"The connection to {url.host} broke.") from None
        finally:
            wire.close()

    def judged(self, url: Url, patience: Patience) -> list[IpAddress]:
        """The addresses of a host that may be reached. Raises OutboundError.

        One that may not be reached spoils them all: it betrays a name made for it.
        """
        addresses = [url.address] if url.address is not None else self._resolve(url.host, patience)
        if not all(self._allowed.permits(url, address) for address in addresses):
            raise AddressRefused(f"{url.host} is not a host on the public internet and may not be called.")
        return addresses

    def _judged(self, url: Url, patience: Patience, *, confidential: bool) -> list[IpAddress]:
        addresses = self.judged(url, patience)
        if confidential and url.scheme != "https" and not all(self._allowed.opens(url, one) for one in addresses):
            raise UrlRefused("Only https:// URLs can be called with what is confidential.")
        return addresses

    def _resolve(self, host: str, patience: Patience) -> list[IpAddress]:
        try:
            found = run_watched(lambda: self._lookup(host), patience)
        except OSError:
            found = []
        if not found:
            raise OutboundUnreachable(f"The host name {host} is not known.")
        return found

    @cached_property
    def tls(self) -> ssl.SSLContext:
        """How hosts have to prove who they are."""
        context = ssl.create_default_context()
        context.set_alpn_protocols(["http/1.1"])
        return context
