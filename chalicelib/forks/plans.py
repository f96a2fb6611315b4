"""What a fork or an import is going to be, kept from before its first row until it is whole, so that a repeat makes the
same."""

from dataclasses import dataclass

from chalicelib.core.clock import now_ms
from chalicelib.events.log import SessionRef
from chalicelib.sessions.store import due_partition
from chalicelib.storage import writes
from chalicelib.storage.errors import ConditionFailed, StorageBusy
from chalicelib.storage.marshal import Row
from chalicelib.storage.table import Table
from chalicelib.storage.writes import Write

PLAN = "F"
PATIENCE_MS = 3_600_000
"""What is not whole so long after it was last begun is given up."""
_OPEN = writes.PRESENT & writes.missing("done") & writes.missing("over")


@dataclass(frozen=True, slots=True)
class Plan:
    """The source (of an import, what it was asked for with) and the last number of its log that the new session has;
    ``asked`` is the number that was asked for, ``told`` what there is to tell again once it is done."""

    source: str
    seq: int
    asked: int
    done: bool = False
    until: int = 0
    told: str = ""


class Plans:
    """One row in the partition of each session that is made over a log."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def claim(self, ref: SessionRef, plan: Plan) -> Plan:
        """Keep a plan; the one that is kept already, if there is one. Raises StorageBusy as ``resume``."""
        row: Row = {"pk": ref.pk, "sk": PLAN, "source": plan.source, "seq": plan.seq, "asked": plan.asked}
        row |= {"due_pk": due_partition(ref.id), **_until(now_ms() + PATIENCE_MS)}
        try:
            self._table.write(writes.put(row, writes.ABSENT))
        except ConditionFailed:
            return self.resume(ref)
        return plan

    def resume(self, ref: SessionRef) -> Plan:
        """The plan that is kept, with its time begun anew if it is not done: a repeat carries it out.

        Raises StorageBusy while what is left of it is being removed.
        """
        try:
            return _plan(self._table.write(self._renewal(ref), returning=True))
        except ConditionFailed as refused:
            if refused.row is not None and "done" in refused.row:
                return _plan(refused.row)
            raise StorageBusy("what is left of an earlier try is being removed") from refused

    @staticmethod
    def _renewal(ref: SessionRef) -> Write:
        return writes.update(ref.key(PLAN), {**_until(now_ms() + PATIENCE_MS)}, _OPEN)

    def find(self, ref: SessionRef) -> Plan | None:
        """The plan of a session, None if it was not made over a log."""
        row = self._table.get(ref.key(PLAN))
        return None if row is None else _plan(row)

    def done_write(self, ref: SessionRef, told: str = "") -> Write:
        """The write, together with the last of the session's rows, after which it is whole."""
        changes: dict[str, str | int | bool | bytes | None] = {"done": 1, "due_pk": None, "due_sk": None, "until": None}
        changes |= {"told": told} if told else {}
        return writes.update(ref.key(PLAN), changes, _OPEN)

    def give_up(self, ref: SessionRef, now: int) -> bool:
        """Whether there is a plan whose time is over; nobody can carry it out any more.

        It stays until all that is left of it is removed, so that whoever dies over that is followed by the clock.
        """
        late = writes.PRESENT & writes.missing("done") & writes.compare("until", "<=", now)
        try:
            self._table.write(writes.update(ref.key(PLAN), {"over": 1}, late))
        except ConditionFailed:
            return False
        return True


def _until(moment: int) -> dict[str, int | str]:
    return {"until": moment, "due_sk": f"{moment:013d}"}


def _plan(row: Row) -> Plan:
    return Plan(row["source"], row["seq"], row["asked"], "done" in row, row.get("until", 0), row.get("told", ""))
