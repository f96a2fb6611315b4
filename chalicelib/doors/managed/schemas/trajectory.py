"""Trajectories on the wire."""

from typing import Any, Literal

from chalicelib.core.schema import Schema


class TrajectoryModel(Schema):
    """The agent's model and who serves it, null where nobody does."""

    id: str
    provider: str | None


class TokenUsage(Schema):
    """Tokens of all finished model calls."""

    input_tokens: int
    output_tokens: int
    cache_read_input_tokens: int
    cache_creation_input_tokens: int


class TrajectorySummary(Schema):
    """What the log amounts to."""

    num_events: int
    num_turns: int
    num_tool_calls: int
    num_tool_errors: int
    num_threads: int
    duration_ms: int
    token_usage: TokenUsage


class Trajectory(Schema):
    """A session from its beginning to now. ``ended_at`` is there unless a turn runs, ``reward`` once an outcome is
    decided."""

    schema_version: Literal["oma.trajectory.v1"]
    trajectory_id: str
    session_id: str
    agent_config: dict[str, Any]
    environment_config: dict[str, Any] | None
    model: TrajectoryModel
    started_at: str
    ended_at: str | None = None
    outcome: Literal["success", "failure", "timeout", "interrupted", "running"]
    events: list[dict[str, Any]]
    summary: TrajectorySummary
    reward: float | None = None
