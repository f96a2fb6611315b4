"""Where the clock finds what of the webhooks waits; light to import, for it is asked at every beat."""

from typing import Any

from chalicelib.core.ids import derive_id
from chalicelib.storage.keys import BY_DUE, SEPARATOR, system_partition
from chalicelib.storage.marshal import Row
from chalicelib.storage.queue import Errand
from chalicelib.storage.table import Table

OUTBOX, QUEUE = "webhook_outbox", "webhook_queue"
"""The kinds of errands: messages that are not yet shared out, and the queue of one endpoint."""

RING_AFTER_MS = 20_000
"""When the clock looks after what a doorbell may have been lost for."""

_SHARDS = 4
_PAGE, _MOST_PAGES = 200, 25
_MOST = 200
_END_OF_TIME = 10**13 - 1


def due_fields(key: str, at_ms: int) -> Row:
    """The attributes by which the clock finds a row from a moment on."""
    shard = int(derive_id("webhook-due", key)[:2], 16) % _SHARDS
    return {"due_pk": _partition(shard), "due_sk": f"{at_ms:013d}"}


def due_errands(table: Table, now_ms: int, *, everything: bool = False) -> list[Errand]:
    """What to ring for by now, each once; with ``everything`` also what is due later."""
    before = _END_OF_TIME if everything else now_ms
    found: dict[Errand, None] = {}
    for shard in range(_SHARDS):
        found |= dict.fromkeys(_of_shard(table, _partition(shard), f"{before:013d}"))
    return list(found)


def _of_shard(table: Table, partition: str, high: str) -> dict[Errand, None]:
    """The errands of the rows that are due the longest: many rows of one that is stuck count as one."""
    found: dict[Errand, None] = {}
    start: dict[str, Any] | None = None
    for _ in range(_MOST_PAGES):
        page = table.query_list(partition, high=high, descending=False, limit=_PAGE, start=start, index=BY_DUE)
        found |= dict.fromkeys(_errand(row["pk"]) for row in page.rows)
        start = page.more
        if start is None or len(found) >= _MOST:
            break
    return found


def _partition(shard: int) -> str:
    return system_partition("webhooks_due", str(shard))


def _errand(pk: str) -> Errand:
    _, tenant, kind, *rest = pk.split(SEPARATOR)
    return Errand(kind, tenant, rest[0] if rest else tenant)
