"""Where wake-ups are kept: one partition a session, with a row each (S#) and their number (COUNT)."""

from chalicelib.schedules.due import moment
from chalicelib.schedules.model import MOST_OPEN, Schedule
from chalicelib.storage import writes
from chalicelib.storage.errors import ConditionFailed, TransactionRefused
from chalicelib.storage.keys import Key, Space
from chalicelib.storage.marshal import Row, Scalar
from chalicelib.storage.table import Table

NOUN = "schedules"
_ROW, _COUNT = "S#", "COUNT"
_FACTS = ("id", "session_id", "prompt", "fire_at", "created_at", "cron", "timezone", "tries")


def restored(row: Row) -> Schedule:
    """The wake-up of a row."""
    return Schedule(**{name: row[name] for name in _FACTS})


class ScheduleStore:
    """Rows of wake-ups."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def row(self, key: Key) -> Row | None:
        """The row of a wake-up."""
        return self._table.get(key)

    def find(self, space: Space, session_id: str, schedule_id: str) -> Schedule | None:
        """A wake-up, if it is open."""
        row = self._table.get(_key(space, session_id, schedule_id))
        return None if row is None else restored(row)

    def open(self, space: Space, session_id: str) -> list[Schedule]:
        """The wake-ups of a session, the next one first."""
        rows = self._table.walk(space.partition(NOUN, session_id), low=_ROW, high=_ROW + "~")
        return sorted((restored(row) for row in rows), key=lambda one: (one.fire_at, one.id))

    def insert(self, space: Space, made: Schedule) -> bool:
        """Store a wake-up; False when the session has as many as it can."""
        key = _key(space, made.session_id, made.id)
        row: Row = {name: getattr(made, name) for name in _FACTS}
        room = writes.missing("open") | writes.compare("open", "<", MOST_OPEN)
        steps = [
            writes.put({"pk": key.pk, "sk": key.sk, **row, **moment(made.fire_at)}, writes.ABSENT),
            writes.update(space.key(NOUN, made.session_id, sk=_COUNT), {}, room, add={"open": 1}),
        ]
        try:
            self._table.transact(steps)
        except TransactionRefused as refusal:
            return 0 in refusal.failed
        return True

    def remove(self, space: Space, gone: Schedule) -> bool:
        """Remove a wake-up; False when it was gone."""
        steps = [
            writes.delete(_key(space, gone.session_id, gone.id), writes.PRESENT),
            writes.update(space.key(NOUN, gone.session_id, sk=_COUNT), {}, writes.PRESENT, add={"open": -1}),
        ]
        return self._table.transacted(steps)

    def move(self, space: Space, seen: Schedule, due_at: int, *, fire_at: int, tries: int) -> None:
        """Let a wake-up wait for another moment, unless another process has moved it."""
        still = writes.equals("fire_at", seen.fire_at) & writes.equals("tries", seen.tries)
        changes: dict[str, Scalar | None] = {"fire_at": fire_at, "tries": tries, **moment(due_at)}
        try:
            self._table.write(writes.update(_key(space, seen.session_id, seen.id), changes, still))
        except ConditionFailed:
            return

    def drop(self, space: Space, session_id: str) -> None:
        """Remove all wake-ups of a session."""
        rows = self._table.walk(space.partition(NOUN, session_id))
        self._table.delete_many([Key(row["pk"], row["sk"]) for row in rows])


def _key(space: Space, session_id: str, schedule_id: str) -> Key:
    return space.key(NOUN, session_id, sk=_ROW + schedule_id)
