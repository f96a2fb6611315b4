"""What has to happen at a moment: rows under one hash of the ``by_due`` index. Light to import: asked all the time."""

from collections.abc import Iterator
from typing import Any

from chalicelib.storage.keys import BY_DUE, Key, system_partition
from chalicelib.storage.marshal import Row
from chalicelib.storage.table import Table

DUE = system_partition("timers", "due")
NO_MOMENT: dict[str, None] = {"due_pk": None, "due_sk": None}
"""The attributes of a row that waits for nothing."""

_PAGE = 50


def moment(at_ms: int) -> dict[str, str]:
    """The attributes of a row that waits for a moment."""
    return {"due_pk": DUE, "due_sk": f"{at_ms:013d}"}


def is_due(row: Row, now: int) -> bool:
    """Whether the row, as it is stored, waits for a moment that has come."""
    return row.get("due_pk") == DUE and row["due_sk"] <= f"{now:013d}"


def next_moment(table: Table) -> int | None:
    """The first moment anything waits for, in milliseconds."""
    rows = table.query_list(DUE, descending=False, limit=1, index=BY_DUE).rows
    return int(rows[0]["due_sk"]) if rows else None


def due_keys(table: Table, now: int) -> Iterator[tuple[Key, str]]:
    """The rows whose moment has come with that moment, the longest due first."""
    start: dict[str, Any] | None = None
    while True:
        page = table.query_list(DUE, high=f"{now:013d}", descending=False, limit=_PAGE, start=start, index=BY_DUE)
        for row in page.rows:
            yield Key(row["pk"], row["sk"]), row["due_sk"]
        start = page.more
        if start is None:
            return
