"""Memory stores, and searching them."""

from chalicelib.core.ids import derive_id
from chalicelib.doors.managed import lists
from chalicelib.doors.managed.mode import is_sdk
from chalicelib.doors.managed.refs import memory_store_ref
from chalicelib.doors.managed.render.memory import Printer, store_name
from chalicelib.doors.managed.schemas import memory as schemas
from chalicelib.doors.managed.schemas.lists import Deleted, ListQuery
from chalicelib.http.route import Answer, Call, Route
from chalicelib.memory.draft import SearchInput, StoreCreate, StoreUpdate
from chalicelib.memory.service import StoreFilter
from chalicelib.storage.keys import Space

_LISTING = lists.Listing("memory_stores")
_ENTRIES = lists.Listing("memory_entries")
_MOST_HITS = 100


def printer(call: Call) -> Printer:
    """Prints for the caller."""
    return Printer(call.headers, call.services.memory_search.model)


def create(call: Call) -> Answer:
    """Make a store."""
    space = Space(call.principal.tenant)
    store_id = None if call.seed is None else derive_id("memory-store", space.tenant, call.seed)
    return Answer(printer(call).store(call.services.memory_stores.create(space, call.body, store_id)), 201)


def list_(call: Call) -> Answer:
    """Stores, newest first."""
    query: schemas.StoreQuery = call.query
    active, archived = lists.shown_states(call, query, plain_shows_archived=False)
    wanted = StoreFilter(active, archived, (query.q or "").strip(), query.agent_id or None)
    found = call.services.memory_stores.page(Space(call.principal.tenant), lists.window(call, _LISTING, query), wanted)
    data = [printer(call).store(store) for store in found.items]
    return Answer(lists.page(data, lists.cursor(call, _LISTING, found.next)))


def retrieve(call: Call) -> Answer:
    """One store."""
    return Answer(printer(call).store(call.services.memory_stores.get(*memory_store_ref(call))))


def update(call: Call) -> Answer:
    """Change a store's name, description or metadata."""
    blank_removes = not is_sdk(call.headers)
    changed = call.services.memory_stores.update(*memory_store_ref(call), call.body, blank_removes=blank_removes)
    return Answer(printer(call).store(changed))


def archive(call: Call) -> Answer:
    """Close a store for changes, for good; what it holds can still be read, deleted and redacted."""
    return Answer(printer(call).store(call.services.memory_stores.archive(*memory_store_ref(call))))


def delete(call: Call) -> Answer:
    """Remove a store with its memories and all their versions."""
    space, store_id = memory_store_ref(call)
    call.services.memory_stores.delete(space, store_id)
    return Answer({"id": store_name(store_id), "type": "memory_store_deleted"})


def entries(call: Call) -> Answer:
    """Memories with their contents, the latest change first."""
    query: ListQuery = call.query
    size, after = _ENTRIES.size(query, call.headers), lists.position(call, _ENTRIES, query.page)
    found = call.services.memory_lists.by_change(*memory_store_ref(call), size, after)
    data = [printer(call).entry(held.memory, held.content or "") for held in found.items]
    return Answer(lists.page(data, lists.cursor(call, _ENTRIES, found.next)))


def search(call: Call) -> Answer:
    """The memories that fit a question best."""
    body: SearchInput = call.body
    limit = min(max(body.limit, 1), _MOST_HITS)
    found = call.services.memory_search.search(*memory_store_ref(call), body.query, limit)
    return Answer({"data": [printer(call).hit(hit) for hit in found]})


_ONE = "/v1/memory_stores/{memory_store_id}"
_TAGS = ("memory stores",)
ROUTES: tuple[Route, ...] = (
    Route(
        ("POST",),
        "/v1/memory_stores",
        create,
        "Create a memory store",
        scope="write",
        body=StoreCreate,
        answers={201: schemas.MemoryStore},
        errors=(409,),
        tags=_TAGS,
    ),
    Route(
        ("GET",),
        "/v1/memory_stores",
        list_,
        "List memory stores",
        query=schemas.StoreQuery,
        answers={200: schemas.StorePage},
        errors=(400,),
        tags=_TAGS,
    ),
    Route(
        ("GET",),
        _ONE,
        retrieve,
        "Retrieve a memory store",
        answers={200: schemas.MemoryStore},
        errors=(404,),
        tags=_TAGS,
    ),
    Route(
        ("POST", "PATCH", "PUT"),
        _ONE,
        update,
        "Update a memory store",
        scope="write",
        body=StoreUpdate,
        answers={200: schemas.MemoryStore},
        errors=(404,),
        tags=_TAGS,
    ),
    Route(
        ("POST",),
        f"{_ONE}/archive",
        archive,
        "Archive a memory store",
        scope="write",
        answers={200: schemas.MemoryStore},
        errors=(404,),
        tags=_TAGS,
    ),
    Route(
        ("DELETE",),
        _ONE,
        delete,
        "Delete a memory store",
        scope="write",
        answers={200: Deleted},
        errors=(404,),
        tags=_TAGS,
    ),
    Route(
        ("GET",),
        f"{_ONE}/entries",
        entries,
        "List the latest memories",
        query=ListQuery,
        answers={200: schemas.EntryPage},
        errors=(400, 404),
        tags=_TAGS,
    ),
    Route(
        ("POST",),
        f"{_ONE}/search",
        search,
        "Search a memory store",
        body=SearchInput,
        answers={200: schemas.Hits},
        errors=(404,),
        keyless=True,
        tags=_TAGS,
    ),
)
