"""What follows a provider's failure: another try after a pause, or the end of the run. One rule for all model calls."""

import time
from collections.abc import Sequence

from chalicelib.core.clock import now_ms
from chalicelib.engine import endings
from chalicelib.engine.job import Job
from chalicelib.events import drafts
from chalicelib.events.event import Draft
from chalicelib.modelcards.falling import may_fall
from chalicelib.models.errors import ModelError
from chalicelib.runs.errors import Interrupted, OutOfTime, RunTooLong
from chalicelib.runs.pen import Change
from chalicelib.sessions.inbox import due_of
from chalicelib.sessions.model import Head, QueuedInput

_LONGEST_PAUSE = 30.0
_LOOK_SECONDS = 0.1


def after_failure(job: Job, ended: Sequence[Draft], error: ModelError, *, spoke: bool = False) -> bool:
    """Write the failed call's end; wait for the next try. False when the run does not go on here.

    ``spoke`` tells that the answer had begun: it is tried again, and not left to another model.
    """
    job.tries += 1
    if not error.retryable or job.tries >= job.parts.settings.model_tries:
        if may_fall(error, spoke=spoke) and _fallen_back(job, ended, error):
            return True
        endings.fail(job, ended, error.type, error.message, terminal=not error.retryable)
        return False
    reschedule(job, ended, error)
    return _pause(job, error)


def _fallen_back(job: Job, ended: Sequence[Draft], error: ModelError) -> bool:
    """Go on with the next model of the chain, if there is one."""
    gone, following = job.using, job.chain.fall()
    if following is None:
        return False
    told = f"{gone} could not be had; the run goes on with {following}"
    details = {"from": gone, "to": following, "error": error.type}
    job.pen.append([*ended, drafts.warning("model_fallback", told, run=job.run_id, details=details)])
    job.tries = 0
    return True


def reschedule(job: Job, ended: Sequence[Draft], error: ModelError) -> None:
    """Write the failed call's end and show that another try is to come."""
    if job.ends is not None:
        job.ends.reschedule(ended, job.run_id)
        return

    def plan(head: Head, _inbox: list[QueuedInput]) -> Change:
        head.status = "rescheduling"
        notes = [
            Draft("session.thread_status_rescheduled", drafts.primary_thread(head.agent_name), run=job.run_id),
            Draft("session.status_rescheduled", {"reason": error.message}, run=job.run_id),
        ]
        return Change(head, [*ended, *notes], due=due_of(head, now_ms()))

    job.pen.commit(plan)


def wait_for_next_try(job: Job, error: ModelError) -> None:
    """Wait the longer the more tries there were. Raises what ``Job.look`` raises."""
    pause = job.parts.settings.model_backoff_ms / 1000 * 2 ** (job.tries - 1)
    until = time.monotonic() + min(max(pause, error.retry_after or 0), _LONGEST_PAUSE)
    while (left := until - time.monotonic()) > 0:
        time.sleep(min(left, _LOOK_SECONDS))
        job.look()


def _pause(job: Job, error: ModelError) -> bool:
    """Wait, heeding whoever asks to stop."""
    try:
        wait_for_next_try(job, error)
    except Interrupted:
        endings.interrupt(job, [])
        return False
    except OutOfTime:
        endings.hand_on(job, [], "time limit")
        return False
    except RunTooLong as late:
        endings.give_up(job, [], late)
        return False
    return True


def running_again(job: Job, started: Sequence[Draft]) -> None:
    """Write the intent of the next try; a session shown as rescheduling is shown as running with it."""
    if job.ends is not None:
        job.ends.running_again(started)
        return
    if job.pen.head.status != "rescheduling":
        job.pen.append(started)
        return

    def plan(head: Head, _inbox: list[QueuedInput]) -> Change:
        head.status = "running"
        return Change(head, list(started), due=due_of(head, now_ms()))

    job.pen.commit(plan)
