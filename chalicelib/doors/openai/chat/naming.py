"""Which agent a ``model`` means, if it means one."""

import re
from dataclasses import dataclass

from chalicelib.agents.errors import AgentNotFound
from chalicelib.agents.model import AgentVersion
from chalicelib.agents.service import AgentFilter
from chalicelib.core.errors import InvalidRequest
from chalicelib.core.ids import undress
from chalicelib.doors.openai.common import space_of
from chalicelib.http.route import Call
from chalicelib.storage.listing import Window

_ID = re.compile(r"(agent_[0-9a-f-]{32,36})(?:@([0-9]{1,9}))?", re.IGNORECASE)
_NAMED = "agents/"
_PAGE = 100


@dataclass(frozen=True, slots=True)
class Named:
    """An agent as it was named: by id and perhaps version, or by name."""

    id: str | None = None
    version: int | None = None
    name: str | None = None


def named_agent(model: str) -> Named | None:
    """What a ``model`` says of an agent; None when it names a model."""
    if model.startswith(_NAMED):
        return Named(name=model.removeprefix(_NAMED))
    found = _ID.fullmatch(model)
    core = undress("agent", found[1]) if found else None
    if found is None or core is None:
        return None
    return Named(id=core, version=int(found[2]) if found[2] else None)


def find_agent(call: Call, wanted: Named) -> AgentVersion:
    """The agent. Raises AgentNotFound, InvalidRequest when several have the name."""
    if wanted.id is not None:
        return _by_id(call, wanted.id, wanted.version)
    found = _by_name(call, wanted.name or "")
    if not found:
        raise AgentNotFound(f"model: there is no agent named {wanted.name!r}", field="model", code="model_not_found")
    if len(found) > 1:
        raise InvalidRequest(f"model: several agents are named {wanted.name!r}; use an id", field="model")
    return found[0]


def _by_id(call: Call, agent_id: str, version: int | None) -> AgentVersion:
    try:
        return call.services.agents.get(space_of(call), agent_id, version)
    except AgentNotFound as error:
        raise AgentNotFound("model: there is no such agent", field="model", code="model_not_found") from error


def _by_name(call: Call, name: str) -> list[AgentVersion]:
    found: list[AgentVersion] = []
    position: str | None = None
    wanted = AgentFilter(active=True, archived=False, name_part=name)
    while len(found) < 2:
        page = call.services.agents.page(space_of(call), Window(_PAGE, position), wanted)
        found += [agent for agent in page.items if agent.name == name]
        position = page.next
        if position is None:
            break
    return found
