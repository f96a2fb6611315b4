"""Events of sessions: send, list, stream, and one message with its turn."""

from chalicelib.core.errors import Conflict, InvalidRequest
from chalicelib.core.ids import derive_id
from chalicelib.core.numbers import whole
from chalicelib.doors.managed import reach
from chalicelib.doors.managed.event_lists import page_of
from chalicelib.doors.managed.inputs import blocks, event_id, inputs_of
from chalicelib.doors.managed.mode import is_sdk
from chalicelib.doors.managed.refs import manner, session_ref
from chalicelib.doors.managed.render import events as render
from chalicelib.doors.managed.render import sessions as render_sessions
from chalicelib.doors.managed.schemas import events as schemas
from chalicelib.doors.managed.schemas import sessions as queries
from chalicelib.doors.managed.scopes import Scope, scope_of
from chalicelib.doors.managed.streams import Pulse, Start, View, one_turn, open_ended
from chalicelib.events import catalogue
from chalicelib.events.log import SessionRef
from chalicelib.events.tail import threaded
from chalicelib.http.idempotent import key_of
from chalicelib.http.route import Answer, Call, EventStream, Result, Route
from chalicelib.runs import entry
from chalicelib.sessions import named_files, rubrics
from chalicelib.sessions.errors import SessionEnded, WaitingForAnswers
from chalicelib.sessions.inputs import Accepted, Input, Manner, Receipt
from chalicelib.storage.keys import Space

_DELTAS = frozenset({"agent.message", "agent.thinking"})


def send(call: Call) -> Answer:
    """Take events; they are durable when this answers."""
    sdk, ref = is_sdk(call.headers), session_ref(call)
    items = inputs_of(call.body.events, call.seed)
    if call.query is not None and call.query.input == "interrupt" and items[0].type == "user.message":
        items.insert(0, Input("user.interrupt", {}))
    receipt = accept(call, ref, items, manner(call, sdk=sdk))
    if receipt.interrupt is not None:
        entry.wait_until_stopped(ref, receipt.interrupt, call.services)
    if not sdk and "return=representation" not in call.headers.get("prefer", ""):
        return Answer(None, 202)
    return Answer({"data": [render.accepted(event) for event in receipt.events]})


def accept(call: Call, ref: SessionRef, items: list[Input], how: Manner) -> Receipt:
    """Send inputs; ids in refusals are printed as this door prints them."""
    space = Space(call.principal.tenant)
    items = rubrics.resolved(call.services.files, space, items)
    named_files.check(call.services.files, space, items)
    try:
        return call.services.sessions.send(ref, items, how)
    except WaitingForAnswers as error:
        waiting = [render.event_name(one) for one in (error.details or {})["event_ids"]]
        raise WaitingForAnswers(
            f"{error.field}: the session is waiting on responses to events [{', '.join(waiting)}]; only "
            "user.tool_confirmation, user.custom_tool_result, user.tool_result and user.interrupt may be sent",
            field=error.field,
            details={"event_ids": waiting},
        ) from error


async def list_(call: Call) -> Result:
    """The events as a page, or as a stream for those who accept one."""
    if "text/event-stream" in call.headers.get("accept", ""):
        return await stream(call)
    return Answer(await threaded(lambda: page_of(call, call.query, 100)))


async def list_of_thread(call: Call) -> Result:
    """As ``list_``, for one thread."""
    if "text/event-stream" in call.headers.get("accept", ""):
        return await stream(call)
    return Answer(await threaded(lambda: page_of(call, call.query, 200)))


def log(call: Call) -> Answer:
    """The whole log as one array."""
    ref = session_ref(call)
    call.services.session_store.load(ref)
    session = render_sessions.name(ref.id)
    return Answer(
        [
            render.row(event, session, sdk=False)
            for event in call.services.log.walk(ref)
            if event.type in catalogue.PUBLIC_TYPES
        ]
    )


async def stream(call: Call) -> EventStream:
    """Events as they come; on demand what came before, and fragments of what is being said."""
    ref = session_ref(call)
    view = _view(call, await threaded(lambda: scope_of(call)))
    loaded = await threaded(lambda: call.services.session_store.load(ref))
    end = loaded.tail.next_seq - 1
    after = await threaded(lambda: _resumed(call, ref, end))
    follower = call.services.follower()
    position = await follower.join(ref) if view.wants_fragments else None
    start = Start(after, position, aligned=after == end)
    return EventStream(open_ended(follower, ref, start, view, _pulse(call)))


async def stream_of_thread(call: Call) -> EventStream:
    """As ``stream``, for one thread."""
    return await stream(call)


