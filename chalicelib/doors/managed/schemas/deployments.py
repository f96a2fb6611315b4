"""Deployments and their runs on the wire."""

from typing import Annotated, Any, Literal

from pydantic import AliasChoices, ConfigDict, Field, field_validator

from chalicelib.core.schema import Schema
from chalicelib.deployments.model import CronSchedule
from chalicelib.doors.managed.schemas.events import SentEvent
from chalicelib.doors.managed.schemas.lists import ListQuery, Page
from chalicelib.doors.managed.schemas.sessions import Budget
from chalicelib.sessions.draft import EnvironmentChoice
from chalicelib.sessions.resource_drafts import AnyResource

MOST_EVENTS, MOST_RESOURCES, MOST_VAULTS = 50, 500, 50
INITIAL = frozenset(("user.message", "user.define_outcome", "system.message"))
Name = Annotated[str, Field(min_length=1, max_length=256)]
Description = Annotated[str, Field(max_length=2048)]
Events = Annotated[list[SentEvent], Field(min_length=1, max_length=MOST_EVENTS)]
Resources = Annotated[list[AnyResource], Field(max_length=MOST_RESOURCES)]
Vaults = Annotated[list[str], Field(max_length=MOST_VAULTS)]


class AgentPin(Schema):
    """An agent by id, at a version or the latest."""

    type: Literal["agent"] = "agent"
    id: str
    version: int | None = Field(default=None, ge=1)


def _initial(events: Any) -> Any:
    for position, event in enumerate(events or ()):
        if event.type not in INITIAL:
            raise ValueError(f"{position}: a deployment cannot begin with a {event.type}")
    return events


class DeploymentCreate(Schema):
    """A new deployment."""

    model_config = ConfigDict(populate_by_name=True)

    name: Name
    agent: str | AgentPin = Field(validation_alias=AliasChoices("agent", "agent_id"))
    environment_id: str | EnvironmentChoice = Field(validation_alias=AliasChoices("environment_id", "environment"))
    initial_events: Events
    schedule: CronSchedule | None = None
    resources: Resources | None = None
    vault_ids: Vaults | None = None
    metadata: dict[str, str] | None = None
    description: Description | None = None
    budget: Budget | None = None

    _begins = field_validator("initial_events")(_initial)


class DeploymentUpdate(Schema):
    """Changes to a deployment; what is not sent stays."""

    model_config = ConfigDict(populate_by_name=True)

    name: Name = ""
    agent: str | AgentPin = Field(default="", validation_alias=AliasChoices("agent", "agent_id"))
    environment_id: str | EnvironmentChoice = Field(
        default="", validation_alias=AliasChoices("environment_id", "environment")
    )
    initial_events: Events = Field(default_factory=list)
    schedule: CronSchedule | None = None
    resources: Resources | None = None
    vault_ids: Vaults | None = None
    metadata: dict[str, str | None] | None = None
    description: Description | None = None
    budget: Budget | None = None

    _begins = field_validator("initial_events")(_initial)


class DeploymentListQuery(ListQuery):
    """Which deployments; ``status`` is the deployment's own and excludes the archive filters."""

    agent_id: str | None = None
    status: str | None = Field(default=None, description="active or paused")
    archived: bool | None = None
    include_archived: bool | None = None


class RunListQuery(ListQuery):
    """Which runs."""

    deployment_id: str | None = None
    has_error: bool | None = None
    trigger_type: Literal["schedule", "manual"] | None = None


class AgentReference(Schema):
    """An agent at a version."""

    type: Literal["agent"]
    id: str
    version: int


class ScheduleAnswer(Schema):
    """A schedule with the times that follow from it."""

    type: Literal["cron"]
    expression: str
    timezone: str
    last_run_at: str | None
    upcoming_runs_at: list[str]


class DeploymentAnswer(Schema):
    """A deployment; secrets of its resources are not shown."""

    id: str
    type: Literal["deployment"]
    name: str
    description: str | None
    agent: AgentReference
    environment_id: str
    initial_events: list[dict[str, Any]]
    resources: list[dict[str, Any]]
    vault_ids: list[str]
    metadata: dict[str, str]
    status: Literal["active", "paused"]
    schedule: ScheduleAnswer | None
    paused_reason: dict[str, Any] | None
    budget: dict[str, Any] | None
    created_at: str
    updated_at: str
    archived_at: str | None


class DeploymentPage(Page[DeploymentAnswer]):
    """A page of deployments."""


class RunError(Schema):
    """Why a run has no session."""

    type: str
    message: str


class RunAnswer(Schema):
    """One execution of a deployment: either ``session_id`` or ``error`` is set."""

    id: str
    type: Literal["deployment_run"]
    deployment_id: str
    agent: AgentReference
    trigger_context: dict[str, str]
    session_id: str | None
    error: RunError | None
    created_at: str


class RunPage(Page[RunAnswer]):
    """A page of runs."""
