"""Where spending is added up: a row for each tenant, day, model and source, in shards, so that sessions that end their
runs at the same moment seldom meet; a partition holds a month. What was spent for an end user is added up in like rows
of that user too, which are kept for 400 days."""

import hashlib
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

from chalicelib.core.clock import now_ms
from chalicelib.core.ids import derive_id
from chalicelib.spending.model import COUNTED, Spent
from chalicelib.storage import writes
from chalicelib.storage.keys import Key, Space
from chalicelib.storage.marshal import Row, Scalar
from chalicelib.storage.table import Table
from chalicelib.storage.writes import Write

SHARDS = 8
_NOUN, _OF_USERS = "spending", "spending-users"
_UNIT = Decimal(10) ** 12
_MONTH = 7
_KEPT = timedelta(days=400)


def today() -> str:
    """The day (UTC) for which calls count now."""
    return datetime.fromtimestamp(now_ms() / 1000, UTC).date().isoformat()


def spent_writes(space: Space, spender_id: str, spent: Spent, end_user: str | None) -> list[Write]:
    """The writes that add to what a model cost on a day, in all and for an end user; they belong into the transaction
    that notes the same calls elsewhere. ``spender_id`` is the session's id, or the chat's."""
    sk = _sk(spender_id, spent)
    made = [_added(space.key(_NOUN, spent.day[:_MONTH], sk=sk), spent)]
    if end_user:
        until = datetime.combine(date.fromisoformat(spent.day), datetime.min.time(), UTC) + _KEPT
        key = space.key(_OF_USERS, _digest(end_user), spent.day[:_MONTH], sk=sk)
        made.append(_added(key, spent, expires_at=int(until.timestamp())))
    return made


def _sk(spender_id: str, spent: Spent) -> str:
    shard = int(derive_id("spending", spender_id)[:2], 16) % SHARDS
    source = "" if spent.source == "session" else f"#{spent.source}"
    return f"{spent.day}#{_digest(spent.model)}#{shard}{source}"


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def _added(key: Key, spent: Spent, **more: Scalar | None) -> Write:
    named: dict[str, Scalar | None] = {"model": spent.model, "day": spent.day, "source": spent.source, **more}
    amounts = {"cost": int((spent.cost * _UNIT).to_integral_value()), "calls": spent.calls, "unpriced": spent.unpriced}
    return writes.update(key, named, add=amounts | spent.tokens)


class SpendingStore:
    """Reads what was added up."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def between(self, space: Space, first: date, last: date, end_user: str | None = None) -> list[Spent]:
        """What was spent from ``first`` to ``last``, in all or for an end user, by day, model and source."""
        found: dict[tuple[str, str, str], Spent] = {}
        for row in self._rows(space, first, last, end_user):
            source = row.get("source", "session")
            empty = Spent(row["model"], row["day"], source=source)
            one = found.setdefault((row["day"], row["model"], source), empty)
            tokens = {name: row[name] for name in COUNTED}
            one.add(tokens, Decimal(row["cost"]) / _UNIT, calls=row["calls"], unpriced=row["unpriced"])
        return [found[at] for at in sorted(found)]

    def _rows(self, space: Space, first: date, last: date, end_user: str | None) -> Iterator[Row]:
        whose = (_NOUN,) if end_user is None else (_OF_USERS, _digest(end_user))
        month = first.replace(day=1)
        while month <= last:
            partition = space.partition(*whose, month.isoformat()[:_MONTH])
            yield from self._table.walk(partition, low=first.isoformat(), high=f"{last.isoformat()}~")
            month = (month + timedelta(days=32)).replace(day=1)
