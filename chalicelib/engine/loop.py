"""The loop of an agent: look at what the log leaves open, do the next thing, until nothing is left to do here."""

from chalicelib.core.clock import now_ms
from chalicelib.engine import compaction, endings, model_step, tool_step
from chalicelib.engine.job import Job
from chalicelib.events.event import Draft
from chalicelib.events.projections.conversation import Use
from chalicelib.runs.errors import Interrupted, OutOfTime
from chalicelib.runs.pen import Change
from chalicelib.sessions import input_records
from chalicelib.sessions.inbox import due_of
from chalicelib.sessions.model import Call, Head, QueuedInput


def work(job: Job) -> None:
    """Carry a claimed run on until it ends, waits or is handed on. Raises LeaseLost."""
    try:
        while _next(job):
            job.look()
    except Interrupted:
        endings.interrupt(job, [])
    except OutOfTime:
        endings.hand_on(job, [], "time limit")


def _next(job: Job) -> bool:
    """Do the next thing; whether there is more to do here."""
    job.heed()
    conversation = job.conversation
    if job.call is None and (uses := tool_step.ready(job)):
        return tool_step.run(job, uses)
    if job.call is None and conversation.pending:
        return not endings.wait(job, [], _client_calls(job))
    if job.call is None:
        take_steered(job)
    if job.call is None and not conversation.answering:
        endings.finish(job, [], finish_reason="stop")
        return False
    if conversation.steps > job.parts.settings.max_steps:
        limit = f"the run was stopped after {job.parts.settings.max_steps} steps"
        endings.fail(job, [], "tool_use_limit_reached_error", limit, terminal=True)
        return False
    if job.call is None and compaction.needed(job):
        return compaction.run(job)
    return model_step.run(job)


def _client_calls(job: Job) -> dict[str, Call]:
    return {use.id: _client_call(job, use) for use in job.conversation.pending}


def _client_call(job: Job, use: Use) -> Call:
    if use.type == "agent.custom_tool_use":
        return Call("custom", use.name)
    worker = tool_step.run_by_worker(job, use.name)
    if worker and (use.permission != "ask" or use.decision == "allow"):
        return Call("worker", use.name, worker=True)
    return Call("confirmation", use.name, use.decision, worker)


def steered(inbox: list[QueuedInput]) -> list[QueuedInput]:
    """The inputs at the front that join the run in hand."""
    front: list[QueuedInput] = []
    for item in inbox:
        if item.policy != "steer":
            break
        front.append(item)
    return front


def taken(head: Head, items: list[QueuedInput], run: str) -> list[Draft]:
    """The records of inputs being taken by a run: the record and the echo under the input's id. Changes the head."""
    written = []
    for item in items:
        head.queued -= 1
        written.append(input_records.taken(item, run, head.queued))
        written.append(Draft(item.type, item.data, id=item.id, run=run))
    return written


def take_steered(job: Job) -> None:
    """Let the run take what was sent to it while it worked."""
    if not steered(job.pen.inbox):
        return

    def plan(head: Head, inbox: list[QueuedInput]) -> Change:
        items = steered(inbox)
        return Change(head, taken(head, items, job.run_id), items, due_of(head, now_ms()))

    job.pen.commit(plan)
