"""Rows of spending limits, of what counts against them, and of what is reserved.

Limits of a tenant are one partition. Each has a partition of counts, one row for each period and subject: ``taken`` is
what was spent and what is reserved, ``spent`` the former alone. What is reserved stands in a row of its own under its
session, written and removed together with the counts.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from chalicelib.schedules.due import moment
from chalicelib.spending.limits import Limit
from chalicelib.storage import writes
from chalicelib.storage.keys import Key, Space
from chalicelib.storage.marshal import Row, Scalar
from chalicelib.storage.table import Table
from chalicelib.storage.writes import Write

HOLDS = "spending-holds"
_LIMITS, _COUNTS = "spending-limits", "spending-counts"
_KEPT_SECONDS = 70 * 86_400


@dataclass(frozen=True, slots=True)
class Hold:
    """So many units reserved in the counts."""

    id: str
    units: int
    counts: tuple[Key, ...]


class LimitStore:
    """Reads and writes the rows; no rule about limits is here."""

    def __init__(self, table: Table) -> None:
        self.table = table

    def all(self, space: Space) -> list[Limit]:
        """Every limit of a tenant, the newest first."""
        found = [_limit(row) for row in self.table.walk(space.partition(_LIMITS))]
        return sorted(found, key=lambda limit: (limit.created_at, limit.id), reverse=True)

    def find(self, space: Space, limit_id: str) -> Limit | None:
        """One limit."""
        row = self.table.get(space.key(_LIMITS, sk=limit_id))
        return None if row is None else _limit(row)

    def insert(self, space: Space, limit: Limit) -> Write:
        """The write that makes a limit."""
        return writes.put({"pk": space.partition(_LIMITS), "sk": limit.id} | _row(limit), writes.ABSENT)

    def change(self, space: Space, limit_id: str, changes: Mapping[str, Any]) -> Limit:
        """The limit after a change. Raises ConditionFailed."""
        write = writes.update(space.key(_LIMITS, sk=limit_id), dict(changes), writes.PRESENT)
        return _limit(self.table.write(write, returning=True))

    def remove(self, space: Space, limit_id: str) -> None:
        """Remove a limit and its counts."""
        self.table.delete_many([space.key(_LIMITS, sk=limit_id)])
        counts = self.table.walk(space.partition(_COUNTS, limit_id))
        self.table.delete_many([Key(row["pk"], row["sk"]) for row in counts])

    @staticmethod
    def count(space: Space, limit: Limit, subject: str, now: int) -> Key:
        """Where it is counted."""
        return space.key(_COUNTS, limit.id, sk=limit.count_of(subject, now))

    def counted(self, keys: Iterable[Key]) -> dict[Key, Row]:
        """The counts that there are."""
        return self.table.get_many(list(keys))

    def hold(
        self, space: Space, session_id: str, hold: Hold, bounds: Sequence[int], now: int, until: int | None
    ) -> None:
        """Reserve in all counts or none, each up to its bound; the clock looks after it at ``until``.

        Raises TransactionRefused, whose positions are those of the counts plus one.
        """
        row = {"pk": space.partition(HOLDS, session_id), "sk": hold.id, "units": hold.units}
        row["counts"] = json.dumps([[key.pk, key.sk] for key in hold.counts])
        row |= {} if until is None else moment(until)
        steps = [writes.put(row, writes.ABSENT)]
        kept: dict[str, Scalar | None] = {"expires_at": now // 1000 + _KEPT_SECONDS}
        for key, bound in zip(hold.counts, bounds, strict=True):
            room = writes.compare("taken", "<=", bound - hold.units) | writes.missing("taken")
            changes = {} if key.sk.startswith("total") else kept
            steps.append(writes.update(key, changes, room, add={"taken": hold.units, "spent": 0}))
        self.table.transact(steps)

    def settle(self, space: Space, session_id: str, hold: Hold, units: int) -> None:
        """Replace what is reserved by what was spent. Raises TransactionRefused when it was given back before."""
        gone = writes.delete(space.key(HOLDS, session_id, sk=hold.id), writes.PRESENT)
        self.table.transact([gone, *_added(hold.counts, units - hold.units, units)])

    def spend(self, counts: Sequence[Key], units: int) -> None:
        """Count what was spent without having been reserved."""
        self.table.transact(_added(counts, units, units))

    def holds(self, space: Space, session_id: str) -> list[Hold]:
        """What is reserved for a session."""
        rows = self.table.walk(space.partition(HOLDS, session_id))
        return [
            Hold(row["sk"], row["units"], tuple(Key(pk, sk) for pk, sk in json.loads(row["counts"]))) for row in rows
        ]


def _added(counts: Sequence[Key], taken: int, spent: int) -> list[Write]:
    return [writes.update(key, {}, add={"taken": taken, "spent": spent}) for key in counts]


def _row(limit: Limit) -> Row:
    row: Row = {"scope": limit.scope, "period": limit.period, "blocked": limit.blocked}
    row |= {"by_operator": limit.by_operator, "created_at": limit.created_at, "updated_at": limit.updated_at}
    return row | {"subject": limit.subject, "cents": limit.cents}


def _limit(row: Row) -> Limit:
    return Limit(
        row["sk"],
        row["scope"],
        row.get("subject"),
        row["period"],
        row.get("cents"),
        row["blocked"],
        row["by_operator"],
        row["created_at"],
        row["updated_at"],
    )
