"""An agent as it is stored and as a run reads it: everything filled in, nothing left to a default of the reader."""

from typing import Literal

from pydantic import Field, PrivateAttr

from chalicelib.agents.parts import ExecutionIdentity, Extension, McpServer, ModelConfig, ServiceAccount, SkillRef
from chalicelib.agents.roster import Multiagent
from chalicelib.agents.toolset import Tool
from chalicelib.canaries.model import Canary
from chalicelib.core.schema import Schema

Origin = Literal["sdk", "plain"]
"""The kind of client that created the agent. It decides what a model is offered beyond the configuration:
for ``plain`` the schedule tools and the skills' full text; for ``sdk`` only tools named in ``configs``."""


class Extras(Schema):
    """Settings that only some clients know."""

    execution_identity: ExecutionIdentity = Field(default_factory=ServiceAccount)
    memory_store_id: str | None = None
    harness: str = "default"
    enable_general_subagent: bool = False
    extension: Extension = Field(default_factory=Extension)


class AgentConfig(Schema):
    """What a version consists of; two versions with equal configurations do not follow each other.

    ``tools`` holds, in the client's order, at most one ``Toolset`` (built-in tools), one ``McpToolset`` for each
    entry of ``mcp_servers``, and custom tools; sets are filled (``default_config``, and every entry of ``configs``
    with ``enabled`` and ``permission_policy``). ``environment_id`` is a core id.
    """

    name: str
    model: ModelConfig
    system: str | None = None
    description: str | None = None
    tools: list[Tool] = Field(default_factory=list)
    mcp_servers: list[McpServer] = Field(default_factory=list)
    skills: list[SkillRef] = Field(default_factory=list)
    multiagent: Multiagent | None = None
    metadata: dict[str, str] = Field(default_factory=dict)
    environment_id: str | None = None
    extra: Extras = Field(default_factory=Extras)


class AgentVersion(AgentConfig):
    """One version of an agent. ``created_at`` and ``archived_at`` belong to the agent, ``updated_at`` to the version;
    all three are milliseconds."""

    id: str
    version: int
    origin: Origin
    created_at: int
    updated_at: int
    archived_at: int | None = None
    _canary: Canary | None = PrivateAttr(default=None)

    @property
    def canary(self) -> Canary | None:
        """The agent's latest canary, where this was read as the agent's current version."""
        return self._canary

    @property
    def trial(self) -> str | None:
        """The canary that counts what becomes of a session that gets this, while it runs."""
        return self._canary.id if self._canary is not None and self._canary.running else None

    def with_canary(self, canary: Canary | None) -> "AgentVersion":
        """Remember the canary; gives itself."""
        self._canary = canary
        return self

    def config(self) -> AgentConfig:
        """The configuration alone."""
        return AgentConfig.model_construct(**{name: getattr(self, name) for name in AgentConfig.model_fields})
