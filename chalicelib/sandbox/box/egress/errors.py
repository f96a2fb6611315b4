"""How a connection from inside a box can end early."""

from chalicelib.core.errors import LambentError


class EgressError(LambentError):
    """The base of what ends a connection. Messages name hosts, never more of a URL."""


class Refused(EgressError):
    """The request is answered by the proxy itself, with ``code`` and the message as its text."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.answer_status = code


class Halted(EgressError):
    """The proxy is being closed."""

    def __init__(self) -> None:
        super().__init__("the egress proxy is closed")


class Stalled(EgressError):
    """Nothing moved for longer than it may."""

    def __init__(self) -> None:
        super().__init__("nothing came in time")


class ClientGone(EgressError):
    """The inside left, or speaks no HTTP any more."""

    def __init__(self) -> None:
        super().__init__("the client is gone")


class UpstreamGone(EgressError):
    """The host ended the connection before its answer was whole, or sent what is no answer."""

    def __init__(self) -> None:
        super().__init__("the host did not answer")


class HelloRefused(EgressError):
    """The TLS greeting cannot be read, or names a host that may not be reached."""
