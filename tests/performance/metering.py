"""Counts the AWS calls of this process's clients, and reckons what DynamoDB charges for them.

Read units: 4 KiB each, half for eventually consistent reads. Write units: 1 KiB each of the larger of the row before
and after, twice that in a transaction; an index entry that comes, goes or moves costs a unit for each of its two sides.
"""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from math import ceil
from typing import Any

Params = dict[str, Any]
Item = dict[str, dict[str, Any]]

_READ, _WRITE = 4096, 1024
_INDEXES = (("list_pk", "list_sk"), ("due_pk", "due_sk"))
_KINDS = ("Put", "Update", "Delete", "ConditionCheck")
_SINGLE = {"PutItem": "Put", "UpdateItem": "Update", "DeleteItem": "Delete"}


@dataclass
class Bill:
    """The calls of one operation by name, and the units they cost."""

    calls: Counter[str] = field(default_factory=Counter)
    read_units: float = 0.0
    write_units: float = 0.0

    def told(self) -> dict[str, Any]:
        """For tables and files."""
        return {
            "calls": sum(self.calls.values()),
            "by_name": dict(sorted(self.calls.items())),
            "read_units": self.read_units,
            "write_units": self.write_units,
        }


class Meter:
    """Watches boto3 clients; what they do within ``measuring`` is put on that bill."""

    def __init__(self, table: str, reader: Any) -> None:
        """``reader`` is a DynamoDB client of its own, which looks rows up before and after they are written."""
        self._table = table
        self._reader = reader
        self._bill: Bill | None = None

    def watch(self, *clients: Any) -> None:
        """Count the calls of these clients."""
        for client in clients:
            service = client.meta.service_model.service_id.hyphenize()
            client.meta.events.register(f"before-parameter-build.{service}", self._before)
            client.meta.events.register(f"after-call.{service}", self._after)

    @contextmanager
    def measuring(self) -> Iterator[Bill]:
        """A bill for what happens meanwhile."""
        self._bill = bill = Bill()
        try:
            yield bill
        finally:
            self._bill = None

    def _before(self, params: Params, model: Any, context: Params, **_: Any) -> None:
        if self._bill is None:
            return
        self._bill.calls[f"{model.service_model.service_name}.{model.name}"] += 1
        context["metered"] = (params, [(kind, key, self._row(key)) for kind, key in _written(model.name, params)])

    def _after(self, parsed: Params, model: Any, context: Params, **_: Any) -> None:
        given = context.pop("metered", None)
        if self._bill is None or given is None or model.service_model.service_name != "dynamodb":
            return
        params, written = given
        self._bill.read_units += _read_units(model.name, params, parsed, self._table)
        factor = 2 if model.name == "TransactWriteItems" else 1
        self._bill.write_units += sum(
            _write_units(before, None if kind == "Delete" else self._row(key), factor) for kind, key, before in written
        )

    def _row(self, key: Item) -> Item | None:
        found: Item | None = self._reader.get_item(TableName=self._table, Key=key, ConsistentRead=True).get("Item")
        return found


def _written(name: str, params: Params) -> list[tuple[str, Item]]:
    """Kind and key of every row that a request writes."""
    if name in _SINGLE:
        return [(_SINGLE[name], _key(params))]
    if name == "TransactWriteItems":
        return [(kind, _key(step[kind])) for step in params["TransactItems"] for kind in _KINDS if kind in step]
    return []


def _key(request: Params) -> Item:
    named = request.get("Key") or request["Item"]
    return {name: named[name] for name in ("pk", "sk")}


def _read_units(name: str, params: Params, parsed: Params, table: str) -> float:
    if name == "GetItem":
        return _blocks(size_of(parsed.get("Item")), _READ)
    if name == "BatchGetItem":
        wanted = params["RequestItems"][table]["Keys"]
        found = parsed["Responses"].get(table, [])
        return sum(_blocks(size_of(item), _READ) for item in found) + len(wanted) - len(found)
    if name == "Query":
        units = _blocks(sum(size_of(item) for item in parsed["Items"]), _READ)
        return units if params.get("ConsistentRead") else units / 2
    return 0.0


def _write_units(before: Item | None, after: Item | None, factor: int) -> int:
    own = _blocks(max(size_of(before), size_of(after)), _WRITE) * factor
    return own + sum(_index_units(before or {}, after or {}, *names) for names in _INDEXES)


def _index_units(before: Item, after: Item, *names: str) -> int:
    old, new = (tuple(row[name]["S"] for name in names if name in row) for row in (before, after))
    if old == new:
        return 0
    return (len(old) == len(names)) + (len(new) == len(names))


def _blocks(size: int, block: int) -> int:
    return max(1, ceil(size / block))


def size_of(item: Item | None) -> int:
    """The bytes DynamoDB reckons for a row: names and values; nothing for no row."""
    return 0 if item is None else sum(len(name.encode()) + _value_size(value) for name, value in item.items())


def _value_size(value: dict[str, Any]) -> int:
    ((kind, raw),) = value.items()
    if kind == "N":
        return len(raw) // 2 + 2
    if kind == "BOOL":
        return 1
    return len(raw.encode()) if isinstance(raw, str) else len(raw)
