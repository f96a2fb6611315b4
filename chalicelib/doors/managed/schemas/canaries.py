"""Canaries of agents on the wire."""

from typing import Literal

from pydantic import Field

from chalicelib.core.schema import Schema


class CanaryInput(Schema):
    """Which version is tried by which share of new sessions."""

    version: int = Field(ge=1, description="May be the agent's next version, which the next update makes")
    percent: int = Field(ge=1, le=99)
    stable_version: int | None = Field(
        default=None, ge=1, description="What the others get; by default the current version, else the one before"
    )


class VersionCounts(Schema):
    """What became of the sessions of one version."""

    version: int
    role: Literal["canary", "stable"]
    sessions: int
    runs_completed: int
    runs_failed: int
    runs_cancelled: int
    cost: str = Field(description="US dollars")


class Canary(Schema):
    """The latest canary of an agent."""

    id: str
    type: Literal["agent_canary"] = "agent_canary"
    agent_id: str
    state: Literal["running", "promoted", "rolled_back"]
    version: int
    stable_version: int
    percent: int
    current_version: int
    versions: list[VersionCounts]
    started_at: str
    ended_at: str | None
