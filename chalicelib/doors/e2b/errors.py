"""What goes wrong on the way to a sandbox, in the statuses and words its clients tell it by."""

from typing import ClassVar

from chalicelib.core.errors import Conflict, Forbidden, InvalidRequest, LambentError


class SandboxAway(LambentError):
    """The sandbox is gone or paused. Clients look for these very words."""

    status: ClassVar[int] = 502
    kind: ClassVar[str] = "sandbox_away"

    def __init__(self, sandbox_id: str) -> None:
        super().__init__("The sandbox was not found", details={"sandboxId": sandbox_id})


class PortClosed(LambentError):
    """The sandbox runs, and nothing answers there. Clients look for "port is not open"."""

    status: ClassVar[int] = 502
    kind: ClassVar[str] = "port_closed"

    def __init__(self, sandbox_id: str, port: int) -> None:
        details = {"sandboxId": sandbox_id, "port": port}
        super().__init__("The sandbox is running but port is not open", details=details)


class TrafficRefused(Forbidden):
    """What listens in this sandbox is not for everybody."""

    def __init__(self) -> None:
        super().__init__("this sandbox is not public: send its traffic token as e2b-traffic-access-token")


class AlreadyPaused(Conflict):
    """A paused sandbox cannot be paused again."""


class AlreadyRunning(Conflict):
    """A running sandbox cannot be resumed."""


class NotOffered(InvalidRequest):
    """The request asks for something a sandbox here does not have."""
