"""What belongs to a session: its resources, its threads, the inputs that wait."""

from typing import Any

from chalicelib.core.errors import InvalidRequest
from chalicelib.core.ids import undress
from chalicelib.doors.managed import lists
from chalicelib.doors.managed.mode import is_sdk
from chalicelib.doors.managed.refs import session_ref
from chalicelib.doors.managed.render import sessions as render
from chalicelib.doors.managed.routes.events import check_thread
from chalicelib.doors.managed.routes.sessions import attach, kept_if_taken
from chalicelib.doors.managed.schemas import sessions as schemas
from chalicelib.events import catalogue
from chalicelib.events.catalogue import PRIMARY_THREAD
from chalicelib.http.route import Answer, Call, Route
from chalicelib.sessions.errors import ResourceNotFound

_MOST_RESOURCES = 500


def add_resource(call: Call) -> Answer:
    """Attach a file."""
    ref = session_ref(call)
    call.services.sessions.get(ref)

    def change(resources: list[dict[str, Any]]) -> list[dict[str, Any]]:
        if len(resources) >= _MOST_RESOURCES:
            raise InvalidRequest(f"a session has at most {_MOST_RESOURCES} resources", field="file_id")
        return [*resources, *attached]

    with kept_if_taken(call, ref.space) as attached:
        attached.append(attach(call, ref.space, ref.id, call.body, "file_id"))
        call.services.sessions.set_resources(ref, change)
    return Answer(render.resource(attached[0], ref.id), 201)


def _all(call: Call) -> list[dict[str, Any]]:
    ref = session_ref(call)
    return [render.resource(one, ref.id) for one in call.services.sessions.get(ref).spec.resources]


def list_resources(call: Call) -> Answer:
    """All resources."""
    return Answer(lists.page(_all(call), None))


def _resource_id(call: Call) -> str:
    return undress("sesrsc", call.path["resource_id"]) or ""


def get_resource(call: Call) -> Answer:
    """One resource."""
    ref, wanted = session_ref(call), _resource_id(call)
    for one in call.services.sessions.get(ref).spec.resources:
        if one["id"] == wanted:
            return Answer(render.resource(one, ref.id))
    raise ResourceNotFound(f"there is no resource {call.path['resource_id']}")


def remove_resource(call: Call) -> Answer:
    """Detach a file; the session's copy goes, the upload stays."""
    ref, wanted = session_ref(call), _resource_id(call)
    gone: list[dict[str, Any]] = []

    def change(resources: list[dict[str, Any]]) -> list[dict[str, Any]]:
        gone[:] = [one for one in resources if one["id"] == wanted]
        if not gone:
            raise ResourceNotFound(f"there is no resource {call.path['resource_id']}")
        return [one for one in resources if one["id"] != wanted]

    call.services.sessions.set_resources(ref, change)
    call.services.files.delete(ref.space, gone[0]["file_id"])
    kind = "session_resource_deleted" if is_sdk(call.headers) else "resource_deleted"
    return Answer({"id": call.path["resource_id"], "type": kind})


def list_threads(call: Call) -> Answer:
    """The primary thread."""
    session = call.services.sessions.get(session_ref(call))
    return Answer(lists.page([render.primary_thread(session)], None))


def get_thread(call: Call) -> Answer:
    """One thread."""
    check_thread(call)
    return Answer(render.primary_thread(call.services.sessions.get(session_ref(call))))


def archive_thread(call: Call) -> Answer:
    """Only threads of other agents can be archived by themselves; the primary one goes with its session."""
    check_thread(call)
    call.services.sessions.get(session_ref(call))
    raise InvalidRequest("the primary thread is archived together with its session")


def pending(call: Call) -> Answer:
    """Inputs not yet taken up, and on demand those that never will be."""
    ref, query = session_ref(call), call.query
    call.services.sessions.get(ref)
    if query.session_thread_id not in (None, PRIMARY_THREAD):
        return Answer({"data": []})
    gone = []
    if query.include_cancelled:
        removals = (event for event in call.services.log.walk(ref) if event.type == catalogue.INPUT_REMOVED)
        gone = [render.cancelled(event) for event in removals]
    waiting = [render.pending(item) for item in call.services.session_store.inbox(ref)]
    return Answer({"data": gone + waiting})


_ONE = "/v1/sessions/{session_id}"
_RESOURCE = f"{_ONE}/resources/{{resource_id}}"
_TAGS = ("sessions",)
ROUTES: tuple[Route, ...] = (
    Route(
        ("POST",),
        f"{_ONE}/resources",
        add_resource,
        "Attach a file",
        scope="write",
        body=schemas.FileResource,
        answers={201: schemas.Resource},
        errors=(404, 409),
        limit="write",
        idempotent=True,
        tags=_TAGS,
    ),
    Route(
        ("GET",),
        f"{_ONE}/resources",
        list_resources,
        "List resources",
        answers={200: schemas.ResourcePage},
        errors=(404,),
        tags=_TAGS,
    ),
    Route(
        ("GET",),
        _RESOURCE,
        get_resource,
        "Retrieve a resource",
        answers={200: schemas.Resource},
        errors=(404,),
        tags=_TAGS,
    ),
    Route(
        ("DELETE",),
        _RESOURCE,
        remove_resource,
        "Detach a file",
        scope="write",
        answers={200: schemas.ResourceDeleted},
        errors=(404, 409),
        limit="write",
        tags=_TAGS,
    ),
    Route(
        ("GET",),
        f"{_ONE}/threads",
        list_threads,
        "List threads",
        answers={200: schemas.ThreadPage},
        errors=(404,),
        tags=_TAGS,
    ),
    Route(
        ("GET",),
        f"{_ONE}/threads/{{thread_id}}",
        get_thread,
        "Retrieve a thread",
        answers={200: schemas.Thread},
        errors=(404,),
        tags=_TAGS,
    ),
    Route(
        ("POST",),
        f"{_ONE}/threads/{{thread_id}}/archive",
        archive_thread,
        "Archive a thread",
        scope="write",
        answers={200: schemas.Thread},
        errors=(400, 404),
        limit="write",
        tags=_TAGS,
    ),
    Route(
        ("GET",),
        f"{_ONE}/pending",
        pending,
        "List waiting inputs",
        query=schemas.PendingQuery,
        answers={200: schemas.Pending},
        errors=(400, 404),
        tags=_TAGS,
    ),
)
