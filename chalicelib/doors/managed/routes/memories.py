"""The memories of a store, and their versions."""

from typing import Any

from chalicelib.core.ids import derive_id, undress
from chalicelib.doors.managed import lists, reach
from chalicelib.doors.managed.bounds import created_bounds
from chalicelib.doors.managed.mode import is_sdk
from chalicelib.doors.managed.refs import memory_store_ref
from chalicelib.doors.managed.render.memory import Printer, memory_name
from chalicelib.doors.managed.schemas import memory as schemas
from chalicelib.doors.managed.schemas.lists import Deleted, ListQuery
from chalicelib.http.route import Answer, Call, Route
from chalicelib.memory import paths
from chalicelib.memory.draft import MemoryCreate, MemoryUpdate
from chalicelib.memory.errors import MemoryNotFound, MemoryVersionNotFound
from chalicelib.memory.listing import Wanted
from chalicelib.memory.memories import Held, Place
from chalicelib.memory.model import Actor, Memory
from chalicelib.memory.versions import VersionFilter
from chalicelib.storage.keys import Space

_MEMORIES = lists.Listing("memories")
_VERSIONS = lists.Listing("memory_versions")
_MOST_FULL = 20
_NOBODY = "nobody"


def actor_of(call: Call) -> Actor:
    """Who asks: the session that a worker's token is for, a person, else the owner of the key."""
    bound = call.principal.bound
    if call.principal.user:
        return Actor("user", call.principal.user)
    return Actor("session", bound.session) if bound is not None else Actor("api_key", call.principal.key_id)


def _place(call: Call, path: str) -> Place:
    """Raises InvalidRequest."""
    return Place(paths.checked(path, strict=is_sdk(call.headers)), bare=not path.startswith("/"))


def _memory_ref(call: Call) -> tuple[Space, str, str]:
    """Raises MemoryStoreNotFound, MemoryNotFound."""
    space, store_id = memory_store_ref(call)
    memory_id = undress("mem", call.path["memory_id"])
    if memory_id is None:
        call.services.memory_stores.get(space, store_id)
        raise MemoryNotFound
    return space, store_id, memory_id


def _full(call: Call, *, usual: bool) -> bool:
    """Whether contents are shown: as asked for, else as usual for the route."""
    return usual if call.query.view is None else call.query.view == "full"


def _size(call: Call, listing: lists.Listing, query: ListQuery, *, full: bool) -> int:
    return min(listing.size(query, call.headers), _MOST_FULL) if full else listing.size(query, call.headers)


def _shown(call: Call, space: Space, memory: Memory, *, full: bool) -> dict[str, Any]:
    content = call.services.memories.contents(space, [memory]).get(memory.id) if full else None
    return Printer(call.headers).memory(memory, content)


def create(call: Call) -> Answer:
    """Write a memory; where there is one already, plain clients make its next version."""
    body: MemoryCreate = call.body
    space, store_id = memory_store_ref(call)
    memory_id = None if call.seed is None else derive_id("memory", space.tenant, store_id, call.seed)
    sdk = is_sdk(call.headers)
    made = call.services.memories.create(
        space,
        store_id,
        _place(call, body.path),
        body.content or "",
        actor_of(call),
        taken="refuse" if sdk else "replace",
        precondition=body.precondition,
        memory_id=memory_id,
    )
    return Answer(_shown(call, space, made, full=_full(call, usual=not sdk)), 201)


def list_(call: Call) -> Answer:
    """Memories by path."""
    query: schemas.MemoryQuery = call.query
    full, sdk = _full(call, usual=False), is_sdk(call.headers)
    wanted = Wanted(
        paths.checked_prefix(query.path_prefix, strict=sdk),
        query.depth == 1,
        _size(call, _MEMORIES, query, full=full),
        lists.position(call, _MEMORIES, query.page),
        full,
    )
    found = call.services.memory_lists.by_path(*memory_store_ref(call), wanted)
    show = Printer(call.headers)
    data = [show.memory(one.memory, one.content) if isinstance(one, Held) else show.folder(one) for one in found.items]
    return Answer(lists.page(data, lists.cursor(call, _MEMORIES, found.next)))


def retrieve(call: Call) -> Answer:
    """One memory."""
    space, store_id, memory_id = _memory_ref(call)
    memory = call.services.memories.get(space, store_id, memory_id)
    return Answer(_shown(call, space, memory, full=_full(call, usual=True)))


def update(call: Call) -> Answer:
    """Change what a memory holds, where it stands, or both; it keeps its id."""
    body: MemoryUpdate = call.body
    space, store_id, memory_id = _memory_ref(call)
    changed = call.services.memories.update(
        space,
        store_id,
        memory_id,
        actor_of(call),
        place=None if body.path is None else _place(call, body.path),
        content=body.content,
        precondition=body.precondition,
    )
    return Answer(_shown(call, space, changed, full=_full(call, usual=not is_sdk(call.headers))))


