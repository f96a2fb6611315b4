"""Outcomes: what a session is to achieve. It works on until a judge is satisfied, or as often as it may."""

from dataclasses import dataclass
from typing import Any, Literal

from chalicelib.core.clock import now_ms
from chalicelib.events.event import Draft

Result = Literal[
    "pending", "running", "evaluating", "satisfied", "needs_revision", "max_iterations_reached", "failed", "interrupted"
]
_OPEN = frozenset(("pending", "running", "evaluating"))
_KEPT = 50
MAX_ITERATIONS = 20
USUAL_ITERATIONS = 3


@dataclass(slots=True)
class Outcome:
    """One outcome as the session shows it. ``seq`` is the number of the record that defined it; ``started`` the id of
    the evaluation under way, empty when there is none."""

    id: str
    description: str
    seq: int
    max_iterations: int = USUAL_ITERATIONS
    iteration: int = 0
    result: Result = "pending"
    explanation: str | None = None
    completed_at: int | None = None
    started: str = ""

    @property
    def active(self) -> bool:
        """Whether it is not decided yet."""
        return self.result in _OPEN

    @property
    def judged(self) -> bool:
        """Whether work that ends now has to be judged."""
        return self.result in ("running", "evaluating")

    def begin(self) -> None:
        """Work towards it begins."""
        if self.result == "pending":
            self.result = "running"

    def decide(self, result: Result, explanation: str | None) -> None:
        """Take a verdict: another iteration, or the end."""
        self.started, self.explanation = "", explanation
        if result == "needs_revision":
            self.iteration, self.result = self.iteration + 1, "running"
            return
        self.result, self.completed_at = result, now_ms()


def active(outcomes: list[Outcome]) -> Outcome | None:
    """The outcome that is not decided yet."""
    return next((one for one in reversed(outcomes) if one.active), None)


def kept(outcomes: list[Outcome]) -> list[Outcome]:
    """The latest of them: a session shows no more."""
    return outcomes[-_KEPT:]


def evaluation_ended(
    outcome: Outcome, result: Result, explanation: str, usage: dict[str, int], run: str | None, cost: str | None = None
) -> Draft:
    """The verdict of a round, before the outcome has taken it."""
    data: dict[str, Any] = {
        "outcome_evaluation_start_id": outcome.started,
        "outcome_id": outcome.id,
        "iteration": outcome.iteration,
        "result": result,
        "explanation": explanation,
        "feedback": explanation,
        "usage": usage,
    }
    return Draft("span.outcome_evaluation_end", data, run=run, private={"cost": cost})


NO_USAGE = dict.fromkeys(("input_tokens", "output_tokens", "cache_read_input_tokens", "cache_creation_input_tokens"), 0)


def interrupted(outcomes: list[Outcome], run: str | None) -> list[Draft]:
    """End the outcome that is being worked towards, because the client stopped the work. Changes the outcome."""
    outcome = active(outcomes)
    if outcome is None or not outcome.judged:
        return []
    ended = evaluation_ended(outcome, "interrupted", "The work was interrupted.", dict(NO_USAGE), run)
    outcome.decide("interrupted", "The work was interrupted.")
    return [ended]
