"""GetItem, BatchGetItem, Query and Scan."""

import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from chalicelib.local.engine.dynamodb.conditions import Predicate
from chalicelib.local.engine.dynamodb.index import Entry, Key, Partitions
from chalicelib.local.engine.dynamodb.keyconditions import KeyCondition
from chalicelib.local.engine.dynamodb.projections import Projection
from chalicelib.local.engine.dynamodb.requests import Expressions, Params
from chalicelib.local.engine.dynamodb.store import TableStore
from chalicelib.local.engine.dynamodb.table import IndexSchema, Table
from chalicelib.local.engine.dynamodb.values import Item, absorb_all, clone, clone_item, sort_key
from chalicelib.local.engine.errors import validation

_PAGE_BYTES = 1 << 20
_BATCH_BYTES = 16 << 20
_MAX_BATCH = 100


def read_item(store: TableStore, params: Params) -> Item | None:
    """A copy of an item, projected as the request says. The caller holds the lock."""
    table = store.table(params["TableName"])
    expressions = Expressions(params)
    projection = expressions.projection()
    expressions.finish()
    entry = table.entries.get(table.key_of_key(absorb_all(params["Key"])))
    if entry is None:
        return None
    return projection.pick(entry.item) if projection else clone_item(entry.item)


def get_item(store: TableStore, params: Params) -> Params:
    """Reads one item."""
    with store.lock:
        item = read_item(store, params)
    return {} if item is None else {"Item": item}


def batch_get_item(store: TableStore, params: Params) -> Params:
    """Reads up to 100 items; what exceeds 16 MB is left to be asked for again."""
    requests = params["RequestItems"]
    if sum(len(request["Keys"]) for request in requests.values()) > _MAX_BATCH:
        raise validation("Too many items requested for the BatchGetItem call")
    responses: dict[str, list[Item]] = {name: [] for name in requests}
    left: Params = {}
    room = _BATCH_BYTES
    with store.lock:
        for name, request in requests.items():
            found, unread, room = _batch_of_table(store, name, request, room)
            responses[name] = found
            if unread:
                left[name] = {**request, "Keys": unread}
    return {"Responses": responses, "UnprocessedKeys": left}


def _batch_of_table(store: TableStore, name: str, request: Params, room: int) -> tuple[list[Item], list[Item], int]:
    table = store.table(name)
    expressions = Expressions(request)
    projection = expressions.projection()
    expressions.finish()
    keys = [table.key_of_key(absorb_all(key)) for key in request["Keys"]]
    if len(set(keys)) < len(keys):
        raise validation("Provided list of item keys contains duplicates")
    found: list[Item] = []
    unread: list[Item] = []
    for key, given in zip(keys, request["Keys"], strict=True):
        entry = table.entries.get(key)
        if entry is not None and entry.size > room:
            room, unread = 0, [*unread, given]
        elif entry is not None:
            room -= entry.size
            found.append(projection.pick(entry.item) if projection else clone_item(entry.item))
    return found, unread, room


@dataclass(slots=True)
class _Page:
    """Entries gathered until a limit in number or bytes is reached."""

    limit: int | None
    keep: Callable[[Entry], bool]
    kept: list[Entry] = field(default_factory=list)
    scanned: int = 0
    last: Entry | None = None
    stopped: bool = False

    def fill(self, entries: Iterable[Entry]) -> None:
        room = _PAGE_BYTES
        for entry in entries:
            if self.scanned and entry.size > room:
                self.stopped = True
                return
            room -= entry.size
            self.scanned += 1
            self.last = entry
            if self.keep(entry):
                self.kept.append(entry)
            if self.scanned == self.limit:
                self.stopped = True
                return


class _Source:
    """The table or index a query or scan reads, under the lock."""

    def __init__(self, store: TableStore, params: Params) -> None:
        self.table = store.table(params["TableName"])
        self.index = _index_of(self.table, params)
        schema = self.index or self.table.schema
        self.hash_name, self.range_name = schema.hash_name, schema.range_name

    @property
    def partitions(self) -> Partitions:
        if self.index is None:
            return self.table.primary
        return self.table.secondary.get(self.index.name) or Partitions()

    def place_of(self, start: Params | None) -> tuple[object, Key] | None:
        """Where an ExclusiveStartKey lies. Raises ValidationException."""
        if start is None:
            return None
        given = absorb_all(start)
        names = self._place_names()
        if given.keys() != set(names) or any(self.table.schema.types[n] not in given[n] for n in names):
            raise validation("The provided starting key is invalid")
        key = tuple(sort_key(given[name]) for name in self.table.schema.key_names)
        if self.index is None:
            return key[0], key[1:]
        ranges = (sort_key(given[self.range_name]),) if self.range_name else ()
        return sort_key(given[self.hash_name]), (*ranges, *key)

    def _place_names(self) -> list[str]:
        own = [self.hash_name, self.range_name]
        return [name for name in dict.fromkeys([*own, *self.table.schema.key_names]) if name]

    def start_after(self, entry: Entry) -> Item:
        """The LastEvaluatedKey that names an entry."""
        return {name: clone(entry.item[name]) for name in self._place_names()}

    def visible(self, item: Item) -> Item:
        """The attributes the index carries."""
        if self.index is None or self.index.carried is None:
            return item
        return {name: value for name, value in item.items() if name in self.index.carried}


