"""Agents on the wire; requests are the core's own drafts."""

from typing import Any, Literal

from pydantic import ConfigDict, Field

from chalicelib.agents.parts import Effort, ExecutionIdentity, Extension, McpServer, SkillRef
from chalicelib.agents.toolset import Tool
from chalicelib.core.schema import Schema
from chalicelib.doors.managed.schemas.lists import ArchiveQuery, ListQuery, Page


class ModelAnswer(Schema):
    """The model of an agent."""

    id: str
    speed: Literal["standard", "fast"]
    effort: Effort | None
    inference_geo: str | None


class AgentReference(Schema):
    """An agent at a version."""

    type: Literal["agent"]
    id: str
    version: int


class AgentAnswer(Schema):
    """One version of an agent; ``_oma`` only where something in it is set."""

    model_config = ConfigDict(populate_by_name=True)

    id: str
    type: Literal["agent"]
    version: int
    name: str
    description: str | None
    model: ModelAnswer
    system: str | None
    tools: list[Tool]
    mcp_servers: list[McpServer]
    skills: list[SkillRef]
    multiagent: dict[str, Any] | None
    callable_agents: list[AgentReference]
    execution_identity: ExecutionIdentity
    metadata: dict[str, str]
    environment_id: str | None
    memory_store_id: str | None
    harness: str
    enable_general_subagent: bool
    archived: bool
    created_at: str
    updated_at: str
    archived_at: str | None
    extension: Extension | None = Field(default=None, alias="_oma")


class AgentPage(Page[AgentAnswer]):
    """A page of agents or of versions."""


class AgentQuery(Schema):
    """Which version."""

    version: int | None = Field(default=None, ge=1)


class AgentListQuery(ArchiveQuery):
    """Which agents, and in what order of creation."""

    order: Literal["asc", "desc"] | None = None


class VersionListQuery(ListQuery):
    """Which versions."""

    include_current: bool = True
