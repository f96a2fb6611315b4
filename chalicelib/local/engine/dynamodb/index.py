"""Sorted runs of entries, and the partitions of a table or of a secondary index made of them."""

from bisect import bisect_left, bisect_right, insort
from dataclasses import dataclass, field
from itertools import islice
from operator import itemgetter
from typing import Any, NamedTuple

from chalicelib.local.engine.dynamodb.values import Item

Key = tuple[Any, ...]
_FIRST = itemgetter(0)


@dataclass(frozen=True, slots=True, eq=False)
class Entry:
    """One stored item: its primary key, its size in bytes, and where the indexes keep it."""

    key: Key
    item: Item
    size: int
    places: tuple[tuple[str, Any, Key], ...] = ()


class Range(NamedTuple):
    """A bound on the sort key of a query: `=`, `<`, `<=`, `>`, `>=`, `BETWEEN` or `begins_with`."""

    operator: str
    low: Any
    high: Any = None


def _after_prefix(prefix: Any) -> Any:
    """The least key that sorts after everything that begins with the prefix, or None."""
    if isinstance(prefix, bytes):
        trimmed = prefix.rstrip(b"\xff")
        return trimmed[:-1] + bytes([trimmed[-1] + 1]) if trimmed else None
    text = prefix.rstrip("\U0010ffff")
    return text[:-1] + chr(ord(text[-1]) + 1) if text else None


@dataclass(slots=True)
class Run:
    """The entries of one partition in the order of their sort keys."""

    keys: list[Key] = field(default_factory=list)
    entries: dict[Key, Entry] = field(default_factory=dict)

    def put(self, key: Key, entry: Entry) -> None:
        """Adds or replaces."""
        if key not in self.entries:
            # Logs grow at the end: appending spares the search and the shift.
            if not self.keys or self.keys[-1] < key:
                self.keys.append(key)
            else:
                insort(self.keys, key)
        self.entries[key] = entry

    def remove(self, key: Key) -> None:
        """Takes out; does nothing when absent."""
        if self.entries.pop(key, None) is not None:
            del self.keys[bisect_left(self.keys, key)]

    def span(self, bound: Range | None) -> tuple[int, int]:
        """The half-open slice of positions that a bound on the sort key allows."""
        keys = self.keys
        if bound is None:
            return 0, len(keys)
        sign, low, high = bound
        if sign == "begins_with":
            end = _after_prefix(low)
            last = len(keys) if end is None else bisect_left(keys, end, key=_FIRST)
            return bisect_left(keys, low, key=_FIRST), last
        start, stop = 0, len(keys)
        if sign in ("=", ">=", "BETWEEN"):
            start = bisect_left(keys, low, key=_FIRST)
        elif sign == ">":
            start = bisect_right(keys, low, key=_FIRST)
        if sign in ("=", "<="):
            stop = bisect_right(keys, low, key=_FIRST)
        elif sign == "<":
            stop = bisect_left(keys, low, key=_FIRST)
        elif sign == "BETWEEN":
            stop = bisect_right(keys, high, key=_FIRST)
        return start, max(start, stop)

    def walk(self, bound: Range | None, after: Key | None, forward: bool) -> "Walk":
        """The entries within a bound, strictly after a key, in either direction."""
        start, stop = self.span(bound)
        if after is not None and forward:
            start = max(start, bisect_right(self.keys, after))
        elif after is not None:
            stop = min(stop, bisect_left(self.keys, after))
        return Walk(self, range(start, stop) if forward else range(stop - 1, start - 1, -1))


class Walk:
    """A lazy pass over positions of a run; valid only while the store's lock is held."""

    def __init__(self, run: Run, positions: range) -> None:
        self._run = run
        self._positions = iter(positions)

    def __iter__(self) -> "Walk":
        return self

    def __next__(self) -> Entry:
        return self._run.entries[self._run.keys[next(self._positions)]]


@dataclass(slots=True)
class Partitions:
    """Runs by partition key, themselves in order, so that a scan can be continued."""

    runs: dict[Any, Run] = field(default_factory=dict)
    order: list[Any] = field(default_factory=list)

    def put(self, hash_key: Any, sort: Key, entry: Entry) -> None:
        """Adds or replaces an entry."""
        run = self.runs.get(hash_key)
        if run is None:
            run = self.runs[hash_key] = Run()
            insort(self.order, hash_key)
        run.put(sort, entry)

    def remove(self, hash_key: Any, sort: Key) -> None:
        """Takes an entry out, and its run when that was the last one."""
        run = self.runs.get(hash_key)
        if run is None:
            return
        run.remove(sort)
        if not run.keys:
            del self.runs[hash_key]
            del self.order[bisect_left(self.order, hash_key)]

    def scan(self, after: tuple[Any, Key] | None) -> "Any":
        """Every entry in order of partition and sort key, strictly after a place."""
        start = 0 if after is None else bisect_left(self.order, after[0])
        for hash_key in islice(self.order, start, None):
            follows = after[1] if after is not None and hash_key == after[0] else None
            yield from self.runs[hash_key].walk(None, follows, forward=True)
