"""The loop of an agent: look at what the log leaves open, do the next thing, until nothing is left to do here."""

from typing import TYPE_CHECKING

from chalicelib.core.clock import now_ms
from chalicelib.engine import bounds, compaction, endings, mcp_tools, model_step, outcome_step, tool_step
from chalicelib.engine.job import Job
from chalicelib.events.drafts import MCP_USE
from chalicelib.events.event import Draft
from chalicelib.events.projections.conversation import Use
from chalicelib.runs.errors import Interrupted, OutOfTime, RunTooLong
from chalicelib.runs.pen import Change
from chalicelib.sessions import input_records
from chalicelib.sessions.inbox import due_of
from chalicelib.sessions.model import Call, Head, QueuedInput

if TYPE_CHECKING:
    from chalicelib.engine.threads.strands import Strands


def work(job: Job) -> None:
    """Carry a claimed run on until it ends, waits or is handed on. Raises LeaseLost."""
    try:
        mcp_tools.prepare(job)
        while _next(job):
            job.look()
    except Interrupted:
        endings.interrupt(job, [])
    except OutOfTime:
        endings.hand_on(job, [], "time limit")
    except RunTooLong as late:
        endings.give_up(job, [], late)
    finally:
        if job.strands is not None and job.ends is None:
            job.strands.close()
        mcp_tools.leave(job)


def _next(job: Job) -> bool:
    """Do the next thing; whether there is more to do here."""
    job.heed()
    conversation = job.conversation
    threads = _threads(job)
    if threads is not None and bounds.budget_reached(job):
        threads.join()
        if not job.pen.head.unanswered and job.call is None and not tool_step.ready(job):
            return not endings.pause(job)
    elif threads is not None:
        threads.start()
    if job.call is None and (uses := tool_step.ready(job)):
        return tool_step.run(job, uses)
    if threads is not None and threads.working:
        threads.wait()
        return True
    if job.call is None and (conversation.pending or (threads is not None and job.pen.head.threads)):
        return not endings.wait(job, [], _client_calls(job))
    if job.call is None and not _for_a_thread(job):
        take_steered(job)
    if job.call is None and bounds.budget_reached(job):
        return not endings.pause(job)
    if job.call is None and not conversation.answering:
        judged = not _for_a_thread(job) and outcome_step.due(job)
        return outcome_step.run(job) if judged else not endings.finish(job, [], finish_reason="stop")
    if (over := bounds.overrun(job)) is not None:
        endings.fail(job, [], over.error, over.message, terminal=True)
        return False
    if job.call is None and compaction.needed(job):
        return compaction.run(job)
    return model_step.run(job)


def _threads(job: Job) -> "Strands | None":
    """The threads of other agents, of which only the primary thread's loop takes care."""
    return job.strands if job.ends is None else None


def _for_a_thread(job: Job) -> bool:
    """Whether the run is for what a client wrote to a thread: what waits for the primary one is for the next run."""
    run = job.pen.head.run
    return run is not None and run.thread is not None


def _client_calls(job: Job) -> dict[str, Call]:
    return {use.id: _client_call(job, use) for use in job.conversation.pending if use.thread is None}


def _client_call(job: Job, use: Use) -> Call:
    if use.type == "agent.custom_tool_use":
        return Call("custom", use.name)
    worker = tool_step.run_by_worker(job, use.offered)
    if worker and (use.permission != "ask" or use.decision == "allow"):
        return Call("worker", use.name, worker=True)
    return Call("confirmation", use.name, use.decision, worker, mcp=use.type == MCP_USE)


def steered(inbox: list[QueuedInput]) -> list[QueuedInput]:
    """The inputs at the front that join the run in hand; those for other threads are not in their way."""
    front: list[QueuedInput] = []
    for item in inbox:
        if item.thread is not None:
            continue
        if item.policy != "steer":
            break
        front.append(item)
    return front


def taken(head: Head, items: list[QueuedInput], run: str) -> list[Draft]:
    """The records of inputs being taken by a run: the record and the echo under the input's id. Changes the head."""
    written = []
    if head.outcome is not None and any(item.thread is None for item in items):
        head.outcome.begin()
    for item in items:
        head.queued -= 1
        written.append(input_records.taken(item, run, head.queued))
        written.append(Draft(item.type, item.data, id=item.id, run=run, thread=item.thread))
    return written


def take_steered(job: Job) -> None:
    """Let the run take what was sent to it while it worked."""
    if not steered(job.pen.inbox):
        return

    def plan(head: Head, inbox: list[QueuedInput]) -> Change:
        items = steered(inbox)
        return Change(head, taken(head, items, job.run_id), items, due_of(head, now_ms()))

    job.pen.commit(plan)
