"""What can go wrong with a call to an address somebody else chose. Messages name only what the caller asked for."""

from chalicelib.core.errors import LambentError


class OutboundError(LambentError):
    """The call did not give an answer."""

    status = 502
    kind = "outbound"


class UrlRefused(OutboundError):
    """The URL is not one that may be called: its form, its scheme, or where a redirect leads."""

    status = 400
    kind = "invalid"


class AddressRefused(OutboundError):
    """The host is not on the public internet and not among those the operator allows."""

    status = 400
    kind = "invalid"


class RequestRefused(OutboundError):
    """The method or the headers cannot be sent."""

    status = 400
    kind = "invalid"


class OutboundTimeout(OutboundError):
    """The whole exchange did not fit into its time."""

    status = 504


class OutboundCancelled(OutboundError):
    """The caller's event was set while the call was under way."""


class OutboundUnreachable(OutboundError):
    """No name, no connection, or no trusted TLS to the host."""


class AnswerUnreadable(OutboundError):
    """What the host sent is not a whole HTTP answer."""


class TooManyRedirects(OutboundError):
    """The host sends the caller on and on."""
