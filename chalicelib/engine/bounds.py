"""What a run may not exceed: steps, the same call again and again, the session's budget."""

from dataclasses import dataclass

from chalicelib.engine.job import Job
from chalicelib.sessions import budgets


@dataclass(frozen=True, slots=True)
class Overrun:
    """A bound that a run went over: the error's type and message."""

    error: str
    message: str


def budget_reached(job: Job) -> bool:
    """Whether no further model call may be made until the budget is raised."""
    return budgets.exhausted(job.pen.head, job.pen.unbilled)


def overrun(job: Job) -> Overrun | None:
    """The bound that the run has gone over, if there is one."""
    settings, conversation = job.parts.settings, job.conversation
    if conversation.steps > settings.max_steps:
        return Overrun("tool_use_limit_reached_error", f"the run was stopped after {settings.max_steps} steps")
    if settings.max_repeats and conversation.repeats >= settings.max_repeats:
        message = (
            f"the run was stopped as stuck: it called {conversation.repeated} {conversation.repeats} times in a row "
            "with the same input and got the same result"
        )
        return Overrun("tool_use_limit_reached_error", message)
    return None


def tight(job: Job) -> bool:
    """Whether the next model call may not be begun ahead, because a bound has to be looked at first."""
    repeats = job.parts.settings.max_repeats
    return budget_reached(job) or bool(repeats and job.conversation.repeats + 1 >= repeats)
