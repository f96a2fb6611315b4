"""Slices of lists that are ordered by creation: index keys first, then the rows themselves, read consistently."""

import heapq
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from chalicelib.storage.keys import SEPARATOR, Key
from chalicelib.storage.marshal import Row
from chalicelib.storage.table import Table

_LAST_MS = 9_999_999_999_999
_HIGHEST = "~"
_NO_LETTERS = range(0xD800, 0xE000)
_BATCH = 100


@dataclass(frozen=True, slots=True)
class Window:
    """Which part of a list. ``after`` is the ``list_sk`` of the row before the first wanted one, in reading order;
    the creation bounds are milliseconds, both inclusive."""

    limit: int
    after: str | None = None
    created_from: int | None = None
    created_to: int | None = None
    ascending: bool = False

    def bounds(self) -> tuple[str, str] | None:
        """The lowest and highest ``list_sk`` of the slice; None when nothing can be in it."""
        low = f"{_clamped(self.created_from or 0):013d}"
        to_ms = _LAST_MS if self.created_to is None else _clamped(self.created_to)
        high = f"{to_ms:013d}{SEPARATOR}{_HIGHEST}"
        if self.created_to is not None and self.created_to < 0:
            return None
        if self.after and self.ascending:
            low = max(low, _neighbour(self.after, 1))
        elif self.after:
            high = min(high, _neighbour(self.after, -1))
        return (low, high) if low <= high else None


@dataclass(frozen=True, slots=True)
class Found:
    """Rows of a slice in reading order, and whether more follow."""

    rows: list[Row]
    more: bool


Pointer = tuple[str, Key]
Source = Iterator[Pointer]
Keep = Callable[[Row], bool]


def _clamped(at_ms: int) -> int:
    return min(max(at_ms, 0), _LAST_MS)


def _neighbour(position: str, step: int) -> str:
    """The text next to a position: all positions have the same length, so none lies between."""
    letter = ord(position[-1]) + step
    if letter in _NO_LETTERS:
        letter += step * len(_NO_LETTERS)
    return position[:-1] + chr(min(max(letter, 0), sys.maxunicode))


def index_source(table: Table, listing: str, window: Window) -> Source:
    """Pointers out of the ``by_list`` index."""
    for row in _paged(table.query_list, listing, window):
        yield row["list_sk"], Key(row["pk"], row["sk"])


def partition_source(table: Table, partition: str, window: Window, target: Callable[[Row], Key]) -> Source:
    """Pointers out of a partition of rows whose ``sk`` is a list position."""
    for row in _paged(table.query, partition, window):
        yield row["sk"], target(row)


def _paged(query: Callable[..., Any], partition: str, window: Window) -> Iterator[Row]:
    bounds = window.bounds()
    if bounds is None:
        return
    start: dict[str, Any] | None = None
    while True:
        page = query(
            partition,
            low=bounds[0],
            high=bounds[1],
            descending=not window.ascending,
            limit=min(window.limit + 1, _BATCH),
            start=start,
        )
        yield from page.rows
        start = page.more
        if start is None:
            return


def read(table: Table, sources: Sequence[Source], window: Window, keep: Keep) -> Found:
    """The next rows that ``keep`` accepts, merged from sources in reading order."""
    pointers = heapq.merge(*sources, key=lambda pointer: pointer[0], reverse=not window.ascending)
    rows: list[Row] = []
    while len(rows) <= window.limit:
        keys = [key for _, key in islice(pointers, min(window.limit + 1, _BATCH))]
        if not keys:
            break
        stored = table.get_many(keys)
        rows += [stored[key] for key in dict.fromkeys(keys) if key in stored and keep(stored[key])]
    return Found(rows[: window.limit], len(rows) > window.limit)


def read_lists(table: Table, listings: Sequence[str], window: Window, keep: Keep = lambda _row: True) -> Found:
    """As ``read``, of lists of the index."""
    return read(table, [index_source(table, listing, window) for listing in listings], window, keep)


def read_states(table: Table, listings: tuple[str, str], shown: tuple[bool, bool], window: Window, keep: Keep) -> Found:
    """As ``read_lists``, of things that move from the first list to the second when they are archived; ``shown`` tells
    whether those of each are wanted."""

    def wanted(row: Row) -> bool:
        # The index follows the rows, and may be behind them.
        return shown[row.get("archived_at") is not None] and keep(row)

    chosen = [listing for listing, is_shown in zip(listings, shown, strict=True) if is_shown]
    return read_lists(table, chosen, window, wanted)
