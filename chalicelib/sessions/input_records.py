"""The records of an input's way: queued, then taken by a run or removed before any took it."""

from typing import Any

from chalicelib.events import catalogue
from chalicelib.events.event import Draft, Event
from chalicelib.sessions.inputs import Input
from chalicelib.sessions.model import QueuedInput

_FRONT = 1


def _facts(item: QueuedInput, run: str, position: int, length: int, cause: str | None) -> dict[str, Any]:
    return {
        "input_id": item.id,
        "run_id": run,
        "type": item.type,
        "door": item.door,
        "policy": item.policy,
        "priority": 0,
        "position": position,
        "pending_seq": item.seq,
        "cause": cause,
        "queue_length": length,
        "thread": item.thread,
    }


def queued(item: QueuedInput, length: int) -> Draft:
    """The input waits at the end of a queue of this length; its text is in the inbox."""
    return Draft(catalogue.INPUT_QUEUED, _facts(item, item.run, length, length, None), run=item.run)


def stop_asked(item: Input, event_id: str, run: str, seq: int, door: str) -> Draft:
    """An interrupt: it stands in no queue and is carried out by whoever works on the run."""
    data = {
        "input_id": event_id,
        "run_id": run,
        "type": item.type,
        "door": door,
        "policy": "interrupt",
        "priority": 0,
        "position": 0,
        "pending_seq": seq,
        "cause": "interrupt",
        "queue_length": 0,
        "thread": item.thread,
    }
    return Draft(catalogue.INPUT_QUEUED, data, run=run)


def taken(item: QueuedInput, run: str, length: int) -> Draft:
    """A run took the input; so many still wait."""
    return Draft(catalogue.INPUT_TAKEN, _facts(item, run, _FRONT, length, None), run=run)


def removed(item: QueuedInput, cause: str, length: int) -> Draft:
    """The input left the inbox untaken; the record keeps what it said, for no other does."""
    private = {"data": item.data, "accepted_at": item.accepted_at}
    data = _facts(item, item.run, _FRONT, length, cause)
    return Draft(catalogue.INPUT_REMOVED, data, run=item.run, private=private)


def content_of(record: Event) -> tuple[dict[str, Any], int]:
    """What a removed input said, and when it was accepted (milliseconds)."""
    private = record.private or {}
    return private["data"], private["accepted_at"]
