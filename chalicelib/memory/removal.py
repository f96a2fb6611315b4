"""Removing a whole store: gone for everybody at once, its rows bit by bit."""

from collections.abc import Sequence

from chalicelib.core.clock import now_ms
from chalicelib.memory import rows
from chalicelib.memory.errors import MemoryStoreNotFound
from chalicelib.observability import apart
from chalicelib.storage import writes
from chalicelib.storage.errors import TransactionRefused
from chalicelib.storage.keys import Key, Space, list_sk
from chalicelib.storage.marshal import Scalar
from chalicelib.storage.objects import Objects
from chalicelib.storage.table import Table
from chalicelib.storage.writes import Write

_AT_ONCE = 300
_A_TICK = 3000
_STORES_A_TICK = 20
_PAGE = 100
_PATIENCE_MS = 60_000


class Removal:
    """A store that is marked as removed is found by nobody; what a request does not finish the clock does."""

    def __init__(self, table: Table, objects: Objects) -> None:
        self._table = table
        self._objects = objects

    def begin(self, space: Space, store_id: str, told: Sequence[Write] = ()) -> None:
        """Mark a store, together with other writes, and remove the first of its rows. Raises MemoryStoreNotFound."""
        now = now_ms()
        mark: dict[str, Scalar | None] = {
            "deleted_at": now,
            "list_pk": None,
            "list_sk": None,
            "due_pk": rows.REMOVING,
            "due_sk": list_sk(now + _PATIENCE_MS, store_id),
        }
        there = writes.PRESENT & writes.missing("deleted_at")
        try:
            self._table.transact([writes.update(rows.key(space, store_id), mark, there), *told])
        except TransactionRefused:
            raise MemoryStoreNotFound from None
        self._go_on(space, store_id, _AT_ONCE)

    def sweep(self) -> int:
        """Go on with stores whose removal was cut off or left for later; how many rows went."""
        due = self._table.query_list(
            rows.REMOVING,
            high=f"{now_ms():013d}~",
            descending=False,
            limit=_STORES_A_TICK,
            index=rows.DUE_INDEX,
        )
        left = _A_TICK
        for row in due.rows:
            if left <= 0:
                break
            with apart("memory", "a memory store could not be removed"):
                left -= self._go_on(*rows.owner_of(row["pk"]), left)
        return _A_TICK - left

    def _go_on(self, space: Space, store_id: str, most: int) -> int:
        """Remove so many rows at most; the store itself goes last. How many went."""
        head, gone = rows.key(space, store_id), 0
        while gone < most:
            page = self._table.query(head.pk, limit=_PAGE)
            keys = [Key(row["pk"], row["sk"]) for row in page.rows if row["sk"] != head.sk]
            if apart := [row["docref"] for row in page.rows if "docref" in row and row["sk"] != head.sk]:
                self._objects.delete_many(apart)
            self._table.delete_many(keys)
            gone += len(keys)
            if not keys and page.more is None:
                self._table.delete_many([head])
                return gone + 1
        return gone
