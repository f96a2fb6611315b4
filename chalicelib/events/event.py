"""One record of the log, before and after it is stored."""

from dataclasses import dataclass, field
from typing import Any

from chalicelib.core.ids import new_id

CLIENT_MARK = "="
"""Begins an event id that a client chose; it is printed as the client wrote it."""


@dataclass(frozen=True, slots=True)
class Draft:
    """A record that has no place in the log yet. ``private`` is never printed by the managed door."""

    type: str
    data: dict[str, Any] = field(default_factory=dict)
    id: str = field(default_factory=new_id)
    run: str | None = None
    private: dict[str, Any] | None = None
    thread: str | None = None


@dataclass(frozen=True, slots=True)
class Event:
    """A record of the log: immutable, numbered from 1 without gaps; ``at`` in milliseconds; thread None is primary."""

    seq: int
    at: int
    type: str
    data: dict[str, Any]
    id: str
    run: str | None = None
    private: dict[str, Any] | None = None
    thread: str | None = None

    def packed(self) -> list[Any]:
        """The stored form; ``seq`` follows from the place in the segment."""
        return [self.type, self.id, self.at, self.data, self.run, self.private, self.thread]

    @staticmethod
    def unpacked(seq: int, packed: list[Any]) -> "Event":
        """The record behind a stored form."""
        kind, event_id, at, data, run, private, thread = packed
        return Event(seq, at, kind, data, event_id, run, private, thread)


def number(drafts: list[Draft], first: int, at: int) -> list[Event]:
    """Give drafts their places from ``first`` on."""
    return [
        Event(first + offset, at, draft.type, draft.data, draft.id, draft.run, draft.private, draft.thread)
        for offset, draft in enumerate(drafts)
    ]
