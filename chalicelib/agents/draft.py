"""What a client may ask of an agent. In an update a field that was not sent stays as it is."""

from typing import Annotated, Any

from pydantic import ConfigDict, Field, StringConstraints

from chalicelib.agents.parts import ExecutionIdentity, Extension, McpServer, ModelInput, SkillRef
from chalicelib.agents.toolset import Tool
from chalicelib.core.schema import Schema

Name = Annotated[str, StringConstraints(min_length=1, max_length=256)]


class AgentFields(Schema):
    """The fields of create and update alike; None clears."""

    model_config = ConfigDict(populate_by_name=True)

    system: str | None = Field(default=None, max_length=100_000)
    description: str | None = Field(default=None, max_length=2048)
    tools: list[Tool] | None = Field(default=None, max_length=256)
    mcp_servers: list[McpServer] | None = Field(default=None, max_length=20)
    skills: list[SkillRef | Name] | None = Field(default=None, max_length=20)
    multiagent: Any = Field(default=None, description="A coordinator's roster or a multiagent_20261001 object")
    callable_agents: Any = Field(default=None, description="The coordinator's roster alone")
    metadata: dict[str, str | None] | None = None
    execution_identity: ExecutionIdentity | None = None
    environment_id: str | None = Field(default=None, max_length=256)
    memory_store_id: str | None = Field(default=None, max_length=256)
    harness: str | None = Field(default=None, min_length=1, max_length=128)
    enable_general_subagent: bool | None = None
    extension: Extension | None = Field(default=None, alias="_oma")

    def sent(self, name: str) -> bool:
        """Whether the client said anything about a field."""
        return name in self.model_fields_set


class AgentCreate(AgentFields):
    """A new agent."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"name": "Guide", "model": "default", "system": "Answer in one short sentence.", "tools": []}]
        }
    )

    name: Name
    model: ModelInput


class AgentUpdate(AgentFields):
    """Changes to an agent; ``version`` is the one the caller expects to be current."""

    name: Name | None = None
    model: ModelInput | None = None
    version: int | None = Field(default=None, ge=1)
