"""Forks of sessions."""

from chalicelib.core.metadata import patched
from chalicelib.doors.managed.inputs import event_id, inputs_of
from chalicelib.doors.managed.mode import is_sdk
from chalicelib.doors.managed.policies import policy_of
from chalicelib.doors.managed.refs import manner, session_ref
from chalicelib.doors.managed.render import sessions as render
from chalicelib.doors.managed.schemas import lifecycle as schemas
from chalicelib.forks.errors import BadPoint
from chalicelib.forks.model import ForkWanted
from chalicelib.http.route import Answer, Call, Route
from chalicelib.sessions.draft import AgentChoice


def fork(call: Call) -> Answer:
    """A new session that goes on from a point of this one."""
    body: schemas.SessionFork = call.body
    if body.event_id is not None and body.seq is not None:
        raise BadPoint("seq: name the point by event_id or by seq, not by both", field="seq")
    wanted = ForkWanted(
        seq=body.seq,
        event_id=None if body.event_id is None else event_id(body.event_id),
        agent=AgentChoice(id=body.agent) if isinstance(body.agent, str) else body.agent,
        model=body.model,
        title=body.title or None,
        metadata=None if body.metadata is None else patched({}, body.metadata, blank_removes=False),
        initial=inputs_of(list(body.initial_events or []), None),
        manner=manner(call, sdk=is_sdk(call.headers)),
        policy=policy_of(call.headers),
        seed=call.seed,
    )
    made = call.services.forks.fork(session_ref(call), wanted)
    about = {
        "requested_seq": made.asked,
        "seq": made.seq,
        "moved": made.asked != made.seq,
        "files": "at_point" if made.exact else "current",
    }
    return Answer(render.session(made.session) | {"fork": about}, 201)


ROUTES: tuple[Route, ...] = (
    Route(
        ("POST",),
        "/v1/sessions/{session_id}/fork",
        fork,
        "Fork a session",
        scope="write",
        body=schemas.SessionFork,
        answers={201: schemas.ForkedSession},
        errors=(400, 404, 409),
        tags=("sessions",),
    ),
)
