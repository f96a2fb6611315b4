"""Reads that are described before they are made, so that several things come in one call."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

from chalicelib.storage.keys import Key
from chalicelib.storage.marshal import Row
from chalicelib.storage.table import Table

T = TypeVar("T")
U = TypeVar("U")
Rows = Mapping[Key, Row]


@dataclass(frozen=True, slots=True)
class Lookup(Generic[T]):
    """The rows a thing is made of, and how; ``make`` is given those that exist, and may raise for those that do not."""

    table: Table
    keys: tuple[Key, ...]
    make: Callable[[Rows], T]

    def read(self) -> T:
        """The thing. Raises what ``make`` raises."""
        if len(self.keys) > 1:
            return self.make(self.table.get_many(self.keys))
        key = self.keys[0]
        row = self.table.get(key)
        return self.make({} if row is None else {key: row})

    def read_with(self, other: "Lookup[U]") -> tuple[T, U]:
        """Both things, in one call of the table. Raises what ``make`` of either raises, this one's first."""
        rows = self.table.get_many([*self.keys, *other.keys])
        return self.make(rows), other.make(rows)

    def then(self, step: Callable[[T], U]) -> "Lookup[U]":
        """The same read, with a further step on what came of it."""
        return Lookup(self.table, self.keys, lambda rows: step(self.make(rows)))
