"""Rows of spending limits, of what counts against them, and of what is reserved.

Limits of a tenant are one partition. Each has a partition of counts, one row for each period and subject: ``taken`` is
what was spent and what is reserved, ``spent`` the former alone. What is reserved stands in a row of its own under its
session, written and removed together with the counts.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import astuple, dataclass
from typing import Any

from chalicelib.core.ids import derive_id
from chalicelib.schedules.due import moment
from chalicelib.spending.limits import Limit
from chalicelib.storage import rooms, writes
from chalicelib.storage.errors import TransactionRefused
from chalicelib.storage.keys import Key, Space
from chalicelib.storage.marshal import Row, Scalar
from chalicelib.storage.rooms import Room
from chalicelib.storage.table import Table
from chalicelib.storage.writes import Write
from chalicelib.tenants.holdings import Holdings

HOLDS = "spending-holds"
MOST_LIMITS = 500
MOST_ALIKE = 10
"""So many limits for one subject: all that apply to a call are counted in one transaction."""
_LIMITS, _COUNTS = "spending-limits", "spending-counts"
_KEPT_SECONDS = 70 * 86_400


@dataclass(frozen=True, slots=True)
class Share:
    """So many units reserved in one count, which goes by the operator's prices or by the tenant's."""

    count: Key
    units: int
    listed: bool = False


@dataclass(frozen=True, slots=True)
class Cost:
    """What a call costs in units, at the tenant's prices and at the operator's."""

    own: int = 0
    listed: int = 0

    def of(self, share: Share) -> int:
        """What a count counts of it."""
        return self.listed if share.listed else self.own


@dataclass(frozen=True, slots=True)
class Hold:
    """What is reserved for a call."""

    id: str
    shares: tuple[Share, ...]


class LimitStore:
    """Reads and writes the rows; no rule about limits is here."""

    def __init__(self, table: Table, holdings: Holdings) -> None:
        self.table = table
        self._holdings = holdings

    def all(self, space: Space) -> list[Limit]:
        """Every limit of a tenant, the newest first."""
        found = [_limit(row) for row in self.table.walk(space.partition(_LIMITS))]
        return sorted(found, key=lambda limit: (limit.created_at, limit.id), reverse=True)

    def find(self, space: Space, limit_id: str) -> Limit | None:
        """One limit."""
        row = self.table.get(space.key(_LIMITS, sk=limit_id))
        return None if row is None else _limit(row)

    def insert(self, space: Space, limit: Limit) -> bool:
        """Store a new limit; False when its id is taken. Raises RoomFull: 0 for the tenant's, 1 for those alike."""
        row = {"pk": space.partition(_LIMITS), "sk": limit.id} | _row(limit)
        return self._moved(rooms.enter, space, limit, writes.put(row, writes.ABSENT))

    def change(self, space: Space, limit_id: str, changes: Mapping[str, Any]) -> bool:
        """Change a limit; False when there is none."""
        changed = writes.update(space.key(_LIMITS, sk=limit_id), dict(changes), writes.PRESENT)
        return self.table.transacted([changed, self._holdings.changed(space, "limits")])

    def _moved(self, move: rooms.Move, space: Space, limit: Limit, write: Write) -> bool:
        everything = Room(space.key(_LIMITS, "room", sk="ROOM"), MOST_LIMITS, lambda: len(self.all(space)))
        alike = Room(
            space.key(_LIMITS, "room", derive_id(json.dumps(limit.about)), sk="ROOM"),
            MOST_ALIKE,
            lambda: sum(one.about == limit.about for one in self.all(space)),
        )
        try:
            move(self.table, [everything, alike], [write, self._holdings.changed(space, "limits")])
        except TransactionRefused:
            return False
        return True

    def remove(self, space: Space, limit: Limit) -> None:
        """Remove a limit and its counts."""
        self._moved(rooms.leave, space, limit, writes.delete(space.key(_LIMITS, sk=limit.id), writes.PRESENT))
        counts = self.table.walk(space.partition(_COUNTS, limit.id))
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
        row: Row = {"pk": space.partition(HOLDS, session_id), "sk": hold.id}
        row["shares"] = json.dumps([[*astuple(one.count), one.units, one.listed] for one in hold.shares])
        row |= {} if until is None else moment(until)
        steps = [writes.put(row, writes.ABSENT)]
        kept: dict[str, Scalar | None] = {"expires_at": now // 1000 + _KEPT_SECONDS}
        for one, bound in zip(hold.shares, bounds, strict=True):
            room = writes.compare("taken", "<=", bound - one.units) | writes.missing("taken")
            changes = {} if one.count.sk.startswith("total") else kept
            steps.append(writes.update(one.count, changes, room, add={"taken": one.units, "spent": 0}))
        self.table.transact(steps)

    def settle(self, space: Space, session_id: str, hold: Hold, cost: Cost, also: Sequence[Write] = ()) -> None:
        """Replace what is reserved by what was spent, together with other writes.

        Raises TransactionRefused when it was given back before.
        """
        gone = writes.delete(space.key(HOLDS, session_id, sk=hold.id), writes.PRESENT)
        self.table.transact(
            [gone, *(_added(one, cost.of(one) - one.units, cost.of(one)) for one in hold.shares), *also]
        )

    def spend(self, shares: Iterable[Share], cost: Cost, also: Sequence[Write] = ()) -> None:
        """Count what was spent without being reserved any more, together with other writes."""
        self.table.transact([*(_added(one, cost.of(one), cost.of(one)) for one in shares), *also])

    def holds(self, space: Space, session_id: str) -> list[Hold]:
        """What is reserved for a session."""
        rows = self.table.walk(space.partition(HOLDS, session_id))
        return [Hold(row["sk"], tuple(map(_share, json.loads(row["shares"])))) for row in rows]


def _share(told: list[Any]) -> Share:
    pk, sk, units, listed = told
    return Share(Key(pk, sk), units, listed)


def _added(share: Share, taken: int, spent: int) -> Write:
    return writes.update(share.count, {}, add={"taken": taken, "spent": spent})


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
