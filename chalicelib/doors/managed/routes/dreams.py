"""Dreams: a model reads a memory store and past sessions, and writes the memories anew."""

from typing import Any

from chalicelib.core.errors import InvalidRequest
from chalicelib.core.ids import derive_id, undress
from chalicelib.doors.managed import lists
from chalicelib.doors.managed.refs import ref_of
from chalicelib.doors.managed.render import dreams as render
from chalicelib.doors.managed.schemas import dreams as schemas
from chalicelib.dreams.errors import DreamNotFound
from chalicelib.dreams.model import DreamSpec
from chalicelib.dreams.service import DreamFilter
from chalicelib.http.route import Answer, Call, Route
from chalicelib.memory.errors import MemoryStoreNotFound
from chalicelib.sessions.errors import SessionNotFound
from chalicelib.storage.keys import Space

_LISTING = lists.Listing("dreams")
_ref = ref_of("drm", "dream_id", DreamNotFound)
_STATES = frozenset(("pending", "running", "completed", "failed", "canceled"))


def create(call: Call) -> Answer:
    """Start a dream; it goes on by itself."""
    space = Space(call.principal.tenant)
    own_id = None if call.seed is None else derive_id("dream", space.tenant, call.seed)
    return Answer(render.dream(call.services.dreams.service.create(space, _spec(call.body), own_id)), 201)


def list_(call: Call) -> Answer:
    """Dreams, newest first."""
    query: schemas.DreamQuery = call.query
    statuses = frozenset(query.statuses or ())
    if not statuses <= _STATES:
        told = ", ".join(sorted(_STATES))
        raise InvalidRequest(f"statuses: each must be one of {told}", field="statuses", code="invalid_status")
    wanted = DreamFilter(statuses, archived=bool(query.include_archived))
    space = Space(call.principal.tenant)
    found = call.services.dreams.service.page(space, lists.window(call, _LISTING, query), wanted)
    return Answer(lists.page([render.dream(one) for one in found.items], lists.cursor(call, _LISTING, found.next)))


def retrieve(call: Call) -> Answer:
    """One dream."""
    return Answer(render.dream(call.services.dreams.service.get(*_ref(call))))


def cancel(call: Call) -> Answer:
    """Stop a dream; what it has written stays."""
    return Answer(render.dream(call.services.dreams.service.cancel(*_ref(call))))


def archive(call: Call) -> Answer:
    """Hide a dream that has ended from lists."""
    return Answer(render.dream(call.services.dreams.service.archive(*_ref(call))))


def _spec(body: schemas.DreamCreate) -> DreamSpec:
    store = undress("memstore", body.store)
    if store is None:
        raise MemoryStoreNotFound("inputs")
    behavior = body.output_behavior
    if isinstance(behavior, schemas.UpdateExisting) and undress("memstore", behavior.memory_store_id) != store:
        field = "output_behavior.memory_store_id"
        raise InvalidRequest(f"{field}: must be the memory store of the inputs", field=field)
    return DreamSpec(
        store_id=store,
        session_ids=[_session(one) for one in body.sessions],
        model=body.model.config(),
        instructions=body.instructions,
        behavior="create_new" if behavior is None else behavior.type,
    )


def _session(named: str) -> str:
    core = undress("sesn", named)
    if core is None:
        raise SessionNotFound("inputs: there is no such session", field="inputs")
    return core


_ALL, _ONE = "/v1/dreams", "/v1/dreams/{dream_id}"
_TAGS = ("dreams",)


def _act(path: str, handler: Any, summary: str) -> Route:
    answers = {200: schemas.DreamAnswer}
    return Route(("POST",), path, handler, summary, scope="write", answers=answers, errors=(400, 404), tags=_TAGS)


ROUTES: tuple[Route, ...] = (
    Route(
        ("POST",),
        _ALL,
        create,
        "Create a dream",
        scope="write",
        body=schemas.DreamCreate,
        answers={201: schemas.DreamAnswer},
        errors=(404, 409),
        tags=_TAGS,
    ),
    Route(
        ("GET",),
        _ALL,
        list_,
        "List dreams",
        query=schemas.DreamQuery,
        answers={200: schemas.DreamPage},
        errors=(400,),
        tags=_TAGS,
    ),
    Route(
        ("GET",),
        _ONE,
        retrieve,
        "Retrieve a dream",
        answers={200: schemas.DreamAnswer},
        errors=(404,),
        tags=_TAGS,
    ),
    _act(f"{_ONE}/cancel", cancel, "Cancel a dream"),
    _act(f"{_ONE}/archive", archive, "Archive a dream"),
)
