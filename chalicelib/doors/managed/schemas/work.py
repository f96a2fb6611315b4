"""The work queue of self-hosted environments on the wire, and the keys of its workers."""

from typing import Literal

from pydantic import Field

from chalicelib.core.schema import RootSchema, Schema
from chalicelib.doors.managed.schemas.lists import ListQuery, Page
from chalicelib.doors.managed.schemas.tenants import Name

State = Literal["queued", "starting", "active", "stopping", "stopped"]


class WorkData(Schema):
    """What is to be done."""

    type: Literal["session"]
    id: str


class WorkAnswer(Schema):
    """A work item; ``secret`` is set in the answer to a poll and nowhere else."""

    id: str
    type: Literal["work"]
    environment_id: str
    data: WorkData
    state: State
    metadata: dict[str, str]
    created_at: str
    acknowledged_at: str | None
    started_at: str | None
    latest_heartbeat_at: str | None
    stop_requested_at: str | None
    stopped_at: str | None
    secret: str | None


class PollAnswer(RootSchema[WorkAnswer | None]):
    """The item for this worker; null when nothing waits."""


class WorkPage(Page[WorkAnswer]):
    """A page of work items."""


class PollQuery(Schema):
    """How long to wait, and after how long an offer nobody acknowledged is made again; milliseconds."""

    block_ms: int | None = Field(default=None, ge=1, le=999)
    reclaim_older_than_ms: int | None = Field(default=None, ge=1, le=86_400_000)


class HeartbeatQuery(Schema):
    """``expected_last_heartbeat`` is ``NO_HEARTBEAT`` at first, then what the answer before said."""

    expected_last_heartbeat: str | None = Field(default=None, max_length=64)
    desired_ttl_seconds: int | None = Field(default=None, ge=1)


class Heartbeat(Schema):
    """The lease after a heartbeat."""

    type: Literal["work_heartbeat"]
    last_heartbeat: str
    lease_extended: bool
    state: State
    ttl_seconds: int


class StopWork(Schema):
    """Whether the item ends at once or its worker is asked to finish."""

    force: bool | None = None


class UpdateWork(Schema):
    """A patch: null removes a pair."""

    metadata: dict[str, str | None] | None = None


class WorkStats(Schema):
    """How full the queue is. ``pending`` was offered and not acknowledged yet."""

    type: Literal["work_queue_stats"]
    depth: int
    pending: int
    oldest_queued_at: str | None
    workers_polling: int


class WorkListQuery(ListQuery):
    """Which part of the list."""


class EnvironmentKeyCreate(Schema):
    """A new key."""

    name: Name = "Untitled key"


class EnvironmentKeyAnswer(Schema):
    """A key as it may be shown."""

    id: str
    type: Literal["environment_key"]
    environment_id: str
    name: str
    prefix: str
    created_at: str
    last_used_at: str | None


class NewEnvironmentKey(EnvironmentKeyAnswer):
    """A new key with its secret, which is shown this once."""

    key: str


class EnvironmentKeyPage(Page[EnvironmentKeyAnswer]):
    """All keys of an environment."""
