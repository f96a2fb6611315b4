"""One round of judging: the work has come to an end, and it is looked at whether the outcome is achieved."""

import time
from dataclasses import asdict

from chalicelib.core.clock import now_ms
from chalicelib.engine import endings, judges
from chalicelib.engine.job import Job
from chalicelib.engine.judges import Verdict
from chalicelib.engine.reserving import SpendingRefused
from chalicelib.events.event import Draft
from chalicelib.runs.pen import Change
from chalicelib.sessions.inbox import due_of
from chalicelib.sessions.model import Head, QueuedInput
from chalicelib.sessions.outcomes import Outcome, Result, evaluation_ended

_HEARTBEAT_SECONDS = 10.0


def due(job: Job) -> bool:
    """Whether the work that has ended is to be judged."""
    outcome = job.pen.head.outcome
    return job.ends is None and outcome is not None and outcome.judged


def run(job: Job) -> bool:
    """Judge once and write the verdict; whether the run goes on here. Raises what ``Job.look`` raises.

    A round that a worker did not finish is done anew, under the record of its beginning.
    """
    outcome = _begun(job)
    try:
        verdict = judges.judge(job, _criteria(job, outcome), _Heartbeat(job, outcome).beat)
    except SpendingRefused as refused:
        endings.fail(job, [], refused.type, refused.message, terminal=True)
        return False
    _conclude(job, verdict)
    return True


def _begun(job: Job) -> Outcome:
    present = job.pen.head.outcome
    if present is not None and present.started:
        return present

    def plan(head: Head, _inbox: list[QueuedInput]) -> Change:
        outcome = _open(head)
        started = Draft(
            "span.outcome_evaluation_start",
            {"outcome_id": outcome.id, "iteration": outcome.iteration},
            run=job.run_id,
        )
        outcome.result, outcome.started = "evaluating", started.id
        return Change(head, [started], due=due_of(head, now_ms()))

    job.pen.commit(plan)
    return _open(job.pen.head)


def _open(head: Head) -> Outcome:
    outcome = head.outcome
    if outcome is None:
        raise RuntimeError("an outcome is open until it is judged")
    return outcome


def _criteria(job: Job, outcome: Outcome) -> dict[str, object]:
    """What the record that defined the outcome says; it may lie before what was folded."""
    known = job.conversation.criteria.get(outcome.id)
    return known if known is not None else job.pen.record(outcome.seq).data


class _Heartbeat:
    """Shows now and then that the judge is still at work."""

    def __init__(self, job: Job, outcome: Outcome) -> None:
        self._job = job
        self._facts = {"outcome_id": outcome.id, "iteration": outcome.iteration}
        self._last = time.monotonic()

    def beat(self) -> None:
        if time.monotonic() - self._last >= _HEARTBEAT_SECONDS:
            self._last = time.monotonic()
            self._job.pen.append([Draft("span.outcome_evaluation_ongoing", dict(self._facts), run=self._job.run_id)])


def _conclude(job: Job, verdict: Verdict) -> None:
    def plan(head: Head, _inbox: list[QueuedInput]) -> Change:
        outcome = _open(head)
        result = _result(outcome, verdict)
        cost = None if verdict.cost is None else str(verdict.cost)
        ended = evaluation_ended(outcome, result, verdict.explanation, asdict(verdict.usage), job.run_id, cost)
        outcome.decide(result, verdict.explanation)
        return Change(head, [ended], due=due_of(head, now_ms()))

    job.pen.commit(plan)


def _result(outcome: Outcome, verdict: Verdict) -> Result:
    last = outcome.iteration + 1 >= outcome.max_iterations
    return "max_iterations_reached" if verdict.result == "needs_revision" and last else verdict.result
