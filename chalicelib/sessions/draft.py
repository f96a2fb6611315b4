"""What a client may ask of a new session: which agent, with what replaced, and where."""

from typing import Literal

from pydantic import Field

from chalicelib.agents.parts import McpServer, ModelInput, SkillRef
from chalicelib.agents.toolset import Tool
from chalicelib.core.schema import Schema


class AgentChoice(Schema):
    """An agent by id, at a version or the latest; with ``agent_with_overrides`` parts of it replaced."""

    type: Literal["agent", "agent_with_overrides"] = "agent"
    id: str
    version: int | None = Field(default=None, ge=1)
    model: ModelInput | None = None
    system: str | None = Field(default=None, max_length=100_000)
    tools: list[Tool] | None = Field(default=None, max_length=256)
    mcp_servers: list[McpServer] | None = Field(default=None, max_length=20)
    skills: list[SkillRef] | None = Field(default=None, max_length=20)


class EnvironmentChoice(Schema):
    """An environment by id."""

    id: str