async def message(call: Call) -> EventStream:
    """Send one message and stream its turn."""
    ref = session_ref(call)
    loaded = await threaded(lambda: call.services.session_store.load(ref))
    if loaded.head.ended:
        raise SessionEnded("the session is archived or terminated and takes no messages")
    follower = call.services.follower()
    position = await follower.join(ref)
    item = Input("user.message", {"content": blocks(call.body.content)}, _message_id(call))
    how = manner(call, sdk=is_sdk(call.headers), queue=True)
    receipt = await threaded(lambda: accept(call, ref, [item], how))
    mine = receipt.events[0]
    view = View(sdk=is_sdk(call.headers), chunks=True, typed_frames=not is_sdk(call.headers), scope=scope_of(call))
    start = Start(loaded.tail.next_seq - 1, position, aligned=True)
    if mine.processed_at is not None:
        start = Start(await threaded(lambda: _before(call, ref, mine, item)), position, aligned=False)
    return EventStream(one_turn(follower, ref, start, view, _pulse(call), mine.id))


def _message_id(call: Call) -> str | None:
    """The client's own id, or one that a repeat with the same idempotency key meets again."""
    if call.body.id:
        return event_id(call.body.id)
    key = key_of(call.headers)
    return None if key is None else derive_id("event", key, "0")


def _before(call: Call, ref: SessionRef, mine: Accepted, sent: Input) -> int:
    """Where the turn of a message begins that was taken long ago: a repeat reads the same turn again.

    Raises Conflict when the same idempotency key came with something else to say.
    """
    if not call.body.id and mine.data != sent.data:
        raise Conflict("Idempotency-Key: was used with another body", field="Idempotency-Key")
    return next(event.seq for event in call.services.log.walk(ref) if event.id == mine.id) - 1


def _view(call: Call, scope: Scope) -> View:
    query, sdk = call.query, is_sdk(call.headers)
    deltas = frozenset(query.event_deltas or ())
    if unknown := deltas - _DELTAS:
        raise InvalidRequest(f"event_deltas: there are no deltas of {sorted(unknown)[0]!r}", field="event_deltas")
    return View(
        sdk=sdk,
        chunks="chunks" in (query.include or ()),
        typed_frames=query.frames == "typed" or (query.frames is None and not sdk),
        deltas=deltas,
        types=frozenset(query.types or ()),
        scope=scope,
    )


def _resumed(call: Call, ref: SessionRef, end: int) -> int:
    """The number after which the stream begins."""
    last = call.headers.get("last-event-id", "")
    if (number := whole(last)) is not None:
        return min(number, end)
    if last:
        wanted = event_id(last)
        for event in call.services.log.walk(ref):
            if event.id == wanted:
                return event.seq
    return 0 if call.query.replay in ("1", "true") else end


def _pulse(call: Call) -> Pulse:
    return Pulse(call.services.settings.ping_seconds, call.services.settings.stream_seconds)


_ONE = "/v1/sessions/{session_id}"
_THREAD = f"{_ONE}/threads/{{thread_id}}"
_SSE = "text/event-stream"
_TAGS = ("events",)
ROUTES: tuple[Route, ...] = (
    Route(
        ("POST",),
        f"{_ONE}/events",
        send,
        "Send events",
        scope="write",
        body=schemas.SendEvents,
        query=queries.SendQuery,
        answers={200: schemas.SentEvents, 202: None},
        errors=(404, 409),
        tags=_TAGS,
        reach=reach.own_session_results,
    ),
    Route(
        ("GET",),
        f"{_ONE}/events",
        list_,
        "List events",
        query=queries.EventListQuery,
        answers={200: (schemas.EventPage, _SSE)},
        errors=(400, 404),
        tags=_TAGS,
        reach=reach.own_session,
    ),
    Route(
        ("GET",), f"{_ONE}/log", log, "Read the whole log", answers={200: "application/json"}, errors=(404,), tags=_TAGS
    ),
    *(
        Route(
            ("GET",),
            path,
            stream,
            "Stream events",
            query=queries.StreamQuery,
            answers={200: _SSE},
            errors=(400, 404),
            tags=_TAGS,
            reach=reach.own_session,
        )
        for path in (f"{_ONE}/events/stream", f"{_ONE}/stream")
    ),
    Route(
        ("POST",),
        f"{_ONE}/messages",
        message,
        "Send a message and stream its turn",
        scope="write",
        body=schemas.SendMessage,
        answers={200: _SSE},
        errors=(404, 409),
        keyless=True,
        tags=_TAGS,
    ),
    Route(
        ("GET",),
        f"{_THREAD}/events",
        list_of_thread,
        "List a thread's events",
        query=queries.EventListQuery,
        answers={200: (schemas.EventPage, _SSE)},
        errors=(400, 404),
        tags=_TAGS,
        reach=reach.own_session,
    ),
    *(
        Route(
            ("GET",),
            path,
            stream_of_thread,
            "Stream a thread's events",
            query=queries.StreamQuery,
            answers={200: _SSE},
            errors=(400, 404),
            tags=_TAGS,
            reach=reach.own_session,
        )
        for path in (f"{_THREAD}/stream", f"{_THREAD}/events/stream")
    ),
)
