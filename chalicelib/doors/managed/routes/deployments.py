"""Deployments and their runs."""

from typing import Any

from chalicelib.core.errors import InvalidRequest
from chalicelib.core.ids import derive_id, undress
from chalicelib.deployments.draft import DeploymentDraft
from chalicelib.deployments.errors import DeploymentNotFound, RunNotFound
from chalicelib.deployments.running import RunFilter
from chalicelib.deployments.service import DeploymentFilter
from chalicelib.doors.managed import lists
from chalicelib.doors.managed.inputs import inputs_of
from chalicelib.doors.managed.mode import is_sdk
from chalicelib.doors.managed.policies import policy_of
from chalicelib.doors.managed.refs import ref_of
from chalicelib.doors.managed.render import deployments as render
from chalicelib.doors.managed.schemas import deployments as schemas
from chalicelib.doors.managed.schemas.lists import ArchiveQuery
from chalicelib.http.route import Answer, Call, Route
from chalicelib.sessions.draft import AgentChoice, EnvironmentChoice
from chalicelib.sessions.inputs import Input
from chalicelib.storage.keys import Space

_LISTING = lists.Listing("deployments", plain=(50, 100))
_RUNS = lists.Listing("deployment_runs", sdk=(20, 1000))
_NAMES = {"initial_events": "initial"}
_ref = ref_of("depl", "deployment_id", DeploymentNotFound)
_run_ref = ref_of("drun", "run_id", RunNotFound)


def create(call: Call) -> Answer:
    """Make a deployment; with a schedule it runs by itself."""
    space = Space(call.principal.tenant)
    own_id = None if call.seed is None else derive_id("deployment", space.tenant, call.seed)
    return Answer(render.deployment(call.services.deployments.create(space, _draft(call), own_id)), 201)


def list_(call: Call) -> Answer:
    """Deployments, newest first."""
    query: schemas.DeploymentListQuery = call.query
    found = call.services.deployments.page(
        Space(call.principal.tenant), lists.window(call, _LISTING, query), _filter(call, query)
    )
    data = [render.deployment(one) for one in found.items]
    return Answer(lists.page(data, lists.cursor(call, _LISTING, found.next)))


def retrieve(call: Call) -> Answer:
    """One deployment."""
    return Answer(render.deployment(call.services.deployments.get(*_ref(call))))


def update(call: Call) -> Answer:
    """Change a deployment; runs from then on follow it."""
    space, deployment_id = _ref(call)
    return Answer(render.deployment(call.services.deployments.update(space, deployment_id, _draft(call))))


def archive(call: Call) -> Answer:
    """End a deployment for good; its sessions go on."""
    return Answer(render.deployment(call.services.deployments.archive(*_ref(call))))


def pause(call: Call) -> Answer:
    """No runs by schedule for now."""
    return Answer(render.deployment(call.services.deployments.pause(*_ref(call))))


def unpause(call: Call) -> Answer:
    """Runs by schedule again; what was missed is not made up for."""
    return Answer(render.deployment(call.services.deployments.unpause(*_ref(call))))


def run(call: Call) -> Answer:
    """Run a deployment now, also while it is paused."""
    space, deployment_id = _ref(call)
    run_id = None if call.seed is None else derive_id("deployment-run", space.tenant, deployment_id, call.seed)
    return Answer(render.run(call.services.deployment_runs.start(space, deployment_id, run_id)), 201)


def retrieve_run(call: Call) -> Answer:
    """One run."""
    return Answer(render.run(call.services.deployment_runs.get(*_run_ref(call))))


def list_runs(call: Call) -> Answer:
    """Runs, newest first."""
    query: schemas.RunListQuery = call.query
    wanted = RunFilter(
        deployment_id=undress("depl", query.deployment_id) or "none" if query.deployment_id else None,
        failed=query.has_error,
        scheduled=None if query.trigger_type is None else query.trigger_type == "schedule",
    )
    space = Space(call.principal.tenant)
    found = call.services.deployment_runs.page(space, lists.window(call, _RUNS, query), wanted)
    return Answer(lists.page([render.run(one) for one in found.items], lists.cursor(call, _RUNS, found.next)))


