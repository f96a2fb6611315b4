"""What belongs to a session: its threads, the inputs that wait."""

from chalicelib.core.errors import InvalidRequest
from chalicelib.doors.managed import lists, reach
from chalicelib.doors.managed.refs import session_ref
from chalicelib.doors.managed.render import sessions as render
from chalicelib.doors.managed.routes.events import check_thread
from chalicelib.doors.managed.schemas import sessions as schemas
from chalicelib.events import catalogue
from chalicelib.events.catalogue import PRIMARY_THREAD
from chalicelib.http.route import Answer, Call, Route


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
_TAGS = ("sessions",)
ROUTES: tuple[Route, ...] = (
    Route(
        ("GET",),
        f"{_ONE}/threads",
        list_threads,
        "List threads",
        answers={200: schemas.ThreadPage},
        errors=(404,),
        tags=_TAGS,
        reach=reach.own_session,
    ),
    Route(
        ("GET",),
        f"{_ONE}/threads/{{thread_id}}",
        get_thread,
        "Retrieve a thread",
        answers={200: schemas.Thread},
        errors=(404,),
        tags=_TAGS,
        reach=reach.own_session,
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
