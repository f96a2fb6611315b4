"""The memory stores of a session."""

from chalicelib.doors.managed import lists
from chalicelib.doors.managed.refs import session_ref
from chalicelib.doors.managed.render.resources import resource as rendered
from chalicelib.doors.managed.routes.resources import attach
from chalicelib.doors.managed.schemas import resources as schemas
from chalicelib.http.route import Answer, Call, Route
from chalicelib.memory.attaching import of
from chalicelib.sessions.resource_drafts import MemoryResource


def add(call: Call) -> Answer:
    """Attach a store."""
    return attach(call, call.body)


def list_(call: Call) -> Answer:
    """The stores that are attached."""
    ref = session_ref(call)
    stores = of(call.services.sessions.get(ref).spec.resources)
    return Answer(lists.page([rendered(one, ref.id) for one in stores], None))


_ALL = "/v1/sessions/{session_id}/memory_stores"
_TAGS = ("sessions",)
ROUTES: tuple[Route, ...] = (
    Route(
        ("POST",),
        _ALL,
        add,
        "Attach a memory store",
        scope="write",
        body=MemoryResource,
        answers={201: schemas.Resource},
        errors=(404, 409, 422),
        tags=_TAGS,
    ),
    Route(
        ("GET",),
        _ALL,
        list_,
        "List a session's memory stores",
        answers={200: schemas.ResourcePage},
        errors=(404,),
        tags=_TAGS,
    ),
)
