"""What is at work, on the wire."""

from typing import Literal

from pydantic import ConfigDict, Field

from chalicelib.core.schema import Schema


class RunningQuery(Schema):
    """Which sessions at work."""

    limit: int = Field(default=100, ge=1, le=1000)
    agent_id: str | None = None
    end_user: str | None = None


class TenantRunningQuery(RunningQuery):
    """Which sessions at work, of all tenants or of one."""

    tenant_id: str | None = None


class RunningStep(Schema):
    """What is under way: a call of the model or tool of that name, a judgement of an outcome, or a summary."""

    kind: Literal["model", "tool", "judge", "summary"]
    name: str
    since: str


class RunningSession(Schema):
    """A session at work; ``cost_usd`` is what its finished model calls cost."""

    id: str
    type: Literal["running_session"]
    tenant_id: str
    agent_id: str
    agent_name: str
    end_user: str | None
    status: str
    since: str | None
    phase: Literal["queued", "working", "retrying", "stopping"]
    doing: list[RunningStep]
    cost_usd: str


class RunningPage(Schema):
    """Sessions at work, the longest first."""

    data: list[RunningSession]
    has_more: bool


class StopBody(Schema):
    """Which sessions to stop: all that fit everything sent; without anything, all that are at work."""

    model_config = ConfigDict(extra="forbid")

    agent_id: str | None = None
    end_user: str | None = Field(default=None, max_length=256)
    session_ids: list[str] | None = Field(default=None, max_length=1000)
    reason: str | None = Field(default=None, max_length=512)


class TenantStopBody(StopBody):
    """Which sessions to stop, of all tenants or of one."""

    tenant_id: str | None = None


class StopAnswer(Schema):
    """How many were at work and meant, how many were asked to stop, and how many the server still has to ask."""

    type: Literal["running_stopped"]
    matched: int
    stopped: int
    remaining: int
    session_ids: list[str]
    reason: str | None
