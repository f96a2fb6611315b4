"""Sessions: create, read, change, end, remove."""

from contextlib import suppress

from chalicelib.agents.model import AgentVersion
from chalicelib.doors.managed import choosing, reach
from chalicelib.doors.managed.inputs import inputs_of
from chalicelib.doors.managed.mode import is_sdk
from chalicelib.doors.managed.policies import policy_of
from chalicelib.doors.managed.refs import manner, session_ref
from chalicelib.doors.managed.render import sessions as render
from chalicelib.doors.managed.schemas import sessions as schemas
from chalicelib.doors.managed.session_lists import page_of
from chalicelib.events.log import SessionRef
from chalicelib.http.route import Answer, Call, Route
from chalicelib.runs import entry
from chalicelib.sessions.draft import AgentChoice, EnvironmentChoice
from chalicelib.sessions.errors import SessionEnded, SessionRunning
from chalicelib.sessions.inputs import Input
from chalicelib.sessions.model import Session
from chalicelib.sessions.opening import Opening
from chalicelib.sessions.service import SessionUpdate
from chalicelib.storage.keys import Space

_STOPS = 20


def create(call: Call) -> Answer:
    """Make a session; with initial events it is running at once."""
    body: schemas.SessionCreate = call.body
    place = body.environment_id
    wanted = Opening(
        agent=AgentChoice(id=body.agent) if isinstance(body.agent, str) else body.agent,
        environment_id=place.id if isinstance(place, EnvironmentChoice) else place,
        title=body.title or None,
        metadata=body.metadata or {},
        resources=body.resources or (),
        vault_ids=body.vault_ids or (),
        budget=body.budget.cents if body.budget else None,
        max_running_seconds=body.max_running_seconds,
        end_user=body.end_user,
        initial=inputs_of(list(body.initial_events or []), None),
        manner=manner(call, sdk=is_sdk(call.headers)),
        policy=policy_of(call.headers),
        seed=call.seed,
    )
    return Answer(render.session(call.services.opener.open(Space(call.principal.tenant), wanted)), 201)


def retrieve(call: Call) -> Answer:
    """One session."""
    return Answer(render.session(call.services.sessions.get(session_ref(call))))


def list_(call: Call) -> Answer:
    """The tenant's sessions."""
    return Answer(page_of(call, call.query))


def update(call: Call) -> Answer:
    """Title and metadata at any time; tools while the session is idle."""
    body: schemas.SessionUpdate = call.body
    sdk, ref = is_sdk(call.headers), session_ref(call)
    wanted = SessionUpdate(
        title=[body.title or None] if "title" in body.model_fields_set else None,
        metadata=body.metadata,
        budget=[body.budget.cents if body.budget else None] if "budget" in body.model_fields_set else None,
    )
    if body.agent is not None:
        current = AgentVersion.model_validate(call.services.sessions.get(ref).spec.agent)
        wanted = choosing.changed_parts(call, wanted, current, body.agent)
    session = call.services.sessions.update(ref, wanted, drop_empty=not sdk)
    return Answer(render.session(session))


def _stop_first(call: Call) -> bool:
    """Whether a session at work is stopped rather than left alone."""
    force = bool(call.query.force) if call.query is not None else False
    return force or not is_sdk(call.headers)


def archive(call: Call) -> Answer:
    """End the session for good."""
    ref = session_ref(call)
    ended = _stopped_and_ended(call, ref) if _stop_first(call) else call.services.sessions.archive(ref)
    return Answer(render.session(ended))


def _stopped_and_ended(call: Call, ref: SessionRef) -> Session:
    # A message that comes after the stop begins another run, which is stopped as well.
    for _ in range(_STOPS):
        stop(call)
        with suppress(SessionRunning):
            return call.services.sessions.archive(ref)
    return call.services.sessions.archive(ref)


def delete(call: Call) -> Answer:
    """Remove the session and all that belongs to it."""
    ref = session_ref(call)
    call.services.sessions.delete(ref, even_running=_stop_first(call))
    return Answer({"id": render.name(ref.id), "type": "session_deleted"})


def cancel(call: Call) -> Answer:
    """Stop what is under way and drop what waits; an idle session is left as it is."""
    stop(call)
    return Answer(render.session(call.services.sessions.get(session_ref(call))))


def stop(call: Call) -> None:
    """Interrupt the session and wait until it rests."""
    ref = session_ref(call)
    try:
        receipt = call.services.sessions.send(ref, [Input("user.interrupt", {})], manner(call, sdk=False))
    except SessionEnded:
        return
    if receipt.interrupt is not None:
        entry.wait_until_stopped(ref, receipt.interrupt, call.services)


_ONE = "/v1/sessions/{session_id}"
_ACTS = (400, 404, 409)
_TAGS = ("sessions",)
ROUTES: tuple[Route, ...] = (
    Route(
        ("POST",),
        "/v1/sessions",
        create,
        "Create a session",
        scope="write",
        body=schemas.SessionCreate,
        answers={201: schemas.Session},
        errors=(404, 409),
        tags=_TAGS,
    ),
    Route(
        ("GET",),
        "/v1/sessions",
        list_,
        "List sessions",
        query=schemas.SessionListQuery,
        answers={200: schemas.SessionPage},
        errors=(400,),
        tags=_TAGS,
    ),
    Route(
        ("GET",),
        _ONE,
        retrieve,
        "Retrieve a session",
        answers={200: schemas.Session},
        errors=(404,),
        tags=_TAGS,
        reach=reach.own_session,
    ),
    Route(
        ("POST", "PATCH", "PUT"),
        _ONE,
        update,
        "Update a session",
        scope="write",
        body=schemas.SessionUpdate,
        answers={200: schemas.Session},
        errors=_ACTS,
        tags=_TAGS,
    ),
    Route(
        ("DELETE",),
        _ONE,
        delete,
        "Delete a session",
        scope="write",
        query=schemas.ForceQuery,
        answers={200: schemas.SessionDeleted},
        errors=_ACTS,
        tags=_TAGS,
    ),
    Route(
        ("POST",),
        f"{_ONE}/archive",
        archive,
        "Archive a session",
        scope="write",
        query=schemas.ForceQuery,
        answers={200: schemas.Session},
        errors=_ACTS,
        tags=_TAGS,
    ),
    Route(
        ("POST",),
        f"{_ONE}/cancel",
        cancel,
        "Stop a session's work",
        scope="write",
        answers={200: schemas.Session},
        errors=_ACTS,
        tags=_TAGS,
    ),
)
