"""Which sandboxes the clock has to look at; light to import, for it is asked every minute."""

from chalicelib.storage.keys import BY_DUE, system_partition
from chalicelib.storage.marshal import Row
from chalicelib.storage.table import Table

DUE = system_partition("sandboxes", "due")


def due_rows(table: Table, now_ms: int, most: int) -> list[Row]:
    """Keys of the sandboxes whose moment has come, the longest due first."""
    return table.query_list(DUE, high=f"{now_ms:013d}~", descending=False, limit=most, index=BY_DUE).rows


def any_due(table: Table, now_ms: int) -> bool:
    """Whether there is any."""
    return bool(due_rows(table, now_ms, 1))
