"""Taking hold of a session's run: the claim is a record with a new fence, and the first thing the worker writes."""

from dataclasses import dataclass

from chalicelib.core.clock import now_ms
from chalicelib.engine import bounds, closing, compaction, loop, prompt, records
from chalicelib.engine.job import Job, ModelCall
from chalicelib.events import catalogue, drafts, thread_drafts
from chalicelib.events.event import Draft
from chalicelib.runs.errors import RunError
from chalicelib.runs.pen import Change
from chalicelib.sessions.inbox import due_of
from chalicelib.sessions.model import Head, QueuedInput


class NothingToDo(RunError):
    """No run of this session waits for a worker."""


class HeldElsewhere(RunError):
    """Another worker holds the run and is alive."""


@dataclass(frozen=True, slots=True)
class Owner:
    """Who claims. Leases last renewed before ``alone_since`` (milliseconds) belong to the dead: set where one
    process is known to be the only one. ``called``: it is the session's turn to take a seat.
    """

    name: str
    lease_ms: int
    alone_since: int = 0
    force: bool = False
    called: bool = False


def claim(job: Job, owner: Owner) -> None:
    """Claim the run; on the way take its input, close what a dead worker left open, begin the first model call.

    Raises NothingToDo, HeldElsewhere, NoSeat.
    """
    started: ModelCall | None = None
    taken_over = False
    taking = job.parts.seats.taking(job.ref, called=owner.called)

    def plan(head: Head, inbox: list[QueuedInput]) -> Change:
        nonlocal started, taken_over
        _demand(head, owner)
        seat = [] if owner.force or asked_to_stop(head) else taking.writes(head)
        taken_over = head.run is not None and head.run.state == "running"
        written = _claimed(job, head, owner)
        front = _first_inputs(job, head, inbox)
        if front and front[0].thread is not None:
            written += _thread_begun(job, head, front[0])
        written += loop.taken(head, front, job.run_id)
        started = None
        if _speaks_next(job, head, front):
            begun, started = records.next_model_call(job)
            written += begun
        return Change(head, written, front, due_of(head, now_ms()), seat)

    job.pen.commit(plan)
    if taken_over and job.parts.purse is not None:
        job.parts.purse.give_back(job.ref.space, job.ref.id)
    job.pen.fence = job.held.fence = job.pen.head.fence
    job.call = started


def asked_to_stop(head: Head) -> bool:
    """Whether there is nothing to be done but to stop something, which needs nobody's leave."""
    return head.interrupt is not None or any(thread.interrupt is not None for thread in head.threads.values())


def _demand(head: Head, owner: Owner) -> None:
    if head.ended or head.deleted_at is not None or head.run is None or head.run.state == "waiting":
        raise NothingToDo
    alive = head.lease_until > now_ms() and head.lease_at >= owner.alone_since
    if alive and not owner.force:
        raise HeldElsewhere


def _claimed(job: Job, head: Head, owner: Owner) -> list[Draft]:
    run, now = head.run, now_ms()
    if run is None:
        raise NothingToDo
    taken_over = run.state == "running"
    run.state, run.attempt = "running", run.attempt + 1
    run.started_at = run.started_at or now
    head.fence += 1
    head.lease_owner, head.lease_at, head.lease_until = owner.name, now, now + owner.lease_ms
    claimed = {"run_id": run.id, "fence": head.fence, "attempt": run.attempt}
    written = [Draft(catalogue.RUN_CLAIMED, claimed, run=run.id)]
    if not run.took:
        written.append(prompt.run_started(job, run.id, max(now - (head.active_since or now), 0)))
    written += [drafts.warning(**notice, run=run.id) for notice in head.notices]
    head.notices = []
    if taken_over and head.interrupt is None:
        written += _recovered(job, head, run.id)
        head.status = "running"
    return written


def _recovered(job: Job, head: Head, run: str) -> list[Draft]:
    reason = "the worker stopped; the run goes on in another"
    return [
        *closing.close_span(job.conversation, job.model, run),
        *([] if job.strands is None else job.strands.recovered(head, run)),
        Draft("session.status_rescheduled", {"reason": reason}, run=run),
        drafts.warning("stream_interrupted", reason, run=run),
    ]


def _first_inputs(job: Job, head: Head, inbox: list[QueuedInput]) -> list[QueuedInput]:
    """The input that the run is for, and those sent to join it: of a run that goes on, only the latter."""
    if head.run is None or head.interrupt is not None:
        return []
    if head.run.took:
        return [] if job.conversation.pending or head.run.thread is not None else loop.steered(inbox)
    if job.conversation.answering and head.run.thread is None:
        # An outcome began this run; a message that waits for a turn of its own is not for it.
        head.run.took = True
        return loop.steered(inbox)
    if not inbox:
        return []
    head.run.took = True
    head.run.thread = inbox[0].thread
    if head.run.thread is not None:
        return inbox[:1]
    return [inbox[0], *loop.steered(inbox[1:])]


def _thread_begun(job: Job, head: Head, item: QueuedInput) -> list[Draft]:
    """A client wrote to the thread of another agent, which goes on from where it rested. Changes the head."""
    thread = job.pen.stored_thread(item.thread or "")
    if thread is None:
        raise RuntimeError("only threads at rest are written to")
    thread.begin(job.pen.tail.next_seq, now_ms())
    head.threads[thread.id] = thread
    return [thread_drafts.running(thread.id, thread.name, job.run_id)]


def _speaks_next(job: Job, head: Head, front: list[QueuedInput]) -> bool:
    if head.interrupt is not None or job.conversation.pending or (head.run and head.run.thread is not None):
        return False
    if job.servers is not None or bounds.budget_reached(job):
        return False
    if compaction.near(job, (block for item in front for block in item.data["content"])):
        return False
    return bool(front) or (job.conversation.answering and bool(head.run and head.run.took))
