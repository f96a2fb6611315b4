"""Records found again by their ids: open tool uses, and where an input stands."""

from collections.abc import Iterator, Sequence

from chalicelib.events.event import Event
from chalicelib.events.log import SessionLog, SessionRef

_END = 10**12


def newest_first(log: SessionLog, ref: SessionRef, before: int = _END) -> Iterator[Event]:
    """The records before a number, from the newest back."""
    while events := log.read_back(ref, before):
        yield from events
        before = events[-1].seq


def uses_of(log: SessionLog, ref: SessionRef, ids: Sequence[str]) -> dict[str, Event]:
    """The tool uses with these ids, which are of the newest turn."""
    wanted = set(ids)
    found: dict[str, Event] = {}
    if not wanted:
        return found
    for event in newest_first(log, ref):
        if event.id in wanted:
            found[event.id] = event
            if len(found) == len(wanted):
                break
    return found


def place_of(log: SessionLog, ref: SessionRef, event_id: str, otherwise: int) -> int:
    """The number before the record with this id; ``otherwise`` when it is not in the log yet."""
    return next((event.seq - 1 for event in newest_first(log, ref) if event.id == event_id), otherwise)