def delete(call: Call) -> Answer:
    """Remove a memory; its versions stay."""
    space, store_id, memory_id = _memory_ref(call)
    call.services.memories.delete(space, store_id, memory_id, actor_of(call), call.query.expected_content_sha256)
    return Answer({"id": memory_name(memory_id), "type": "memory_deleted"})


def list_versions(call: Call) -> Answer:
    """Versions, newest first."""
    query: schemas.VersionQuery = call.query
    full = _full(call, usual=False)
    low, high = created_bounds(query)
    wanted = VersionFilter(_memory_id(query), query.operation, _wanted_actor(query), low, high)
    size, after = _size(call, _VERSIONS, query, full=full), lists.position(call, _VERSIONS, query.page)
    found = call.services.memory_versions.page(*memory_store_ref(call), size, after, wanted, full=full)
    data = [Printer(call.headers).version(past.version, past.content) for past in found.items]
    return Answer(lists.page(data, lists.cursor(call, _VERSIONS, found.next)))


def _memory_id(query: schemas.VersionQuery) -> str | None:
    return None if query.memory_id is None else undress("mem", query.memory_id) or _NOBODY


def _wanted_actor(query: schemas.VersionQuery) -> Actor | None:
    if query.session_id is not None:
        return Actor("session", undress("sesn", query.session_id) or _NOBODY)
    if query.api_key_id is not None:
        return Actor("api_key", undress("ak", query.api_key_id) or _NOBODY)
    return None if query.service_account_id is None else Actor("user", _NOBODY)


def _version_ref(call: Call) -> tuple[Space, str, str]:
    """Raises MemoryStoreNotFound, MemoryVersionNotFound."""
    space, store_id = memory_store_ref(call)
    version_id = undress("memver", call.path["memory_version_id"])
    if version_id is None:
        call.services.memory_stores.get(space, store_id)
        raise MemoryVersionNotFound
    return space, store_id, version_id


def retrieve_version(call: Call) -> Answer:
    """One version."""
    space, store_id, version_id = _version_ref(call)
    version = call.services.memory_versions.get(space, store_id, version_id)
    content = call.services.memory_versions.content(space, version) if _full(call, usual=True) else None
    return Answer(Printer(call.headers).version(version, content))


def redact(call: Call) -> Answer:
    """Blank a version that is not its memory's current one."""
    version = call.services.memory_versions.redact(*_version_ref(call), actor_of(call))
    return Answer(Printer(call.headers).version(version, None))


_STORE = "/v1/memory_stores/{memory_store_id}"
_ALL = f"{_STORE}/memories"
_ONE = f"{_ALL}/{{memory_id}}"
_VERSIONS_OF = f"{_STORE}/memory_versions"
_VERSION = f"{_VERSIONS_OF}/{{memory_version_id}}"
_TAGS = ("memory stores",)
ROUTES: tuple[Route, ...] = (
    Route(
        ("POST",),
        _ALL,
        create,
        "Create a memory",
        scope="write",
        body=MemoryCreate,
        query=schemas.ViewQuery,
        answers={201: schemas.Memory},
        errors=(404, 409),
        tags=_TAGS,
        reach=reach.own_writable_store,
    ),
    Route(
        ("GET",),
        _ALL,
        list_,
        "List memories",
        query=schemas.MemoryQuery,
        answers={200: schemas.MemoryPage},
        errors=(400, 404),
        tags=_TAGS,
        reach=reach.own_store,
    ),
    Route(
        ("GET",),
        _ONE,
        retrieve,
        "Retrieve a memory",
        query=schemas.ViewQuery,
        answers={200: schemas.Memory},
        errors=(404,),
        tags=_TAGS,
        reach=reach.own_store,
    ),
    Route(
        ("POST", "PATCH", "PUT"),
        _ONE,
        update,
        "Update a memory",
        scope="write",
        body=MemoryUpdate,
        query=schemas.ViewQuery,
        answers={200: schemas.Memory},
        errors=(404, 409),
        tags=_TAGS,
        reach=reach.own_writable_store,
    ),
    Route(
        ("DELETE",),
        _ONE,
        delete,
        "Delete a memory",
        scope="write",
        query=schemas.DeleteQuery,
        answers={200: Deleted},
        errors=(404, 409),
        tags=_TAGS,
        reach=reach.own_writable_store,
    ),
    Route(
        ("GET",),
        _VERSIONS_OF,
        list_versions,
        "List memory versions",
        query=schemas.VersionQuery,
        answers={200: schemas.VersionPage},
        errors=(400, 404),
        tags=_TAGS,
    ),
    Route(
        ("GET",),
        _VERSION,
        retrieve_version,
        "Retrieve a memory version",
        query=schemas.ViewQuery,
        answers={200: schemas.MemoryVersion},
        errors=(404,),
        tags=_TAGS,
    ),
    Route(
        ("POST",),
        f"{_VERSION}/redact",
        redact,
        "Redact a memory version",
        scope="write",
        answers={200: schemas.MemoryVersion},
        errors=(404, 409),
        tags=_TAGS,
    ),
)