def _filter(call: Call, query: schemas.DeploymentListQuery) -> DeploymentFilter:
    agent = undress("agent", query.agent_id) or "" if query.agent_id else None
    if query.status is None:
        asked = ArchiveQuery(archived=query.archived, include_archived=query.include_archived)
        active, archived = lists.shown_states(call, asked, plain_shows_archived=False)
        return DeploymentFilter(active, archived, agent)
    if query.status not in ("active", "paused"):
        raise InvalidRequest("status: must be active or paused", field="status", code="invalid_status")
    if query.archived is not None or query.include_archived is not None:
        raise InvalidRequest("status: cannot be combined with include_archived", field="status")
    return DeploymentFilter(agent_id=agent, paused=query.status == "paused")


def _draft(call: Call) -> DeploymentDraft:
    body: schemas.DeploymentCreate | schemas.DeploymentUpdate = call.body
    sdk, place = is_sdk(call.headers), body.environment_id
    return DeploymentDraft(
        given=frozenset(_NAMES.get(name, name) for name in body.model_fields_set),
        agent=_agent(body.agent),
        name=body.name,
        environment_id=place.id if isinstance(place, EnvironmentChoice) else place,
        initial=_initial(body.initial_events),
        policy="steer" if sdk else "queue",
        custom=policy_of(call.headers),
        schedule=body.schedule,
        resources=body.resources or (),
        vault_ids=body.vault_ids or (),
        metadata=body.metadata or {},
        blank_removes=not sdk,
        description=body.description,
        budget=body.budget.cents if body.budget else None,
    )


def _agent(named: str | schemas.AgentPin) -> AgentChoice:
    return AgentChoice(id=named) if isinstance(named, str) else AgentChoice(id=named.id, version=named.version)


def _initial(events: list[Any]) -> list[Input]:
    """The inputs a session begins with. Raises InvalidRequest."""
    if events and events[-1].type == "system.message" and (len(events) == 1 or events[-2].type != "user.message"):
        place = f"initial_events.{len(events) - 1}"
        raise InvalidRequest(f"{place}: a system.message must directly follow a user.message", field=place)
    return inputs_of(events, None)


_ALL, _ONE = "/v1/deployments", "/v1/deployments/{deployment_id}"
_ACTS = (400, 404)
_TAGS = ("deployments",)


def _act(path: str, handler: Any, summary: str) -> Route:
    answers = {200: schemas.DeploymentAnswer}
    return Route(("POST",), path, handler, summary, scope="write", answers=answers, errors=_ACTS, tags=_TAGS)


ROUTES: tuple[Route, ...] = (
    Route(
        ("POST",),
        _ALL,
        create,
        "Create a deployment",
        scope="write",
        body=schemas.DeploymentCreate,
        answers={201: schemas.DeploymentAnswer},
        errors=(404, 409),
        tags=_TAGS,
    ),
    Route(
        ("GET",),
        _ALL,
        list_,
        "List deployments",
        query=schemas.DeploymentListQuery,
        answers={200: schemas.DeploymentPage},
        errors=(400,),
        tags=_TAGS,
    ),
    Route(
        ("GET",),
        _ONE,
        retrieve,
        "Retrieve a deployment",
        answers={200: schemas.DeploymentAnswer},
        errors=(404,),
        tags=_TAGS,
    ),
    Route(
        ("POST", "PATCH", "PUT"),
        _ONE,
        update,
        "Update a deployment",
        scope="write",
        body=schemas.DeploymentUpdate,
        answers={200: schemas.DeploymentAnswer},
        errors=(404,),
        tags=_TAGS,
    ),
    _act(f"{_ONE}/archive", archive, "Archive a deployment"),
    _act(f"{_ONE}/pause", pause, "Pause a deployment"),
    _act(f"{_ONE}/unpause", unpause, "Resume a deployment"),
    Route(
        ("POST",),
        f"{_ONE}/run",
        run,
        "Run a deployment now",
        scope="write",
        answers={201: schemas.RunAnswer},
        errors=(400, 404, 409),
        tags=_TAGS,
    ),
    Route(
        ("GET",),
        "/v1/deployment_runs",
        list_runs,
        "List deployment runs",
        query=schemas.RunListQuery,
        answers={200: schemas.RunPage},
        errors=(400,),
        tags=_TAGS,
    ),
    Route(
        ("GET",),
        "/v1/deployment_runs/{run_id}",
        retrieve_run,
        "Retrieve a deployment run",
        answers={200: schemas.RunAnswer},
        errors=(404,),
        tags=_TAGS,
    ),
)
