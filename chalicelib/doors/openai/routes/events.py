"""Inputs of a session, and the stream of its events."""

from chalicelib.doors.openai import calls, inputs, streaming
from chalicelib.doors.openai.beta import both_bases
from chalicelib.doors.openai.clock import Beat
from chalicelib.doors.openai.common import session_ref
from chalicelib.doors.openai.narrating import Narrator
from chalicelib.doors.openai.reading import History
from chalicelib.doors.openai.routes.sessions import shown
from chalicelib.doors.openai.schemas import sessions as schemas
from chalicelib.events.log import SessionRef
from chalicelib.events.tail import threaded
from chalicelib.http.route import Answer, Call, EventStream, Route


def send(call: Call) -> Answer:
    """Take inputs; they are durable when this answers."""
    inputs.send(call, session_ref(call), call.body.events)
    return Answer(None, 202)


async def stream(call: Call) -> EventStream:
    """What happens from now on, with what the agent says while it says it."""
    ref, follower = session_ref(call), call.services.follower()
    end, narrator = await threaded(lambda: _joined(call, ref))
    position = await follower.join(ref)
    begin = streaming.Begin(end, position, aligned=True)
    return EventStream(streaming.open_ended(follower, ref, begin, narrator, Beat(call)))


def _joined(call: Call, ref: SessionRef) -> tuple[int, Narrator]:
    """Where the log ends, and one who tells what comes after: both as of the same moment."""
    loaded = call.services.session_store.load(ref)
    session = call.services.sessions.get(ref)
    head = loaded.head
    narrator = Narrator(ref.id, head.agent_id, shown(call, session))
    if head.run is not None:
        narrator.run = head.run.id
        narrator.uses = calls.uses_of(call.services.log, ref, list(head.calls))
        narrator.turns = {head.run.id: History(call.services.log, ref).turn(head.run.id)}
    return loaded.tail.next_seq - 1, narrator


_PATH = "/openai/v1/agents/sessions/{session_id}/events"
_TAGS = ("openai sessions",)
ROUTES: tuple[Route, ...] = both_bases(
    Route(
        ("POST",),
        _PATH,
        send,
        "Send inputs to a session",
        scope="write",
        body=schemas.SendInputs,
        answers={202: None},
        errors=(404, 409),
        tags=_TAGS,
    ),
    Route(
        ("GET",),
        _PATH,
        stream,
        "Stream a session's events",
        query=schemas.StreamQuery,
        answers={200: "text/event-stream"},
        errors=(404,),
        tags=_TAGS,
    ),
)
