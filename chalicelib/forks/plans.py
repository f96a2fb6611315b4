"""What a fork is going to be, kept from before its first row until it is whole, so that a repeat makes the same."""

from dataclasses import dataclass

from chalicelib.core.clock import now_ms
from chalicelib.events.log import SessionRef
from chalicelib.sessions.store import due_partition
from chalicelib.storage import writes
from chalicelib.storage.errors import ConditionFailed
from chalicelib.storage.marshal import Row
from chalicelib.storage.table import Table
from chalicelib.storage.writes import Write

_SK = "F"
PATIENCE_MS = 3_600_000
"""A fork that is not whole after this time is given up."""


@dataclass(frozen=True, slots=True)
class Plan:
    """The source and the last number of its log that the fork has; ``asked`` is the number that was asked for."""

    source: str
    seq: int
    asked: int
    done: bool = False
    until: int = 0


class Plans:
    """One row in the partition of each fork."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def claim(self, ref: SessionRef, plan: Plan) -> Plan:
        """Keep a plan; the one that is kept already, if there is one."""
        until = now_ms() + PATIENCE_MS
        row: Row = {"pk": ref.pk, "sk": _SK, "source": plan.source, "seq": plan.seq, "asked": plan.asked}
        row |= {"until": until, "due_pk": due_partition(ref.id), "due_sk": f"{until:013d}"}
        try:
            self._table.write(writes.put(row, writes.ABSENT))
        except ConditionFailed as taken:
            return _plan(taken.row or row)
        return plan

    def find(self, ref: SessionRef) -> Plan | None:
        """The plan of a fork, None if the session is no fork."""
        row = self._table.get(ref.key(_SK))
        return None if row is None else _plan(row)

    def done_write(self, ref: SessionRef) -> Write:
        """The write, together with the last of the fork's rows, after which it is whole."""
        changes: dict[str, str | int | bool | bytes | None] = {"done": 1, "due_pk": None, "due_sk": None, "until": None}
        return writes.update(ref.key(_SK), changes, writes.PRESENT & writes.missing("done"))

    def give_up(self, ref: SessionRef, now: int) -> bool:
        """Whether there was a plan whose time is over; nobody can carry it out any more."""
        over = writes.PRESENT & writes.missing("done") & writes.compare("until", "<=", now)
        try:
            self._table.write(writes.delete(ref.key(_SK), over))
        except ConditionFailed:
            return False
        return True


def _plan(row: Row) -> Plan:
    return Plan(row["source"], row["seq"], row["asked"], "done" in row, row.get("until", 0))
