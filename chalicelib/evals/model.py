"""Evaluation runs as they are stored: tasks for an agent, each tried in sessions of its own. Times are milliseconds."""

from collections.abc import Iterator
from typing import Annotated, Any, Literal

from pydantic import Field

from chalicelib.core.schema import Schema

Status = Literal["pending", "running", "completed", "failed"]
MOST_TASKS, MOST_TRIALS, MOST_IN_RUN = 100, 50, 200
LONGEST_MS = 6 * 3600 * 1000


class SetupFile(Schema):
    """A text file that a trial begins with."""

    path: str = Field(min_length=1, max_length=1024)
    content: str = Field(max_length=1_000_000)


class Task(Schema):
    """What an agent is given, message by message, and how its work is graded; ``reward`` None: not at all."""

    id: str = Field(min_length=1, max_length=256)
    messages: list[Annotated[str, Field(min_length=1)]] = Field(min_length=1, max_length=100)
    setup_files: list[SetupFile] = Field(default_factory=list, max_length=100)
    setup_script: str | None = Field(default=None, max_length=100_000)
    timeout_ms: int | None = Field(default=None, ge=1, le=LONGEST_MS)
    trials: int = Field(default=1, ge=1, le=MOST_TRIALS)
    reward: dict[str, Any] | None = None

    @property
    def prepares(self) -> bool:
        """Whether something is done in the sandbox before the first message."""
        return bool(self.setup_files or self.setup_script)


class Trial(Schema):
    """One attempt as it is shown."""

    status: Status = "pending"
    session_id: str | None = None
    reward: dict[str, Any] | None = None
    error: str | None = None

    @property
    def ended(self) -> bool:
        """Whether nothing more will come of it."""
        return self.status in ("completed", "failed")

    def with_fewer_words(self) -> "Trial":
        """The same with less of what was said; itself where nothing was."""
        if self.error:
            return self.model_copy(update={"error": _shorter(self.error)})
        if self.reward is None or not self.reward.get("explanation"):
            return self
        return self.model_copy(update={"reward": self.reward | {"explanation": _shorter(self.reward["explanation"])}})


def _shorter(text: str) -> str:
    return text[: len(text) * 7 // 8]


class Run(Schema):
    """Tasks given to one version of an agent. ``trials`` are those that were begun, by place of task and trial.

    ``revision`` counts the trials that ended; ``room`` is how many bytes the outcome of each may take.
    """

    id: str
    agent_id: str
    agent_version: int
    environment_id: str
    tasks: list[Task]
    created_at: int
    status: Status = "pending"
    started_at: int | None = None
    ended_at: int | None = None
    error: str | None = None
    revision: int = 0
    room: int = 0
    trials: dict[tuple[int, int], Trial] = Field(default_factory=dict)

    def of_task(self, place: int) -> list[Trial]:
        """All attempts at a task."""
        return [self.trials.get((place, number), Trial()) for number in range(self.tasks[place].trials)]

    def places(self) -> Iterator[tuple[int, int]]:
        """The places of all trials, in order."""
        for place, task in enumerate(self.tasks):
            yield from ((place, number) for number in range(task.trials))

    def count(self, status: Status) -> int:
        """How many tasks are in a status."""
        return sum(status_of(self.of_task(place)) == status for place in range(len(self.tasks)))


def status_of(trials: list[Trial]) -> Status:
    """Where a task stands: completed when it was carried out at least once."""
    if all(one.ended for one in trials):
        return "completed" if any(one.status == "completed" for one in trials) else "failed"
    return "pending" if all(one.status == "pending" for one in trials) else "running"


class Attempt(Schema):
    """A trial under way, as whoever moves it sees it.

    ``sent`` counts the messages the session has; ``ready``: what comes before the first is done. ``revision`` changes
    with every write, ``tries`` counts how often somebody began to move it since it last went on.
    """

    run: str
    place: int
    number: int
    started_at: int
    session_id: str | None = None
    ready: bool = False
    sent: int = 0
    grading: bool = False
    held_until: int = 0
    revision: int = 0
    tries: int = 0

    @property
    def thing(self) -> str:
        """Its name for an errand."""
        return f"{self.run}.{self.place}.{self.number}"
