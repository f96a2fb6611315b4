"""Where spending is added up: a row for each tenant, day and model, in shards, so that sessions that end their runs at
the same moment seldom meet; a partition holds a month."""

import hashlib
from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal

from chalicelib.core.ids import derive_id
from chalicelib.spending.model import COUNTED, Spent
from chalicelib.storage import writes
from chalicelib.storage.keys import Space
from chalicelib.storage.marshal import Row
from chalicelib.storage.table import Table
from chalicelib.storage.writes import Write

SHARDS = 8
_NOUN = "spending"
_UNIT = Decimal(10) ** 12
_MONTH = 7


def spent_write(space: Space, session_id: str, spent: Spent) -> Write:
    """The write that adds to what a model cost on a day; it belongs into the transaction that adds to the session."""
    shard = int(derive_id("spending", session_id)[:2], 16) % SHARDS
    place = hashlib.sha256(spent.model.encode()).hexdigest()[:32]
    key = space.key(_NOUN, spent.day[:_MONTH], sk=f"{spent.day}#{place}#{shard}")
    amounts = {"cost": int((spent.cost * _UNIT).to_integral_value()), "calls": spent.calls, "unpriced": spent.unpriced}
    return writes.update(key, {"model": spent.model, "day": spent.day}, add=amounts | spent.tokens)


class SpendingStore:
    """Reads what was added up."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def between(self, space: Space, first: date, last: date) -> list[Spent]:
        """What was spent on the days from ``first`` to ``last``, by day and model."""
        found: dict[tuple[str, str], Spent] = {}
        for row in self._rows(space, first, last):
            one = found.setdefault((row["day"], row["model"]), Spent(row["model"], row["day"]))
            tokens = {name: row[name] for name in COUNTED}
            one.add(tokens, Decimal(row["cost"]) / _UNIT, calls=row["calls"], unpriced=row["unpriced"])
        return [found[at] for at in sorted(found)]

    def _rows(self, space: Space, first: date, last: date) -> Iterator[Row]:
        month = first.replace(day=1)
        while month <= last:
            partition = space.partition(_NOUN, month.isoformat()[:_MONTH])
            yield from self._table.walk(partition, low=first.isoformat(), high=f"{last.isoformat()}~")
            month = (month + timedelta(days=32)).replace(day=1)
