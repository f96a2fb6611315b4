"""Sessions on the wire."""

from typing import Annotated, Any, Literal

from pydantic import AliasChoices, ConfigDict, Field, model_validator

from chalicelib.agents.parts import McpServer
from chalicelib.agents.toolset import Tool
from chalicelib.core.schema import Schema
from chalicelib.doors.managed.schemas.events import InitialEvent
from chalicelib.doors.managed.schemas.lists import CreatedRange, ListQuery, Page
from chalicelib.sessions.draft import AgentChoice, EnvironmentChoice
from chalicelib.sessions.resource_drafts import AnyResource

Text = Annotated[str, Field(max_length=512)]
Title = Annotated[str, Field(max_length=1024)]


class ListCost(Schema):
    """An amount of whole cents."""

    amount: str = Field(pattern=r"^[0-9]{1,12}$")
    currency: Literal["USD"] = "USD"

    @model_validator(mode="after")
    def _something(self) -> "ListCost":
        if not int(self.amount):
            raise ValueError("amount has to be above 0")
        return self


class Budget(Schema):
    """How much the model calls of a session may cost, by list prices."""

    type: Literal["limit"]
    max_list_cost: ListCost

    @property
    def cents(self) -> str:
        """The amount in normal form."""
        return str(int(self.max_list_cost.amount))


class SessionCreate(Schema):
    """A new session."""

    model_config = ConfigDict(
        populate_by_name=True,
        json_schema_extra={"examples": [{"agent": "agent_…", "environment_id": "env_…"}]},
    )

    agent: str | AgentChoice = Field(validation_alias=AliasChoices("agent", "agent_id"))
    environment_id: str | EnvironmentChoice | None = Field(
        default=None, validation_alias=AliasChoices("environment_id", "environment")
    )
    title: Title | None = None
    metadata: dict[str, str] | None = None
    resources: list[AnyResource] | None = Field(default=None, max_length=500)
    vault_ids: list[str] | None = Field(default=None, max_length=50)
    initial_events: list[InitialEvent] | None = Field(default=None, max_length=50)
    budget: Budget | None = None
    max_running_seconds: int | None = Field(
        default=None, ge=1, le=604_800, description="The longest a run may be at work without a rest"
    )
    end_user: str | None = Field(
        default=None, min_length=1, max_length=256, description="For whom the agent works; else metadata.user_id"
    )


class AgentPart(Schema):
    """The parts of the pinned agent that an idle session may change."""

    model_config = ConfigDict(extra="forbid")

    tools: list[Tool] | None = Field(default=None, max_length=256)
    mcp_servers: list[McpServer] | None = Field(default=None, max_length=20)


class SessionUpdate(Schema):
    """Changes to a session; what is not sent stays."""

    title: Title | None = None
    metadata: dict[str, str | None] | None = None
    agent: AgentPart | None = None
    vault_ids: None = Field(default=None, description="Cannot be changed")
    budget: Budget | None = None


class SessionListQuery(CreatedRange):
    """Which sessions, and in what order."""

    limit: str | None = None
    page: str | None = Field(default=None, validation_alias=AliasChoices("page", "cursor"))
    order: Literal["asc", "desc"] | None = None
    agent_id: str | None = None
    agent_version: int | None = None
    deployment_id: str | None = None
    memory_store_id: str | None = None
    end_user: str | None = None
    status: str | None = None
    statuses: list[str] | None = None
    include_archived: bool | None = None
    archived: bool | None = None
    q: str | None = None


class EventListQuery(CreatedRange):
    """Which events, and in what order."""

    limit: str | None = None
    page: str | None = Field(default=None, validation_alias=AliasChoices("page", "cursor"))
    order: Literal["asc", "desc"] | None = None
    after_seq: str | None = None
    types: list[str] | None = None
    include: list[str] | None = None
    replay: str | None = None
    frames: Literal["typed", "message"] | None = None
    event_deltas: list[str] | None = Field(default=None, max_length=100)


class StreamQuery(Schema):
    """What a stream carries."""

    include: list[str] | None = None
    replay: str | None = None
    frames: Literal["typed", "message"] | None = None
    types: list[str] | None = None
    event_deltas: list[str] | None = Field(default=None, max_length=100)


class SendQuery(Schema):
    """How inputs are taken up."""

    input: Literal["steer", "queue", "interrupt"] | None = None


class ForceQuery(Schema):
    """Whether a session at work is stopped first."""

    force: bool | None = None


class Usage(Schema):
    """Cumulative figures."""

    model_config = ConfigDict(extra="allow")

    input_tokens: int
    output_tokens: int
    cache_read_input_tokens: int
    cache_creation_input_tokens: int
    cache_creation: dict[str, int] | None
    active_seconds: float
    list_cost: dict[str, str]
    server_tool_use: dict[str, int]


class PendingCall(Schema):
    """A tool use that waits for the client's consent or result, or for the environment's worker."""

    event_id: str
    kind: Literal["confirmation", "custom", "worker"]
    name: str
    session_thread_id: str


class Session(Schema):
    """A session."""

    model_config = ConfigDict(extra="allow")

    id: str
    type: Literal["session"] = "session"
    status: Literal["idle", "running", "rescheduling", "terminated"]
    title: str | None
    agent: dict[str, Any]
    agent_id: str
    agent_version: int
    environment_id: str
    metadata: dict[str, str]
    resources: list[dict[str, Any]]
    vault_ids: list[str]
    outcome_evaluations: list[dict[str, Any]]
    stats: dict[str, float | None]
    usage: Usage
    budget: dict[str, Any] | None
    deployment_id: str | None
    end_user: str | None
    forked_from: dict[str, Any] | None
    imported_from: dict[str, Any] | None
    stop_reason: dict[str, Any] | None
    pending_calls: list[PendingCall]
    last_error: dict[str, Any] | None
    created_at: str
    updated_at: str
    archived_at: str | None
    terminated_at: str | None


class SessionDeleted(Schema):
    """A removed session."""

    id: str
    type: Literal["session_deleted"] = "session_deleted"


SessionPage = Page[Session]


class ThreadListQuery(ListQuery):
    """Which threads."""

    statuses: list[Literal["idle", "running", "rescheduling", "terminated"]] | None = None
    include_archived: bool | None = None


class Thread(Schema):
    """A thread of a session."""

    model_config = ConfigDict(extra="allow")

    id: str
    type: Literal["session_thread"] = "session_thread"
    session_id: str
    status: str


ThreadPage = Page[Thread]


class PendingQuery(Schema):
    """Which waiting inputs."""

    session_thread_id: str | None = None
    include_cancelled: bool | None = None


class Pending(Schema):
    """Inputs not yet taken up."""

    data: list[dict[str, Any]]
