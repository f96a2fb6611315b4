"""A table's items with its sorted partitions and maintained secondary indexes."""

import re
from dataclasses import dataclass, field
from typing import Any

from chalicelib.local.engine.dynamodb.index import Entry, Key, Partitions
from chalicelib.local.engine.dynamodb.values import MAX_ITEM_BYTES, Item, Value, item_size, sort_key
from chalicelib.local.engine.errors import validation


@dataclass(frozen=True, slots=True)
class IndexSchema:
    """A secondary index: its keys and which attributes it carries (None: all)."""

    name: str
    hash_name: str
    range_name: str | None
    carried: frozenset[str] | None
    is_global: bool


@dataclass(frozen=True, slots=True)
class Schema:
    """What a table's definition says about keys."""

    hash_name: str
    range_name: str | None
    types: dict[str, str]
    indexes: dict[str, IndexSchema]

    @property
    def key_names(self) -> tuple[str, ...]:
        """The names of the primary key's attributes."""
        return (self.hash_name,) if self.range_name is None else (self.hash_name, self.range_name)


@dataclass(slots=True)
class Table:
    """Items of one table. Not thread-safe: the store's lock guards it."""

    name: str
    schema: Schema
    ttl_name: str | None = None
    # A table known only from the journal is not served until it is created in this process.
    live: bool = False
    entries: dict[Key, Entry] = field(default_factory=dict)
    primary: Partitions = field(default_factory=Partitions)
    secondary: dict[str, Partitions] = field(default_factory=dict)

    def key_of_key(self, given: Item) -> Key:
        """The normal form of a `Key` parameter. Raises ValidationException."""
        names = self.schema.key_names
        if len(given) != len(names) or any(
            name not in given or self.schema.types[name] not in given[name] for name in names
        ):
            raise validation("The provided key element does not match the schema")
        return self._key(given)

    def key_of_item(self, item: Item) -> Key:
        """The primary key of an item, checked. Raises ValidationException."""
        for name in self.schema.key_names:
            if name not in item:
                raise validation(f"One or more parameter values were invalid: Missing the key {name} in the item")
            wanted = self.schema.types[name]
            if wanted not in item[name]:
                actual = next(iter(item[name]))
                raise validation(
                    "One or more parameter values were invalid: "
                    f"Type mismatch for key {name} expected: {wanted} actual: {actual}"
                )
        return self._key(item)

    def _key(self, item: Item) -> Key:
        key = tuple(sort_key(item[name]) for name in self.schema.key_names)
        for name, part in zip(self.schema.key_names, key, strict=True):
            if part in ("", b""):
                raise validation(
                    "One or more parameter values are not valid. The AttributeValue for a key attribute "
                    f"cannot contain an empty string value. Key: {name}"
                )
        return key

    def key_item(self, item: Item) -> Item:
        """The primary key's attributes alone."""
        return {name: item[name] for name in self.schema.key_names}

    def entry(self, key: Key, item: Item) -> Entry:
        """An entry ready to be stored. Raises ValidationException for its size or its index keys."""
        size = item_size(item)
        if size > MAX_ITEM_BYTES:
            raise validation("Item size has exceeded the maximum allowed size")
        places = tuple(
            (name, place, (*sort, *key))
            for name, index in self.schema.indexes.items()
            for place, sort in self._index_key(index, item)
        )
        return Entry(key, item, size, places)

    def _index_key(self, index: IndexSchema, item: Item) -> list[tuple[Any, Key]]:
        found: list[Any] = []
        for name in filter(None, (index.hash_name, index.range_name)):
            value = item.get(name)
            if value is None:
                return []
            self._check_index_key(index, name, value)
            found.append(sort_key(value))
        return [(found[0], tuple(found[1:]))]

    def _check_index_key(self, index: IndexSchema, name: str, value: Value) -> None:
        ((tag, content),) = value.items()
        wanted = self.schema.types[name]
        if tag != wanted:
            raise validation(
                f"One or more parameter values were invalid: Type mismatch for Index Key {name} "
                f"Expected: {wanted} Actual: {tag} IndexName: {index.name}"
            )
        if content in ("", b""):
            raise validation(
                "One or more parameter values are not valid. A value specified for a secondary index key is "
                "not supported. The AttributeValue for a key attribute cannot contain an empty string value. "
                f"IndexName: {index.name}, IndexKey: {name}"
            )

    def put(self, entry: Entry) -> None:
        """Stores an entry in the place of any other under its key."""
        old = self.entries.get(entry.key)
        if old is not None and old.places != entry.places:
            self._unplace(old)
        self.entries[entry.key] = entry
        self.primary.put(entry.key[0], entry.key[1:], entry)
        for name, place, sort in entry.places:
            self.secondary.setdefault(name, Partitions()).put(place, sort, entry)

    def remove(self, key: Key) -> None:
        """Takes an item out; does nothing when absent."""
        old = self.entries.pop(key, None)
        if old is not None:
            self.primary.remove(key[0], key[1:])
            self._unplace(old)

    def _unplace(self, entry: Entry) -> None:
        for name, place, sort in entry.places:
            self.secondary[name].remove(place, sort)

    def clear(self) -> None:
        """Takes every item out."""
        self.entries, self.primary, self.secondary = {}, Partitions(), {}

    def adopt(self, schema: Schema) -> None:
        """Takes a definition over, building anew the indexes it changes."""
        if schema == self.schema:
            return
        kept = list(self.entries.values())
        self.clear()
        self.schema = schema
        for entry in kept:
            self.put(self.entry(entry.key, entry.item))

    def expiry(self, item: Item) -> float | None:
        """When an item expires, in seconds since the epoch; None for never."""
        value = item.get(self.ttl_name) if self.ttl_name else None
        text = value.get("N") if value else None
        return float(text) if text and re.fullmatch(r"\d+(\.\d+)?", text) else None
