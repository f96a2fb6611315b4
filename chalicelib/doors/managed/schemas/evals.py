"""Evaluation runs on the wire."""

from typing import Annotated, Any, Literal

from pydantic import Field, field_validator

from chalicelib.core.schema import Schema
from chalicelib.doors.managed.schemas.events import (
    CompositeVerifier,
    EndpointVerifier,
    ScorerVerifier,
    ScriptVerifier,
)
from chalicelib.doors.managed.schemas.lists import ListQuery, Page
from chalicelib.evals.model import MOST_IN_RUN, MOST_TASKS, Task


class RubricReward(Schema):
    """A model judges the record of the work by these criteria; without ``model`` the agent's own."""

    type: Literal["rubric"]
    rubric: str = Field(min_length=1, max_length=262_144)
    model: str | None = Field(default=None, max_length=256)


Reward = Annotated[
    ScriptVerifier | ScorerVerifier | EndpointVerifier | CompositeVerifier | RubricReward, Field(discriminator="type")
]


class NewTask(Task):
    """A task and how its work is graded."""

    reward: Reward | None = None  # type: ignore[assignment]

    def task(self) -> Task:
        """As it is stored."""
        return Task.model_validate(self.model_dump(mode="json"))


class EvalCreate(Schema):
    """A new run."""

    agent_id: str = Field(max_length=128)
    environment_id: str = Field(max_length=128)
    tasks: list[NewTask] = Field(min_length=1, max_length=MOST_TASKS)

    @field_validator("tasks")
    @classmethod
    def _bounded(cls, tasks: list[NewTask]) -> list[NewTask]:
        known: set[str] = set()
        for task in tasks:
            if task.id in known:
                raise ValueError(f"there are two tasks {task.id!r}")
            known.add(task.id)
        if sum(task.trials for task in tasks) > MOST_IN_RUN:
            raise ValueError(f"at most {MOST_IN_RUN} trials in all")
        return tasks


class EvalQuery(ListQuery):
    """Which runs."""

    status: str | None = Field(default=None, description="pending, running, completed or failed")
    agent_id: str | None = None
    environment_id: str | None = None


class EvalStarted(Schema):
    """A run that will be carried out; ``id`` and ``run_id`` are the same."""

    id: str
    run_id: str
    task_count: int


class TrialAnswer(Schema):
    """One attempt; ``session_id``, ``reward`` and ``error`` are there once there is such a thing."""

    trial_index: int
    status: str
    session_id: str | None = None
    reward: dict[str, Any] | None = None
    error: str | None = None


class TaskAnswer(Schema):
    """A task with all its attempts."""

    id: str
    spec: dict[str, Any]
    status: str
    trial_total: int
    trials: list[TrialAnswer]


class EvalAnswer(Schema):
    """A run; the counts are of tasks."""

    id: str
    type: Literal["eval_run"]
    agent_id: str
    agent_version: int
    environment_id: str
    status: Literal["pending", "running", "completed", "failed"]
    created_at: str
    started_at: str | None
    ended_at: str | None
    error: str | None
    task_count: int
    completed_count: int
    failed_count: int
    tasks: list[TaskAnswer]


class EvalPage(Page[EvalAnswer]):
    """A page of runs."""
