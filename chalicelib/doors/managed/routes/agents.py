"""Agents and their versions."""

from chalicelib.agents.draft import AgentCreate, AgentUpdate
from chalicelib.agents.errors import AgentVersionNotFound
from chalicelib.agents.service import LATEST, AgentFilter
from chalicelib.core.ids import derive_id
from chalicelib.core.numbers import whole
from chalicelib.doors.managed import lists
from chalicelib.doors.managed.policies import policy_of
from chalicelib.doors.managed.refs import agent_ref
from chalicelib.doors.managed.render import agents as render
from chalicelib.doors.managed.schemas import agents as schemas
from chalicelib.http.route import Answer, Call, Route
from chalicelib.storage.keys import Space

_LISTING = lists.Listing("agents", plain=(50, 100), sdk=(20, 100))
_VERSIONS = lists.Listing("agent_versions", plain=(1000, 1000), sdk=(20, 100))


def _space(call: Call) -> Space:
    return Space(call.principal.tenant)


def create(call: Call) -> Answer:
    """Make an agent in version 1."""
    key = call.seed
    agent_id = None if key is None else derive_id("agent", call.principal.tenant, key)
    made = call.services.agents.create(_space(call), call.body, policy_of(call.headers), agent_id)
    return Answer(render.agent(made), 201)


def list_(call: Call) -> Answer:
    """Agents in their current versions, newest first unless asked otherwise."""
    query: schemas.AgentListQuery = call.query
    ascending = query.order == "asc"
    active, archived = lists.shown_states(call, query, plain_shows_archived=True)
    wanted = AgentFilter(active, archived, (query.q or "").strip())
    found = call.services.agents.page(_space(call), lists.window(call, _LISTING, query, ascending=ascending), wanted)
    following = lists.cursor(call, _LISTING, found.next, ascending=ascending)
    return Answer(lists.page([render.agent(agent) for agent in found.items], following))


def retrieve(call: Call) -> Answer:
    """The agent, in its current version or in the one asked for."""
    query: schemas.AgentQuery = call.query
    return Answer(render.agent(call.services.agents.get(*agent_ref(call), query.version)))


def update(call: Call) -> Answer:
    """Change the agent; what changes makes a new version."""
    changed = call.services.agents.update(*agent_ref(call), call.body, policy_of(call.headers))
    return Answer(render.agent(changed))


def archive(call: Call) -> Answer:
    """Archive the agent for good; its sessions go on."""
    return Answer(render.agent(call.services.agents.archive(*agent_ref(call))))


def versions(call: Call) -> Answer:
    """The agent's versions, newest first."""
    query: schemas.VersionListQuery = call.query
    at = lists.position(call, _VERSIONS, query.page)
    space, agent_id = agent_ref(call)
    before = whole(at) or LATEST
    if not query.include_current:
        before = min(before, call.services.agents.get(space, agent_id).version)
    found = call.services.agents.versions(space, agent_id, before=before, limit=_VERSIONS.size(query, call.headers))
    return Answer(lists.page([render.agent(agent) for agent in found.items], lists.cursor(call, _VERSIONS, found.next)))


def retrieve_version(call: Call) -> Answer:
    """One version of the agent."""
    text = call.path["version"]
    space, agent_id = agent_ref(call)
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        call.services.agents.get(space, agent_id)
        raise AgentVersionNotFound(f"the agent has no version {text}")
    return Answer(render.agent(call.services.agents.get(space, agent_id, int(text))))


_ONE = "/v1/agents/{agent_id}"
_TAGS = ("agents",)
ROUTES: tuple[Route, ...] = (
    Route(
        ("POST",),
        "/v1/agents",
        create,
        "Create an agent",
        scope="write",
        body=AgentCreate,
        answers={201: schemas.AgentAnswer},
        errors=(404, 422),
        tags=_TAGS,
    ),
    Route(
        ("GET",),
        "/v1/agents",
        list_,
        "List agents",
        query=schemas.AgentListQuery,
        answers={200: schemas.AgentPage},
        errors=(400,),
        tags=_TAGS,
    ),
    Route(
        ("GET",),
        _ONE,
        retrieve,
        "Retrieve an agent",
        query=schemas.AgentQuery,
        answers={200: schemas.AgentAnswer},
        errors=(404,),
        tags=_TAGS,
    ),
    Route(
        ("POST", "PATCH", "PUT"),
        _ONE,
        update,
        "Update an agent",
        scope="write",
        body=AgentUpdate,
        answers={200: schemas.AgentAnswer},
        errors=(404, 409, 422),
        tags=_TAGS,
    ),
    Route(
        ("DELETE",),
        _ONE,
        archive,
        "Delete an agent (archives it)",
        scope="write",
        answers={200: schemas.AgentAnswer},
        errors=(404,),
        tags=_TAGS,
    ),
    Route(
        ("POST",),
        f"{_ONE}/archive",
        archive,
        "Archive an agent",
        scope="write",
        answers={200: schemas.AgentAnswer},
        errors=(404,),
        tags=_TAGS,
    ),
    Route(
        ("GET",),
        f"{_ONE}/versions",
        versions,
        "List an agent's versions",
        query=schemas.VersionListQuery,
        answers={200: schemas.AgentPage},
        errors=(400, 404),
        tags=_TAGS,
    ),
    Route(
        ("GET",),
        f"{_ONE}/versions/{{version}}",
        retrieve_version,
        "Retrieve a version of an agent",
        answers={200: schemas.AgentAnswer},
        errors=(404,),
        tags=_TAGS,
    ),
)
