"""The parts of its agent that a session may change."""

from dataclasses import replace

from chalicelib.agents.model import AgentVersion
from chalicelib.agents.toolrules import settled
from chalicelib.doors.managed.policies import policy_of
from chalicelib.doors.managed.schemas.sessions import AgentPart
from chalicelib.http.route import Call
from chalicelib.sessions.service import SessionUpdate


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
