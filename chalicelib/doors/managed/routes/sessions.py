"""Sessions: create, read, change, end, remove."""

from dataclasses import replace

from chalicelib.agents.model import AgentVersion
from chalicelib.doors.managed import choosing, named_files, reach
from chalicelib.doors.managed.attaching import attach, kept_if_taken
from chalicelib.doors.managed.inputs import inputs_of
from chalicelib.doors.managed.mode import is_sdk
from chalicelib.doors.managed.refs import manner, session_ref, vault_ids
from chalicelib.doors.managed.render import sessions as render
from chalicelib.doors.managed.schemas import sessions as schemas
from chalicelib.doors.managed.session_lists import page_of
from chalicelib.environments.work.resources import demand_mountable
from chalicelib.events.log import SessionRef
from chalicelib.http.route import Answer, Call, Route
from chalicelib.runs import entry
from chalicelib.sessions.inputs import Input
from chalicelib.sessions.resources import demand_apart
from chalicelib.sessions.service import SessionDraft, SessionUpdate
from chalicelib.storage.keys import Space


def create(call: Call) -> Answer:
    """Make a session; with initial events it is running at once."""
    body: schemas.SessionCreate = call.body
    space, sdk = Space(call.principal.tenant), is_sdk(call.headers)
    agent, environment = choosing.agent_and_environment(call, space, body.agent, body.environment_id)
    vaults = vault_ids(body.vault_ids)
    call.services.vaults.check(space, vaults, "vault_ids")
    if environment.config.type == "self_hosted":
        for place, wanted in enumerate(body.resources or []):
            demand_mountable(wanted.type, f"resources.{place}")
    initial = inputs_of(list(body.initial_events or []), None)
    named_files.check(call, initial, "initial_events")
    session_id = call.services.sessions.new_id(space, call.seed)
    draft = SessionDraft(
        agent=call.services.agents.pinned(space, agent),
        environment_id=environment.id,
        environment=environment.model_dump(mode="json"),
        title=body.title or None,
        metadata=choosing.metadata(body.metadata),
        vault_ids=vaults,
        initial=initial,
        manner=manner(call, sdk=sdk),
        seed=call.seed,
    )
    with kept_if_taken(call, space) as attached:
        for place, wanted in enumerate(body.resources or []):
            made = attach(call, SessionRef(space, session_id), wanted, f"resources.{place}")
            demand_apart(attached, made, f"resources.{place}")
            attached.append(made)
        session = call.services.sessions.create(space, replace(draft, resources=attached), session_id)
    return Answer(render.session(session), 201)


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
    if _stop_first(call):
        stop(call)
    return Answer(render.session(call.services.sessions.archive(ref)))


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
    if call.services.sessions.get(ref).head.ended:
        return
    receipt = call.services.sessions.send(ref, [Input("user.interrupt", {})], manner(call, sdk=False))
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
        limit="write",
        idempotent=True,
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
        limit="write",
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
        limit="write",
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
        limit="write",
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
        limit="write",
        tags=_TAGS,
    ),
)
