"""Seats: so many runs of a tenant are at work at once, so that they never hold the workers of all.

A run takes its seat in the transaction that claims it and leaves it in the one that ends it, so the counts are exact
and cost no call. They are spread over several rows, for transactions on one row get in each other's way. While runs
stand in line for a seat the rows are marked, so that whoever leaves one is told, and nobody who comes later goes first.
"""

import random
from collections.abc import Mapping
from dataclasses import dataclass, field

from chalicelib.core.ids import derive_id
from chalicelib.events.log import SessionRef
from chalicelib.sessions.model import Head
from chalicelib.storage import writes
from chalicelib.storage.keys import Key, Space
from chalicelib.storage.table import Table
from chalicelib.storage.writes import Write

_NOUN, _ROWS = "seats", 8
_MARK = "line"
_UNBOUNDED = 10**9


class NoSeat(Exception):
    """As many runs of the tenant are at work as may be, or others were there first; ``head`` is that of the session."""

    def __init__(self, head: Head) -> None:
        super().__init__("the tenant has no free seat")
        self.head = head


def _key(space: Space, row: int) -> Key:
    return space.key(_NOUN, sk=str(row))


def left(space: Space, head: Head, *, heeding: bool = False) -> list[Write]:
    """The write that leaves the seat of a run that is not at work any more. Changes the head.

    ``heeding`` has it refused while others stand in line.
    """
    if head.seat is None or (head.run is not None and head.run.state == "running"):
        return []
    key, head.seat = _key(space, head.seat), None
    return [writes.update(key, {}, writes.missing(_MARK) if heeding else None, add={"taken": -1})]


@dataclass(frozen=True, slots=True)
class Seen:
    """The seats of a tenant at a moment: how many are free on each row, and whether all rows are marked."""

    free: Mapping[int, int]
    unmarked: tuple[int, ...]

    @property
    def room(self) -> int:
        """How many are free."""
        return sum(self.free.values())


class Seats:
    """The seats of tenants; each has ``most``, without end when that is 0."""

    def __init__(self, table: Table, most: int) -> None:
        self._table = table
        self._most = most
        self._rows = tuple(row for row in range(_ROWS) if self.capacity(row))

    def capacity(self, row: int) -> int:
        """How many of a tenant's seats are counted on a row."""
        return self._most // _ROWS + (row < self._most % _ROWS) if self._most else _UNBOUNDED

    def taking(self, ref: SessionRef, *, called: bool) -> "Taking":
        """A seat for a run about to be claimed; who was ``called`` need not heed the line."""
        return Taking(self, ref, called, needed=self._most > 0)

    def usual(self, ref: SessionRef) -> int:
        """The row that is tried first."""
        return self._rows[int(derive_id("seat", ref.id)[:4], 16) % len(self._rows)]

    def taken(self, space: Space, row: int, *, called: bool) -> Write:
        """The write that takes a seat on a row."""
        room = writes.missing("taken") | writes.compare("taken", "<", self.capacity(row))
        return writes.update(_key(space, row), {}, room if called else room & writes.missing(_MARK), add={"taken": 1})

    def look(self, space: Space) -> Seen:
        """The seats as they are."""
        rows = {row["sk"]: row for row in self._table.walk(space.partition(_NOUN))}
        free = {row: max(self.capacity(row) - rows.get(str(row), {}).get("taken", 0), 0) for row in self._rows}
        return Seen(free, tuple(row for row in range(_ROWS) if _MARK not in rows.get(str(row), {})))

    def mark(self, space: Space, rows: tuple[int, ...]) -> None:
        """Somebody stands in line. Raises StorageBusy."""
        self._table.transact(writes.update(_key(space, row), {_MARK: 1}) for row in rows)

    def unmark(self, space: Space) -> None:
        """Nobody stands in line any more. Raises StorageBusy."""
        self._table.transact(writes.update(_key(space, row), {_MARK: None}) for row in range(_ROWS))


@dataclass(slots=True)
class Taking:
    """One run's way to a seat: the usual row unseen, any other only once that was refused."""

    seats: Seats
    ref: SessionRef
    called: bool
    needed: bool
    tried: bool = field(default=False, init=False)

    def writes(self, head: Head) -> list[Write]:
        """What is to be written together with the claim; called anew when that was refused. Changes the head.

        Raises NoSeat.
        """
        if head.seat is not None or not self.needed:
            return []
        head.seat = self._row(head) if self.tried else self.seats.usual(self.ref)
        self.tried = True
        return [self.seats.taken(self.ref.space, head.seat, called=self.called)]

    def _row(self, head: Head) -> int:
        seen = self.seats.look(self.ref.space)
        free = [row for row, seats in seen.free.items() if seats and (self.called or row in seen.unmarked)]
        if not free:
            raise NoSeat(head)
        return random.choice(free)