def _index_of(table: Table, params: Params) -> IndexSchema | None:
    name = params.get("IndexName")
    if name is None:
        return None
    index = table.schema.indexes.get(name)
    if index is None:
        raise validation(f"The table does not have the specified index: {name}")
    if index.is_global and params.get("ConsistentRead"):
        raise validation("Consistent reads are not supported on global secondary indexes")
    return index


def query(store: TableStore, params: Params) -> Params:
    """Reads a page of one partition in order."""
    expressions = Expressions(params)
    condition = expressions.condition("KeyConditionExpression")
    chosen = expressions.condition("FilterExpression")
    projection = _projection(expressions, params)
    expressions.finish()
    if condition is None:
        raise validation(
            "Either the KeyConditions or KeyConditionExpression parameter must be specified in the request."
        )
    with store.lock:
        source = _Source(store, params)
        types = source.table.schema.types
        wanted = KeyCondition(condition, expressions.values, source.hash_name, source.range_name, types)
        place = source.place_of(params.get("ExclusiveStartKey"))
        if place is not None and place[0] != wanted.hash_key:
            raise validation("The provided starting key is outside query boundaries based on provided conditions")
        run = source.partitions.runs.get(wanted.hash_key)
        page = _page(source, params, chosen, expressions.values)
        if run is not None:
            after = place[1] if place else None
            page.fill(run.walk(wanted.bound, after, params.get("ScanIndexForward", True)))
    return _answer(source, page, params, projection)


def scan(store: TableStore, params: Params) -> Params:
    """Reads a page of a table or index, or of one of its segments."""
    expressions = Expressions(params)
    chosen = expressions.condition("FilterExpression")
    projection = _projection(expressions, params)
    expressions.finish()
    with store.lock:
        source = _Source(store, params)
        page = _page(source, params, chosen, expressions.values)
        entries = source.partitions.scan(source.place_of(params.get("ExclusiveStartKey")))
        page.fill(_segment(entries, params))
    return _answer(source, page, params, projection)


def _segment(entries: Iterator[Entry], params: Params) -> Iterator[Entry]:
    segment, total = params.get("Segment"), params.get("TotalSegments")
    if (segment is None) != (total is None):
        raise validation("The Segment and TotalSegments parameters must be given together")
    if segment is None or total is None:
        return entries
    if segment >= total:
        raise validation("The Segment parameter is zero-based and must be less than parameter TotalSegments")
    return (entry for entry in entries if zlib.crc32(repr(entry.key[0]).encode()) % total == segment)


def _projection(expressions: Expressions, params: Params) -> Projection | None:
    projection = expressions.projection()
    select = params.get("Select")
    if projection and select not in (None, "SPECIFIC_ATTRIBUTES"):
        raise validation(f"Cannot specify the ProjectionExpression when choosing to get {select}")
    if select == "SPECIFIC_ATTRIBUTES" and projection is None:
        raise validation("Must specify the ProjectionExpression when choosing to get SPECIFIC_ATTRIBUTES")
    return projection


def _page(source: _Source, params: Params, chosen: Predicate | None, values: Item) -> _Page:
    limit = params.get("Limit")
    if limit is not None and limit < 1:
        raise validation(f"Value '{limit}' at 'limit' failed to satisfy constraint: at least 1")
    if chosen is None:
        return _Page(limit, lambda _: True)
    test = chosen.test
    return _Page(limit, lambda entry: test(source.visible(entry.item), values))


def _answer(source: _Source, page: _Page, params: Params, projection: Projection | None) -> Params:
    answer: Params = {"Count": len(page.kept), "ScannedCount": page.scanned}
    if params.get("Select") != "COUNT":
        shape = projection.pick if projection else clone_item
        answer["Items"] = [shape(source.visible(entry.item)) for entry in page.kept]
    if page.stopped and page.last is not None:
        answer["LastEvaluatedKey"] = source.start_after(page.last)
    return answer
