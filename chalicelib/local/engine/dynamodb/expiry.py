"""Which items expire when."""

import heapq
from typing import Any

from chalicelib.local.engine.dynamodb.index import Key
from chalicelib.local.engine.dynamodb.table import Table


class Expiries:
    """A queue of expiry times. Entries may be stale: the item decides when its turn comes."""

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, str, Key]] = []
        self._count = 0

    def watch(self, table: Table, key: Key, item: dict[str, Any]) -> None:
        """Remembers an item's expiry, when it has one."""
        when = table.expiry(item)
        if when is not None:
            self._count += 1
            heapq.heappush(self._heap, (when, self._count, table.name, key))

    def due(self, tables: dict[str, Table], now: float) -> list[tuple[Table, Key]]:
        """Takes out the items whose time has come."""
        found: dict[tuple[str, Key], Table] = {}
        while self._heap and self._heap[0][0] <= now:
            _, _, name, key = heapq.heappop(self._heap)
            table = tables.get(name)
            entry = table.entries.get(key) if table else None
            if table and entry:
                when = table.expiry(entry.item)
                if when is not None and when <= now:
                    found[name, key] = table
        return [(table, key) for (_, key), table in found.items()]

    def clear(self) -> None:
        """Forgets everything."""
        self._heap.clear()
