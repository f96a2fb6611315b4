"""PutItem, UpdateItem, DeleteItem and BatchWriteItem."""

from dataclasses import dataclass
from typing import Any

from chalicelib.local.engine.dynamodb.index import Entry
from chalicelib.local.engine.dynamodb.projections import pick_paths
from chalicelib.local.engine.dynamodb.requests import Expressions, Params
from chalicelib.local.engine.dynamodb.store import Change, TableStore
from chalicelib.local.engine.dynamodb.table import Table
from chalicelib.local.engine.dynamodb.updates import Update
from chalicelib.local.engine.dynamodb.values import Item, absorb_all, clone_item
from chalicelib.local.engine.errors import ServiceError, validation

_MAX_BATCH = 25


@dataclass(frozen=True, slots=True)
class Planned:
    """A write that passed its condition, and what it needs to answer."""

    change: Change
    update: Update | None = None


def plan_put(store: TableStore, params: Params) -> Planned:
    """What a put would do. Raises ConditionalCheckFailedException or ValidationException."""
    table = store.table(params["TableName"])
    expressions = Expressions(params)
    item = absorb_all(params["Item"])
    key = table.key_of_item(item)
    before = table.entries.get(key)
    _check(expressions, params, before)
    return Planned(Change(table, key, before, table.entry(key, item)))


def plan_delete(store: TableStore, params: Params) -> Planned:
    """What a delete would do. Raises ConditionalCheckFailedException or ValidationException."""
    table = store.table(params["TableName"])
    expressions = Expressions(params)
    key = table.key_of_key(absorb_all(params["Key"]))
    before = table.entries.get(key)
    _check(expressions, params, before)
    return Planned(Change(table, key, before, None))


def plan_check(store: TableStore, params: Params) -> Planned:
    """A transaction's condition check: changes nothing."""
    planned = plan_delete(store, params).change
    return Planned(Change(planned.table, planned.key, planned.before, planned.before))


def plan_update(store: TableStore, params: Params) -> Planned:
    """What an update would do. Raises ConditionalCheckFailedException or ValidationException."""
    table = store.table(params["TableName"])
    expressions = Expressions(params)
    key_item = absorb_all(params["Key"])
    key = table.key_of_key(key_item)
    update = expressions.update()
    before = table.entries.get(key)
    _check(expressions, params, before)
    old = before.item if before else key_item
    new = _updated(table, update, old, expressions.values) if update else old
    return Planned(Change(table, key, before, table.entry(key, new)), update)


def _updated(table: Table, update: Update, old: Item, values: Item) -> Item:
    for path in update.paths:
        if path[0] in table.schema.key_names:
            raise validation(
                "One or more parameter values were invalid: "
                f"Cannot update attribute {path[0]}. This attribute is part of the key"
            )
    return update.apply(old, values)


def _check(expressions: Expressions, params: Params, before: Entry | None) -> None:
    condition = expressions.condition("ConditionExpression")
    expressions.finish()
    if condition is None or condition.test(before.item if before else {}, expressions.values):
        return
    members: Params = {}
    if before and params.get("ReturnValuesOnConditionCheckFailure") == "ALL_OLD":
        members["Item"] = clone_item(before.item)
    raise ServiceError("ConditionalCheckFailedException", "The conditional request failed", **members)


def put_item(store: TableStore, params: Params) -> Params:
    """Stores an item."""
    _allow_returns(params, "NONE", "ALL_OLD")
    with store.lock:
        change = plan_put(store, params).change
        store.commit((change,))
    store.announce((change,))
    return _old(params, change)


def delete_item(store: TableStore, params: Params) -> Params:
    """Deletes an item; succeeds when there is none."""
    _allow_returns(params, "NONE", "ALL_OLD")
    with store.lock:
        change = plan_delete(store, params).change
        store.commit((change,))
    store.announce((change,))
    return _old(params, change)


def update_item(store: TableStore, params: Params) -> Params:
    """Changes an item, or makes it."""
    _allow_returns(params, "NONE", "ALL_OLD", "ALL_NEW", "UPDATED_OLD", "UPDATED_NEW")
    with store.lock:
        planned = plan_update(store, params)
        store.commit((planned.change,))
    store.announce((planned.change,))
    return _update_answer(params.get("ReturnValues", "NONE"), planned)


def _update_answer(wanted: str, planned: Planned) -> Params:
    if wanted == "NONE":
        return {}
    entry = planned.change.before if wanted.endswith("OLD") else planned.change.after
    if entry is None:
        return {}
    if wanted.startswith("ALL"):
        return {"Attributes": clone_item(entry.item)}
    paths = planned.update.paths if planned.update else ()
    picked = pick_paths(entry.item, paths)
    return {"Attributes": picked} if picked else {}


def _old(params: Params, change: Change) -> Params:
    if params.get("ReturnValues") == "ALL_OLD" and change.before:
        return {"Attributes": clone_item(change.before.item)}
    return {}


def _allow_returns(params: Params, *allowed: str) -> None:
    if params.get("ReturnValues", "NONE") not in allowed:
        raise validation("Return values set to invalid value")


def batch_write_item(store: TableStore, params: Params) -> Params:
    """Puts and deletes up to 25 items, each on its own."""
    requests = [
        (name, kind, dict(content))
        for name, entries in params["RequestItems"].items()
        for entry in entries
        for kind, content in entry.items()
    ]
    if not 1 <= len(requests) <= _MAX_BATCH:
        raise validation("Too many items requested for the BatchWriteItem call")
    with store.lock:
        changes = [_batched(store, *request) for request in requests]
        if len({(id(change.table), change.key) for change in changes}) < len(changes):
            raise validation("Provided list of item keys contains duplicates")
        store.commit(changes)
    store.announce(changes)
    return {"UnprocessedItems": {}}


def _batched(store: TableStore, name: str, kind: str, content: dict[str, Any]) -> Change:
    plan = plan_put if kind == "PutRequest" else plan_delete
    return plan(store, {"TableName": name, **content}).change
