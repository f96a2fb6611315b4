"""What a tool is: something the model may call and this server runs."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from chalicelib.outbound.guard import Outbound

if TYPE_CHECKING:
    from chalicelib.dreams.desk import Desk
    from chalicelib.events.event import Draft
    from chalicelib.sandbox.client import GuestClient
    from chalicelib.schedules.model import Schedule, Wanted


class SandboxAccess(Protocol):
    """The way to the session's sandbox; every method may raise SandboxError."""

    def client(self) -> "GuestClient":
        """A guest that answers; its computer is started when none runs."""
        ...

    def persist(self, paths: Sequence[str] | None = None) -> None:
        """Store what changed; durable when this returns. ``paths`` may name all that can have changed."""
        ...

    def lost(self) -> None:
        """The connection broke: ``client`` looks again, or starts another computer."""
        ...

    def notice(self) -> str | None:
        """What the model has to know since it was last told, as that the computer was started anew."""
        ...


class Schedules(Protocol):
    """The wake-ups of the session, for one tool use."""

    def add(self, wanted: "Wanted") -> "Schedule":
        """A new one; the same one again when the use is repeated. Raises BadSchedule."""
        ...

    def cancel(self, schedule_id: str) -> bool:
        """Forget one; whether it was open."""
        ...

    def open(self) -> "list[Schedule]":
        """Those that are open, the next one first."""
        ...


class Bearer(Protocol):
    """The credential for calls of one address; ``secrets`` are what must not be shown of it."""

    token: str | None
    secrets: tuple[str, ...]

    def look(self) -> None:
        """Find it as it is now."""
        ...


@dataclass(frozen=True, slots=True)
class ToolContext:
    """The call a tool is run for.

    ``agent`` and ``environment`` are the session's snapshots; ``seen_urls`` tells whether a URL has occurred in the
    conversation; ``cancelled`` is set by another thread when the result is no longer wanted; ``sandbox`` is None where
    this server has none for the session; ``schedules`` is None for an agent that may not wake the session; ``desk`` is
    what the agents of dreams reach; ``bearer_for`` gives the credential of the session's vaults for an address.
    """

    tenant: str
    session_id: str
    tool_use_id: str
    agent: dict[str, Any]
    environment: dict[str, Any] | None
    outbound: Outbound
    cancelled: threading.Event
    seen_urls: Callable[[str], bool]
    timeout_s: float = 120
    sandbox: SandboxAccess | None = None
    schedules: Schedules | None = None
    desk: "Desk | None" = None
    bearer_for: Callable[[str], Bearer] | None = None


@dataclass(frozen=True, slots=True)
class ToolOutput:
    """Content blocks for the model; ``records`` go into the log together with the result."""

    content: list[dict[str, Any]]
    is_error: bool = False
    records: "tuple[Draft, ...]" = ()


class Tool(Protocol):
    """A tool never raises for what the model or the world did wrong: that is an error result.

    ``safe_to_repeat`` says that running a call a second time does no harm, so that one cut off may be run again.
    """

    @property
    def name(self) -> str: ...
    @property
    def description(self) -> str: ...
    @property
    def input_schema(self) -> dict[str, Any]: ...
    @property
    def safe_to_repeat(self) -> bool: ...

    def run(self, context: ToolContext, arguments: dict[str, Any]) -> ToolOutput:
        """Do it and tell the model what came of it."""
        ...


@runtime_checkable
class Lasting(Protocol):
    """A tool whose calls may take minutes."""

    def longest_s(self, arguments: dict[str, Any]) -> float:
        """How many seconds a call with these arguments may take."""
        ...


def longest_s(tool: Tool, arguments: dict[str, Any]) -> float:
    """How many seconds a call may take, as far as the tool tells."""
    return tool.longest_s(arguments) if isinstance(tool, Lasting) else 0.0


def text_output(text: str) -> ToolOutput:
    """A result of one text."""
    return ToolOutput([{"type": "text", "text": text}])


def failure(reason: str) -> ToolOutput:
    """An error result; its text starts with ``Error``."""
    return ToolOutput([{"type": "text", "text": f"Error: {reason}"}], is_error=True)
