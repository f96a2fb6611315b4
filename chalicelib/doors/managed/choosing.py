"""The agent and environment a new session is made of."""

from dataclasses import replace

from chalicelib.agents.model import AgentVersion
from chalicelib.agents.toolrules import settled
from chalicelib.core.errors import InvalidRequest
from chalicelib.core.metadata import patched
from chalicelib.doors.managed.policies import policy_of
from chalicelib.doors.managed.refs import core_id
from chalicelib.doors.managed.schemas.sessions import AgentChoice, AgentPart, EnvironmentChoice
from chalicelib.environments.model import Environment
from chalicelib.http.route import Call
from chalicelib.sessions.errors import AgentArchived, EnvironmentArchived
from chalicelib.sessions.service import SessionUpdate
from chalicelib.storage.keys import Space


def agent_and_environment(
    call: Call, space: Space, wanted: str | AgentChoice, place: str | EnvironmentChoice | None
) -> tuple[AgentVersion, Environment]:
    """The pinned agent with the overrides of this session, and the environment.

    Raises NotFound, AgentArchived, EnvironmentArchived, InvalidRequest.
    """
    choice = AgentChoice(id=wanted) if isinstance(wanted, str) else wanted
    found, environment = _read(call, space, choice, place.id if isinstance(place, EnvironmentChoice) else place)
    if found.archived_at is not None:
        raise AgentArchived("agent: the agent is archived", field="agent", code="agent_archived")
    agent = found if choice.type == "agent" else _overridden(call, found, choice)
    return agent, _checked(environment)


def _read(call: Call, space: Space, choice: AgentChoice, place: str | None) -> tuple[AgentVersion, Environment | None]:
    """Both in one call of storage, unless the agent has to tell the environment."""
    environments = call.services.environments
    agent = call.services.agents.lookup(space, core_id("agent", choice.id, "agent", "agent"), choice.version)
    if place:
        env_id = core_id("env", place, "environment_id", "environment")
        return agent.read_with(environments.lookup(space, env_id))
    found = agent.read()
    return found, environments.get(space, found.environment_id) if found.environment_id else None


def _checked(found: Environment | None) -> Environment:
    if found is None:
        raise InvalidRequest("environment_id: field required", field="environment_id")
    if found.archived_at is not None:
        raise EnvironmentArchived(
            "environment_id: the environment is archived",
            field="environment_id",
            details={"error_code": "environment_archived"},
        )
    return found


def _overridden(call: Call, found: AgentVersion, choice: AgentChoice) -> AgentVersion:
    sent = choice.model_fields_set
    for name in ("model", "tools", "mcp_servers", "skills"):
        if name in sent and getattr(choice, name) is None:
            raise InvalidRequest(f"agent.{name}: cannot be null", field=f"agent.{name}")
    servers = choice.mcp_servers if choice.mcp_servers is not None else found.mcp_servers
    tools = choice.tools if choice.tools is not None else found.tools
    changes = {
        "model": choice.model or found.model,
        "system": (choice.system or None) if "system" in sent else found.system,
        "mcp_servers": servers,
        "tools": settled(list(tools), servers, policy_of(call.headers), tools_given=choice.tools is not None),
        "skills": choice.skills if choice.skills is not None else found.skills,
    }
    return found.model_copy(update=changes)


def changed_parts(call: Call, wanted: SessionUpdate, current: AgentVersion, part: AgentPart) -> SessionUpdate:
    """The update with the session's new tools and servers. Raises InvalidRequest."""
    servers = part.mcp_servers if part.mcp_servers is not None else current.mcp_servers
    tools = part.tools if part.tools is not None else current.tools
    done = settled(list(tools), servers, policy_of(call.headers), tools_given=part.tools is not None)
    return replace(
        wanted,
        tools=[tool.model_dump(mode="json") for tool in done],
        mcp_servers=[server.model_dump(mode="json") for server in servers],
    )


def metadata(given: dict[str, str] | None) -> dict[str, str]:
    """Checked metadata of a new object. Raises InvalidRequest."""
    return patched({}, given or {}, blank_removes=False)
