"""What belongs to a session: its threads, the inputs that wait."""

from chalicelib.core.errors import InvalidRequest
from chalicelib.doors.managed import lists, reach
from chalicelib.doors.managed.mode import is_sdk
from chalicelib.doors.managed.refs import manner, session_ref
from chalicelib.doors.managed.render import sessions as render
from chalicelib.doors.managed.render.threads import child_thread
from chalicelib.doors.managed.schemas import sessions as schemas
from chalicelib.doors.managed.scopes import thread_id
from chalicelib.events import catalogue
from chalicelib.http.route import Answer, Call, Route
from chalicelib.runs import entry
from chalicelib.sessions.inputs import Input
from chalicelib.sessions.model import Thread
from chalicelib.sessions.threads import status_of

_LISTING = lists.Listing("threads", sdk=(1000, 1000))
_BEFORE_ALL = "0"


def list_threads(call: Call) -> Answer:
    """The primary thread, then those of other agents by their creation."""
    query: schemas.ThreadListQuery = call.query
    ref, limit = session_ref(call), _LISTING.size(query, call.headers)
    session = call.services.sessions.get(ref)
    statuses = frozenset(query.statuses or ())
    at = lists.position(call, _LISTING, query.page, ascending=True)
    data = [] if at else [one for one in [render.primary_thread(session)] if not statuses or one["status"] in statuses]
    archived = bool(query.include_archived) or "terminated" in statuses

    def keep(thread: Thread) -> bool:
        return (archived or thread.archived_at is None) and (
            not statuses or status_of(session.head, thread) in statuses
        )

    found = call.services.threads.page(session, ref, at or "", limit - len(data), keep)
    data += [child_thread(session, thread) for thread in found.threads]
    following = found.threads[-1].id if found.threads else at or _BEFORE_ALL
    return Answer(lists.page(data, lists.cursor(call, _LISTING, following if found.more else None, ascending=True)))


def get_thread(call: Call) -> Answer:
    """One thread."""
    core = thread_id(call.path["thread_id"])
    if core is None:
        return Answer(render.primary_thread(call.services.sessions.get(session_ref(call))))
    return Answer(child_thread(*call.services.threads.get(session_ref(call), core)))


def archive_thread(call: Call) -> Answer:
    """End the thread of another agent; the primary one goes with its session."""
    ref, core = session_ref(call), thread_id(call.path["thread_id"])
    if core is None:
        call.services.sessions.get(ref)
        raise InvalidRequest("the primary thread is archived together with its session")
    if not is_sdk(call.headers):
        _stop(call, core)
    thread = call.services.threads.archive(ref, core)
    return Answer(child_thread(call.services.sessions.get(ref), thread))


def _stop(call: Call, core: str) -> None:
    """Interrupt the thread if it is at work, and wait until it rests."""
    ref = session_ref(call)
    session, thread = call.services.threads.get(ref, core)
    if session.head.ended or status_of(session.head, thread) not in ("running", "rescheduling"):
        return
    receipt = call.services.sessions.send(ref, [Input("user.interrupt", {}, thread=core)], manner(call, sdk=False))
    if receipt.interrupt is not None:
        entry.wait_until_stopped(ref, receipt.interrupt, call.services)


def pending(call: Call) -> Answer:
    """Inputs not yet taken up, and on demand those that never will be."""
    ref, query = session_ref(call), call.query
    call.services.sessions.get(ref)
    gone = []
    if query.include_cancelled:
        removals = (event for event in call.services.log.walk(ref) if event.type == catalogue.INPUT_REMOVED)
        gone = [render.cancelled(event) for event in removals]
    waiting = [render.pending(item) for item in call.services.session_store.inbox(ref)]
    wanted = query.session_thread_id
    return Answer({"data": [one for one in gone + waiting if wanted in (None, one["session_thread_id"])]})


_ONE = "/v1/sessions/{session_id}"
_TAGS = ("sessions",)
ROUTES: tuple[Route, ...] = (
    Route(
        ("GET",),
        f"{_ONE}/threads",
        list_threads,
        "List threads",
        query=schemas.ThreadListQuery,
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
        errors=(400, 404, 409),
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
