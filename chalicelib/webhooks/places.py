"""Which addresses messages go to."""

from dataclasses import dataclass
from threading import Event

from chalicelib.outbound import url as urls
from chalicelib.outbound.addresses import is_public
from chalicelib.outbound.errors import OutboundError, UrlRefused
from chalicelib.outbound.guard import Outbound
from chalicelib.outbound.url import Url
from chalicelib.outbound.wire import Patience
from chalicelib.webhooks.errors import UrlNotAllowed

_LOOKUP_SECONDS = 5.0
_USUAL_PORT = 443


@dataclass(frozen=True, slots=True)
class PlaceRules:
    """What the operator permits besides HTTPS on its usual port, for every host. Hosts the operator opened although
    they are not public may be called in any way."""

    plain_http: bool = False
    any_port: bool = False

    def broken_by(self, url: Url) -> str | None:
        """Why a public host may not be called so; None when it may."""
        if url.scheme != "https" and not self.plain_http:
            return "only https:// addresses are allowed"
        if url.port != _USUAL_PORT and not self.any_port and not (url.scheme == "http" and url.port == 80):
            return "only the usual port is allowed"
        return None


def demand_allowed(outbound: Outbound, rules: PlaceRules, text: str) -> None:
    """Whether messages may be sent there, as far as can be known now. Raises UrlNotAllowed."""
    try:
        check(outbound, rules, text)
    except OutboundError as error:
        raise UrlNotAllowed(f"url: {error.message}", field="url") from error


def check(outbound: Outbound, rules: PlaceRules, text: str) -> None:
    """As ``demand_allowed``. Raises OutboundError."""
    url = urls.parse(text)
    addresses = outbound.judged(url, Patience(_LOOKUP_SECONDS, Event()))
    broken = rules.broken_by(url)
    if broken is not None and all(is_public(address) for address in addresses):
        raise UrlRefused(f"The URL cannot be called: {broken}.")
