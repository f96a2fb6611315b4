"""The tables of the engine: one lock, one way to commit, and what the journal says of them."""

import base64
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from sys import intern
from typing import Any

from chalicelib.local.engine.dynamodb.expiry import Expiries
from chalicelib.local.engine.dynamodb.index import Entry, Key
from chalicelib.local.engine.dynamodb.table import IndexSchema, Schema, Table
from chalicelib.local.engine.dynamodb.values import Item, Value
from chalicelib.local.engine.errors import ServiceError, TemplateError
from chalicelib.local.engine.journal import Journal, Record

_SWEEP_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Change:
    """What a write does to one key: from `before` to `after` (None: absent)."""

    table: Table
    key: Key
    before: Entry | None
    after: Entry | None

    @property
    def touches(self) -> bool:
        """Whether anything is to be stored or removed."""
        return self.before is not self.after


class TableStore:
    """All tables. Reads and writes hold `lock`; `announce` is called outside it."""

    def __init__(self, journal: Journal, announce: Callable[[str], None]) -> None:
        self.lock = threading.RLock()
        self.tables: dict[str, Table] = {}
        self._journal = journal
        self._announce = announce
        self._expiries = Expiries()
        self._next_sweep = 0.0

    def table(self, name: str) -> Table:
        """The table of a name or ARN; expired items are gone from it. Raises ResourceNotFoundException."""
        table = self.tables.get(name.rpartition("/")[2])
        if table is None or not table.live:
            raise ServiceError("ResourceNotFoundException", "Requested resource not found")
        self.sweep()
        return table

    def sweep(self) -> None:
        """Removes expired items; looks at most once a second."""
        now = time.time()
        if now < self._next_sweep:
            return
        self._next_sweep = now + _SWEEP_SECONDS
        due = self._expiries.due(self.tables, now)
        if due:
            self._apply([Change(table, key, table.entries[key], None) for table, key in due])

    def commit(self, changes: Iterable[Change]) -> None:
        """Makes changes durable and visible, all or none. The caller holds the lock."""
        self._apply([change for change in changes if change.touches])

    def _apply(self, changes: list[Change]) -> None:
        if not changes:
            return
        self._journal.append({"o": "w", "w": [_image(change) for change in changes]})
        for change in changes:
            self._store(change.table, change.key, change.after)

    def _store(self, table: Table, key: Key, entry: Entry | None) -> None:
        if entry is None:
            table.remove(key)
        else:
            table.put(entry)
            self._expiries.watch(table, key, entry.item)

    def announce(self, changes: Iterable[Change]) -> None:
        """Tells subscribers of each partition touched, once. The caller does not hold the lock."""
        for partition in {_shown(change.key[0]) for change in changes if change.touches}:
            self._announce(partition)

    def define(self, name: str, schema: Schema, ttl_name: str | None) -> None:
        """Serves a table from now on, with whatever the journal kept of it."""
        with self.lock:
            table = self.tables.get(name)
            known = table is not None and table.schema == schema and table.ttl_name == ttl_name
            if table is None:
                table = self.tables[name] = Table(name, schema)
            if table.schema.key_names != schema.key_names:
                raise TemplateError(f"the stored items of table {name} have other keys than its definition")
            if not known:
                self._journal.append(_definition(name, schema, ttl_name))
            self._redefine(table, schema, ttl_name)
            table.live = True

    def _redefine(self, table: Table, schema: Schema, ttl_name: str | None) -> None:
        table.adopt(schema)
        if table.ttl_name != ttl_name:
            table.ttl_name = ttl_name
            for key, entry in table.entries.items():
                self._expiries.watch(table, key, entry.item)

    def drop(self, name: str) -> None:
        """Forgets a table and its items."""
        with self.lock:
            if self.tables.pop(name, None):
                self._journal.append({"o": "drop", "t": name})

    def clear(self) -> None:
        """Empties every table."""
        with self.lock:
            for table in self.tables.values():
                table.clear()
            self._expiries.clear()

    def replay(self, record: Record) -> None:
        """Applies one record of the journal."""
        if record["o"] == "w":
            for image in record["w"]:
                self._replay_image(image)
        elif record["o"] == "table":
            self._replay_definition(record)
        else:
            self.tables.pop(record["t"], None)

    def _replay_definition(self, record: Record) -> None:
        indexes = {
            name: IndexSchema(name, hash_name, range_name, None if carried is None else frozenset(carried), glob)
            for name, hash_name, range_name, carried, glob in record["i"]
        }
        schema = Schema(record["k"][0], record["k"][1], record["y"], indexes)
        table = self.tables.get(record["t"])
        if table is None:
            table = self.tables[record["t"]] = Table(record["t"], schema)
        self._redefine(table, schema, record["l"])

    def _replay_image(self, image: dict[str, Any]) -> None:
        table = self.tables[image["t"]]
        item = _decoded(image["v"]) if image.get("b") else image["v"]
        item = {intern(name): value for name, value in item.items()}
        key = table.key_of_item({**item, **_decoded(image["k"])} if "k" in image else item)
        if "k" in image and not item:
            self._store(table, key, None)
            return
        if "k" in image:
            kept = table.entries[key].item
            item = {name: value for name, value in {**kept, **item}.items() if name not in image["g"]}
        self._store(table, key, table.entry(key, item))

    def snapshot(self) -> Iterator[Record]:
        """Records that rebuild the state at the moment of the call. The caller holds the lock."""
        return _snapshot(
            [
                (_definition(t.name, t.schema, t.ttl_name), t.name, list(t.entries.values()))
                for t in self.tables.values()
            ]
        )


