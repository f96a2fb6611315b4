"""The row of an endpoint's queue that tells the clock when to look, and how the receiver does."""

from dataclasses import dataclass

from chalicelib.storage import writes
from chalicelib.storage.keys import Key, Space
from chalicelib.storage.marshal import Row
from chalicelib.storage.table import Table
from chalicelib.storage.writes import Write
from chalicelib.webhooks.due import QUEUE, RING_AFTER_MS, due_fields

BELL = "BELL"


@dataclass(frozen=True, slots=True)
class Bell:
    """How a queue stands: left alone until ``hold`` (milliseconds) after ``misses`` rounds in vain; ``stamp`` grows
    whenever something is put into it."""

    stamp: int = 0
    hold: int = 0
    misses: int = 0


def queue_key(space: Space, endpoint: str) -> Key:
    """Where the row stands: before all deliveries."""
    return space.key(QUEUE, endpoint, sk=BELL)


def look_soon(space: Space, endpoint: str, now: int, *, anew: bool = False) -> Write:
    """The write that has the clock look, should the doorbell be lost; ``anew`` ends a pause of the endpoint."""
    changes: Row = due_fields(endpoint, now + RING_AFTER_MS) | ({"hold": 0, "misses": 0} if anew else {})
    return writes.update(queue_key(space, endpoint), changes, add={"stamp": 1})


def bell(table: Table, space: Space, endpoint: str) -> Bell:
    """How the queue stands now."""
    row = table.get(queue_key(space, endpoint)) or {}
    return Bell(row.get("stamp", 0), row.get("hold", 0), row.get("misses", 0))


def settle(table: Table, space: Space, endpoint: str, seen: Bell, due: int | None) -> bool:
    """Set when the clock looks next, None never, and the pause; False when something was put in since ``seen``."""
    changes: Row = {"due_pk": None, "due_sk": None} if due is None else due_fields(endpoint, due)
    changes |= {"hold": seen.hold, "misses": seen.misses}
    # As a transaction, for then it is repeated when it meets one that puts something in.
    return table.transacted([writes.update(queue_key(space, endpoint), changes, writes.equals("stamp", seen.stamp))])
