"""Where in a log a session can be forked: between turns, with nothing under way."""

from collections.abc import Iterator

from chalicelib.events.event import Event
from chalicelib.events.log import SessionLog, SessionRef
from chalicelib.forks.errors import PointNotFound

_QUIET = frozenset(("session.updated", "files.changed", "user.interrupt", "user.define_outcome"))
"""What may stand in a log between two turns."""


def backwards(log: SessionLog, ref: SessionRef, last: int) -> Iterator[Event]:
    """The records up to a number, newest first, read in pages."""
    before = last + 1
    while page := log.read_back(ref, before):
        yield from page
        before = page[-1].seq


def named(log: SessionLog, ref: SessionRef, last: int, event_id: str) -> int:
    """The number of the record with this id. Raises PointNotFound."""
    found = next((event.seq for event in backwards(log, ref, last) if event.id == event_id), None)
    if found is None:
        raise PointNotFound("event_id: the session has no such event", field="event_id")
    return found


def rest_before(log: SessionLog, ref: SessionRef, last: int) -> tuple[int, Event | None]:
    """The last number up to ``last`` at which the session rested (0: before its first turn), and the record that said
    so. Reads back through one turn at most."""
    point = last
    for event in backwards(log, ref, last):
        if rests(event):
            return point, event
        if not keeps_rest(event):
            point = event.seq - 1
    return point, None


def rests(event: Event) -> bool:
    """Whether the session rests from this record on."""
    return event.type == "session.status_idle" and event.data["stop_reason"]["type"] != "requires_action"


def keeps_rest(event: Event) -> bool:
    """Whether a session that rests goes on resting with this record."""
    return event.type in _QUIET and event.run is None
