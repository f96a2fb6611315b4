"""What a client can send into a session, and what it is told about it."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from chalicelib.sessions.model import Policy


@dataclass(frozen=True, slots=True)
class Input:
    """One event as a door hands it over: type and fields in stored form; ``id`` when the client chose one.

    ``call_id`` is the core id of the tool use an answer is for; ``thread`` is the thread a message or interrupt is
    for, None the primary one.
    """

    type: str
    data: dict[str, Any]
    id: str | None = None
    call_id: str | None = None
    thread: str | None = None

    @property
    def call_field(self) -> str:
        """The field in which an answer names its tool use."""
        return "custom_tool_use_id" if self.type == "user.custom_tool_result" else "tool_use_id"


def says_something(content: Iterable[dict[str, Any]]) -> bool:
    """Whether blocks hold more than blank text, which no model takes."""
    return any(block["type"] != "text" or block["text"].strip() for block in content)


@dataclass(frozen=True, slots=True)
class Manner:
    """How a request wants its inputs taken up.

    ``echo_idle_interrupt``: an interrupt with nothing to stop is still recorded. ``drop_queued``: an interrupt also
    removes inputs accepted before it. ``while_waiting``: a message is taken, and waits, also while tool uses wait for
    the client. ``starts_outcomes``: an outcome is worked towards at once, not from the next message on. ``door`` is the
    name of the door, for the record.
    """

    policy: Policy = "queue"
    echo_idle_interrupt: bool = False
    drop_queued: bool = True
    while_waiting: bool = False
    starts_outcomes: bool = False
    door: str = "managed"


@dataclass(frozen=True, slots=True)
class Accepted:
    """An accepted event; ``processed_at`` is None while it waits, ``thread`` for the primary one."""

    id: str
    type: str
    data: dict[str, Any]
    processed_at: int | None
    thread: str | None = None


@dataclass(slots=True)
class Receipt:
    """The outcome of one request: its events in order, and the number of the last record written for it."""

    events: list[Accepted] = field(default_factory=list)
    seq: int = 0
    interrupt: str | None = None
