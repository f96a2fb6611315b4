"""Where only so many things may be: their number is changed in the transactions that make and remove them.

A number that is not there (nobody counted yet, or nothing changed for a month) is counted afresh before anything is
made or removed. While it is missing no such transaction is done, so what is being counted stays as it is.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from chalicelib.core.clock import now_ms
from chalicelib.storage import writes
from chalicelib.storage.errors import ConditionFailed, RoomFull, StorageBusy, TransactionRefused
from chalicelib.storage.keys import Key
from chalicelib.storage.table import Table
from chalicelib.storage.writes import Write

_KEPT_SECONDS = 30 * 86_400
_TRIES = 5


@dataclass(frozen=True, slots=True)
class Room:
    """Where the number stands, how many there may be, and how they are counted."""

    key: Key
    most: int
    count: Callable[[], int]

    def change(self, by: int) -> Write:
        """The write that counts one more or one less; it demands that the number is there."""
        there = writes.compare("taken", "<", self.most) if by > 0 else writes.PRESENT
        return writes.update(self.key, {"expires_at": _kept_until()}, there, add={"taken": by})

    def begin(self, table: Table) -> None:
        """Count what there is, unless somebody else has done so meanwhile."""
        row = {"pk": self.key.pk, "sk": self.key.sk, "taken": self.count(), "expires_at": _kept_until()}
        try:
            table.write(writes.put(row, writes.ABSENT))
        except ConditionFailed:
            return


def enter(table: Table, rooms: Sequence[Room], steps: Sequence[Write]) -> None:
    """Make a thing, which takes a place in each of the rooms.

    Raises RoomFull, StorageBusy; TransactionRefused where a step is refused, whatever the rooms.
    """
    _transact(table, rooms, steps, 1)


def leave(table: Table, rooms: Sequence[Room], steps: Sequence[Write]) -> None:
    """Remove a thing, whose place in each of the rooms is free then. Raises StorageBusy, TransactionRefused."""
    _transact(table, rooms, steps, -1)


Move = Callable[[Table, Sequence[Room], Sequence[Write]], None]
"""``enter`` or ``leave``."""


def _transact(table: Table, rooms: Sequence[Room], steps: Sequence[Write], by: int) -> None:
    for _ in range(_TRIES):
        try:
            table.transact([*steps, *(room.change(by) for room in rooms)])
        except TransactionRefused as refusal:
            if any(place < len(steps) for place in refusal.failed):
                raise
            for place in refusal.failed:
                room = place - len(steps)
                if place in refusal.rows:
                    raise RoomFull(room) from refusal
                rooms[room].begin(table)
        else:
            return
    raise StorageBusy("what was counted is forgotten again and again")


def _kept_until() -> int:
    return now_ms() // 1000 + _KEPT_SECONDS
