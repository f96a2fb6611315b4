"""The decisions of one box's proxy, and the connections that follow from them."""

import ssl

from chalicelib.outbound.errors import AddressRefused, OutboundCancelled, OutboundError, OutboundTimeout
from chalicelib.outbound.guard import Outbound
from chalicelib.outbound.url import Url
from chalicelib.outbound.wire import Patience, Wire
from chalicelib.sandbox.box.egress import tls
from chalicelib.sandbox.box.egress.channel import Channel, Halt
from chalicelib.sandbox.box.egress.client_hello import Hello
from chalicelib.sandbox.box.egress.errors import Halted, HelloRefused, Refused
from chalicelib.sandbox.box.egress.inject import Injector
from chalicelib.sandbox.box.egress.ledger import Ledger
from chalicelib.sandbox.box.egress.rules import Rules, refusal
from chalicelib.sandbox.hosts.base import Network

_CONNECT_SECONDS = 30.0


class Gate:
    """What all connections of a box share."""

    def __init__(self, network: Network, outbound: Outbound, trust: ssl.SSLContext | None) -> None:
        """``trust`` stands for the system's roots when it is given."""
        self.halt, self.ledger = Halt(), Ledger()
        self.injector = Injector(network.injections)
        self.authority = tls.Authority() if self.injector.any else None
        self.rules = Rules(network)
        self._outbound, self._trust = outbound, trust

    def admit(self, url: Url) -> None:
        """Let a URL pass or not, by its name. Raises Refused."""
        try:
            self.rules.admit(url)
        except Refused:
            self.ledger.note("refused", url.host)
            raise

    def greet(self, hello: Hello, url: Url) -> None:
        """Let a TLS greeting inside a tunnel to the URL pass or not. Raises HelloRefused."""
        name = hello.server_name
        if name is not None and name != url.host and not self.rules.permits(name):
            self.ledger.note("refused", name)
            raise HelloRefused("the TLS greeting names a host that may not be reached")

    def reach(self, url: Url) -> Channel:
        """A connection to the URL's host, without TLS. Raises Refused, Halted."""
        try:
            wire = self._outbound.connect(url, self._patience())
        except OutboundError as error:
            raise self._told(error, url) from None
        self.ledger.note("allowed")
        return Channel(wire.detach())

    def secure(self, plain: Channel, url: Url) -> Channel:
        """The same connection with TLS, if the host proves its name; closed if not. Raises Refused, Halted."""
        wire = Wire(plain.socket, self._patience())
        try:
            wire.secure(self._client_context(), url.host)
        except ssl.SSLCertVerificationError:
            wire.close()
            self.ledger.note("untrusted", url.host)
            raise Refused(502, f"The certificate of {url.host} is not trusted.") from None
        except OSError:
            wire.close()
            raise Refused(502, f"No secure connection to {url.host} could be made.") from None
        except OutboundError as error:
            wire.close()
            raise self._told(error, url) from None
        return Channel(wire.detach())

    def _patience(self) -> Patience:
        return Patience(_CONNECT_SECONDS, self.halt.event)

    def _client_context(self) -> ssl.SSLContext:
        if self._trust is None:
            self._trust = tls.client_context()
        self._trust.set_alpn_protocols(["http/1.1"])
        return self._trust

    def _told(self, error: OutboundError, url: Url) -> Refused | Halted:
        if isinstance(error, OutboundCancelled):
            return Halted()
        if isinstance(error, AddressRefused):
            self.ledger.note("refused", url.host)
            return Refused(403, f"{refusal(url.host)} It is not a host on the public internet.")
        self.ledger.note("unreachable", url.host)
        return Refused(504 if isinstance(error, OutboundTimeout) else 502, error.message)
