"""Saved agents."""

from chalicelib.agents import policy
from chalicelib.agents.errors import AgentNotFound
from chalicelib.agents.model import AgentVersion
from chalicelib.agents.service import AgentFilter
from chalicelib.core.ids import derive_id, undress
from chalicelib.doors.openai import definitions, lists
from chalicelib.doors.openai.beta import both_bases
from chalicelib.doors.openai.common import space_of
from chalicelib.doors.openai.render import agents as render
from chalicelib.doors.openai.schemas import agents as schemas
from chalicelib.http.route import Answer, Call, Route
from chalicelib.storage.keys import list_sk

_NONE = AgentFilter(active=True, archived=False)


def active(call: Call, text: str) -> AgentVersion:
    """A saved agent by its printed id; one that was deleted is unknown. Raises AgentNotFound."""
    core = undress("agent", text)
    found = None if core is None else call.services.agents.get(space_of(call), core)
    if found is None or found.archived_at is not None:
        raise AgentNotFound("no such agent")
    return found


def create(call: Call) -> Answer:
    """Save an agent."""
    space = space_of(call)
    core = None if call.seed is None else derive_id("agent", space.tenant, call.seed)
    made = call.services.agents.create(space, definitions.new_agent(call.body), policy.SDK, core)
    return Answer(render.agent(made))


def list_(call: Call) -> Answer:
    """Saved agents, newest first unless asked otherwise."""
    query: lists.ListQuery = call.query
    position = None
    if query.after is not None:
        before = active(call, query.after)
        position = list_sk(before.created_at, before.id)
    found = call.services.agents.page(space_of(call), lists.window(query, position), _NONE)
    return Answer(lists.page([render.agent(agent) for agent in found.items], more=found.next is not None))


def retrieve(call: Call) -> Answer:
    """One agent."""
    return Answer(render.agent(active(call, call.path["agent_id"])))


def update(call: Call) -> Answer:
    """Change an agent; what changes makes a new version."""
    current = active(call, call.path["agent_id"])
    sent = definitions.changed_agent(call.body, current.model, current.metadata)
    return Answer(render.agent(call.services.agents.update(space_of(call), current.id, sent, policy.SDK)))


def delete(call: Call) -> Answer:
    """Remove an agent; its sessions go on."""
    found = active(call, call.path["agent_id"])
    call.services.agents.archive(space_of(call), found.id)
    return Answer(lists.deleted(render.name(found.id), "agent"))


_ALL = "/openai/v1/agents"
_ONE = f"{_ALL}/{{agent_id}}"
_TAGS = ("openai agents",)
ROUTES: tuple[Route, ...] = both_bases(
    Route(
        ("POST",),
        _ALL,
        create,
        "Save an agent",
        scope="write",
        body=schemas.NewAgent,
        answers={200: schemas.AgentAnswer},
        tags=_TAGS,
    ),
    Route(
        ("GET",),
        _ALL,
        list_,
        "List saved agents",
        query=lists.ListQuery,
        answers={200: lists.Listed},
        errors=(404,),
        tags=_TAGS,
    ),
    Route(("GET",), _ONE, retrieve, "Retrieve an agent", answers={200: schemas.AgentAnswer}, errors=(404,), tags=_TAGS),
    Route(
        ("POST",),
        _ONE,
        update,
        "Update an agent",
        scope="write",
        body=schemas.AgentChange,
        answers={200: schemas.AgentAnswer},
        errors=(404, 409),
        tags=_TAGS,
    ),
    Route(
        ("DELETE",),
        _ONE,
        delete,
        "Delete an agent",
        scope="write",
        answers={200: lists.Deleted},
        errors=(404,),
        tags=_TAGS,
    ),
)
