"""Deployments and their runs as they are stored."""

from typing import Any, Literal

from pydantic import Field, model_validator

from chalicelib.core.schema import Schema
from chalicelib.schedules.cron import Cron
from chalicelib.sessions.inputs import Input
from chalicelib.sessions.model import Policy

MANUAL = "manual"
"""Why a deployment is paused that somebody paused; otherwise the type of an error stands there."""


class CronSchedule(Schema):
    """When a deployment runs by itself."""

    type: Literal["cron"]
    expression: str = Field(max_length=256)
    timezone: str = Field(max_length=64)

    @model_validator(mode="after")
    def _usable(self) -> "CronSchedule":
        self.cron()
        return self

    def cron(self) -> Cron:
        """To ask for moments. Raises BadSchedule."""
        return Cron(self.expression, self.timezone)


class StoredInput(Schema):
    """An event every run's session begins with, in stored form."""

    type: str
    data: dict[str, Any]

    def input(self) -> Input:
        """As a session takes it."""
        return Input(self.type, self.data)


class ResourceConfig(Schema):
    """A resource every run's session gets: what may be shown, and the secret fields by name, sealed."""

    shown: dict[str, Any]
    sealed: dict[str, str] = Field(default_factory=dict, repr=False)


class DeploymentSpec(Schema):
    """What a client says a deployment is; ids are core ids.

    ``policy`` is how the initial events are taken up, ``strict_skills`` whether an unknown skill fails a run;
    ``budget`` is that of each session, in whole US cents.
    """

    name: str
    description: str | None = None
    agent_id: str
    agent_version: int
    environment_id: str
    initial: list[StoredInput]
    policy: Policy = "queue"
    strict_skills: bool = False
    budget: str | None = None
    resources: list[ResourceConfig] = Field(default_factory=list)
    vault_ids: list[str] = Field(default_factory=list)
    metadata: dict[str, str] = Field(default_factory=dict)
    schedule: CronSchedule | None = None


class Deployment(DeploymentSpec):
    """A deployment; times are milliseconds.

    ``next_at`` is the moment, without jitter, of the next run by schedule: None while there will be none.
    ``revision`` counts what clients changed.
    """

    id: str
    created_at: int
    updated_at: int
    archived_at: int | None = None
    paused: str | None = None
    next_at: int | None = None
    last_run_at: int | None = None
    revision: int = 1

    @property
    def fires(self) -> bool:
        """Whether it runs by schedule at present."""
        return self.schedule is not None and self.paused is None and self.archived_at is None

    def spec(self) -> DeploymentSpec:
        """What of it clients change."""
        return DeploymentSpec.model_validate(self.model_dump(include=set(DeploymentSpec.model_fields)))


class RunFailure(Schema):
    """Why a run has no session."""

    type: str
    message: str


class Run(Schema):
    """One execution of a deployment; ``scheduled_at`` is there when its schedule caused it.

    While neither ``session_id`` nor ``error`` is set it is being made: ``tries`` counts how often that began.
    """

    id: str
    deployment_id: str
    agent_id: str
    agent_version: int
    created_at: int
    scheduled_at: int | None = None
    session_id: str | None = None
    error: RunFailure | None = None
    tries: int = 0

    @property
    def done(self) -> bool:
        """Whether it is decided what came of it."""
        return self.session_id is not None or self.error is not None