def _snapshot(tables: list[tuple[Record, str, list[Entry]]]) -> Iterator[Record]:
    for definition, name, entries in tables:
        yield definition
        for entry in entries:
            yield {"o": "w", "w": [_whole(name, entry.item)]}


def _shown(hash_key: Any) -> str:
    return base64.b64encode(hash_key).decode() if isinstance(hash_key, bytes) else str(hash_key)


def _definition(name: str, schema: Schema, ttl_name: str | None) -> Record:
    indexes = [
        [i.name, i.hash_name, i.range_name, None if i.carried is None else sorted(i.carried), i.is_global]
        for i in schema.indexes.values()
    ]
    keys = [schema.hash_name, schema.range_name]
    return {"o": "table", "t": name, "k": keys, "y": schema.types, "i": indexes, "l": ttl_name}


def _image(change: Change) -> dict[str, Any]:
    """What the journal keeps of a change: the whole item, or only the attributes that differ."""
    table, before, after = change.table, change.before, change.after
    if after is None:
        key = table.key_item(before.item) if before else {}
        return {"t": table.name, "k": _encoded(key), "v": {}}
    if before is None:
        return _whole(table.name, after.item)
    # An update shares the values it leaves alone, so identity finds what changed without comparing.
    changed = {name: v for name, v in after.item.items() if before.item.get(name) is not v}
    gone = [name for name in before.item if name not in after.item]
    if not changed or len(changed) + len(gone) >= len(after.item):
        return _whole(table.name, after.item)
    key = table.key_item(after.item)
    return {**_whole(table.name, changed), "k": _encoded(key), "g": gone}


def _whole(name: str, item: Item) -> dict[str, Any]:
    if any(_has_binary(value) for value in item.values()):
        return {"t": name, "v": _encoded(item), "b": 1}
    return {"t": name, "v": item}


def _has_binary(value: Value) -> bool:
    ((tag, content),) = value.items()
    if tag == "M":
        return any(_has_binary(member) for member in content.values())
    if tag == "L":
        return any(_has_binary(member) for member in content)
    return tag in ("B", "BS")


def _walk(value: Value, turn: Callable[[Any], Any]) -> Value:
    ((tag, content),) = value.items()
    if tag == "B":
        return {"B": turn(content)}
    if tag == "BS":
        return {"BS": [turn(member) for member in content]}
    if tag == "M":
        return {"M": {name: _walk(member, turn) for name, member in content.items()}}
    if tag == "L":
        return {"L": [_walk(member, turn) for member in content]}
    return value


def _encoded(item: Item) -> Item:
    return {name: _walk(value, lambda data: base64.b64encode(data).decode()) for name, value in item.items()}


def _decoded(item: Item) -> Item:
    return {name: _walk(value, base64.b64decode) for name, value in item.items()}
