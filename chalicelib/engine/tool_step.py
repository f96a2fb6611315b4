"""Tool calls the server runs: intent in the log, the call, its result in the log."""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, replace
from typing import Any

from chalicelib.core.clock import now_ms
from chalicelib.engine import bounds, compaction, endings, mcp_tools, records, urls
from chalicelib.engine.job import Job, ModelCall
from chalicelib.events import drafts
from chalicelib.events.event import Draft
from chalicelib.events.projections.conversation import Use
from chalicelib.runs.errors import Interrupted, LeaseLost, OutOfTime, RunTooLong
from chalicelib.schedules.access import SessionSchedules
from chalicelib.tools.base import Schedules, Tool, ToolContext, ToolOutput, longest_s
from chalicelib.tools.offer import find
from chalicelib.tools.output import finished

_LOOK_SECONDS = 0.1
_GRACE_SECONDS = 1.0
UNKNOWN = (
    "Error: the outcome of this call is unknown, because the worker stopped while it ran. "
    "It may have taken effect; check before repeating it."
)
_AT_ONCE = 32


@dataclass(slots=True)
class _Running:
    use: Use
    step: str
    started_at: int
    future: "Future[ToolOutput]"


def ready(job: Job) -> list[Use]:
    """The pending tool uses that need nobody's answer."""
    return [use for use in job.conversation.pending if _needs_nobody(job, use)]


def _needs_nobody(job: Job, use: Use) -> bool:
    if use.type == "agent.custom_tool_use" or use.thread is not None:
        return False
    if use.permission == "ask" and use.decision is None:
        return False
    return use.decision == "deny" or use.problem is not None or not run_by_worker(job, use.offered)


def run_by_worker(job: Job, name: str) -> bool:
    """Whether a worker of the environment runs the tools of that name."""
    offered = find(job.offers, name)
    return offered is not None and offered.runs == "worker"


def run(job: Job, uses: Sequence[Use]) -> bool:
    """Carry out what is ready, calls of one answer side by side; whether the run goes on here.

    Raises LeaseLost, and OutOfTime before one is begun that is better left to the next invocation.
    """
    if any(_is_short_for(job, use.offered, use.input) for use in uses if not use.begun and use.id not in job.begun):
        raise OutOfTime
    settled = [draft for use in uses for draft in _at_once(job, use)]
    calls = [use for use in uses if not _answers_itself(job, use)]
    cancelled = threading.Event()
    running = _start(job, calls, cancelled)
    try:
        _await(job, running)
    except (Interrupted, OutOfTime, LeaseLost, RunTooLong) as stop:
        cancelled.set()
        if isinstance(stop, LeaseLost):
            raise
        return _stopped(job, settled, running, stop)
    _write(job, [*settled, *(draft for one in running for draft in _outcome(job, one)), *_warnings(job)])
    return True


def _lost(job: Job, use: Use) -> bool:
    if not use.begun or use.id in job.begun:
        return False
    tool = _tool(job, use)
    return tool is None or not tool.safe_to_repeat


def _answers_itself(job: Job, use: Use) -> bool:
    return use.problem is not None or use.decision == "deny" or _lost(job, use) or _tool(job, use) is None


def _tool(job: Job, use: Use) -> Tool | None:
    """What this server runs for the use, None when it runs nothing of that name."""
    offered = find(job.offers, use.offered)
    return None if offered is None else offered.tool


def _at_once(job: Job, use: Use) -> list[Draft]:
    """The result of a use that is not carried out."""
    run_id = job.run_id
    if use.decision == "deny":
        return [_result(use, f"Denied: {use.deny_message or 'the request was not allowed'}", run_id)]
    if use.problem is not None:
        return [_result(use, f"Error: {use.problem}", run_id)]
    if _lost(job, use):
        note = drafts.warning("tool_call_interrupted", UNKNOWN, run=run_id, details={"tool_use_id": use.id})
        steps = [
            records.step_finished(run_id, step, "tool", "lost", data["started_at"], tool_use_id=use.id)
            for step, data in job.conversation.open_steps.items()
            if data.get("tool_use_id") == use.id
        ]
        return [note, _result(use, UNKNOWN, run_id), *steps]
    if _tool(job, use) is None:
        return [_result(use, f"Error: the tool {use.name!r} is not available any more", run_id)]
    return []


def _result(use: Use, text: str, run_id: str) -> Draft:
    return drafts.tool_result(use.type, use.id, drafts.text_blocks(text), is_error=True, run=run_id)


def intents(job: Job, uses: Sequence[Draft]) -> list[Draft]:
    """Intents for the uses of an answer that will be carried out as soon as they are written."""
    allowed = [
        draft
        for draft in uses
        if draft.data.get("evaluated_permission") == "allow"
        and not (draft.private or {}).get("problem")
        and "thread" not in (draft.private or {})
        and not run_by_worker(job, _offered(draft))
    ]
    if any(_is_short_for(job, _offered(draft), draft.data["input"]) for draft in allowed):
        return []
    return [
        _intent(job, draft.id, draft.data["name"], number)
        for number, draft in enumerate(allowed, job.conversation.steps + 1)
    ]


def _offered(draft: Draft) -> str:
    return str((draft.private or {}).get("offered", draft.data["name"]))


def _is_short_for(job: Job, name: str, arguments: dict[str, Any]) -> bool:
    offered = find(job.offers, name)
    return offered is not None and offered.tool is not None and job.is_short_for(longest_s(offered.tool, arguments))


def _intent(job: Job, use_id: str, name: str, number: int) -> Draft:
    draft, job.begun[use_id] = records.tool_started(job.run_id, use_id, name, job.agent_name, number)
    return draft


def _start(job: Job, calls: Sequence[Use], cancelled: threading.Event) -> list[_Running]:
    fresh = [use for use in calls if use.id not in job.begun]
    written = [_intent(job, use.id, use.name, number) for number, use in enumerate(fresh, job.conversation.steps + 1)]
    if written:
        job.pen.append(written)
    if not calls:
        return []
    # Threads of their own, which end with them: however long calls of others take, these need not wait for them.
    pool = ThreadPoolExecutor(min(len(calls), _AT_ONCE), thread_name_prefix="tool")
    try:
        return [_Running(use, job.begun[use.id], now_ms(), pool.submit(_call, job, use, cancelled)) for use in calls]
    finally:
        pool.shutdown(wait=False)


def _call(job: Job, use: Use, cancelled: threading.Event) -> ToolOutput:
    tool = _tool(job, use)
    if tool is None:
        raise RuntimeError("only offered tools are started")
    context = ToolContext(
        tenant=job.ref.space.tenant,
        session_id=job.ref.id,
        tool_use_id=use.id,
        agent=job.spec.agent,
        environment=job.spec.environment,
        outbound=job.parts.outbound,
        cancelled=cancelled,
        seen_urls=_seen(job, use.name),
        sandbox=job.sandbox,
        schedules=_schedules(job, use),
        desk=job.parts.desk,
        bearer_for=lambda url: job.parts.bearer_for(job.ref, job.spec, url),
    )
    return finished(tool.run(context, use.input))


def _schedules(job: Job, use: Use) -> Schedules | None:
    service = job.parts.schedules
    return None if service is None else SessionSchedules(service, job.ref, use.id)


def _seen(job: Job, tool: str) -> Callable[[str], bool]:
    def seen(url: str) -> bool:
        # Few tools ask, so the conversation is read only then; it may grow meanwhile.
        messages = [dict(message, content=list(message["content"])) for message in job.conversation.messages]
        client_tools = frozenset(offer.name for offer in job.offers if offer.runs == "client")
        return urls.seen(messages, client_tools, url, urls.rules_of(job.spec.agent, tool))

    return seen


def _await(job: Job, running: Sequence[_Running]) -> None:
    futures = {one.future for one in running}
    while futures:
        _, futures = wait(futures, timeout=_LOOK_SECONDS)
        if futures:
            job.look()


def _outcome(job: Job, one: _Running) -> list[Draft]:
    output = one.future.result()
    status = "failed" if output.is_error else "completed"
    result = drafts.tool_result(one.use.type, one.use.id, output.content, is_error=output.is_error, run=job.run_id)
    step = records.step_finished(
        job.run_id, one.step, "tool", status, one.started_at, tool_use_id=one.use.id, output=[result.id]
    )
    told = [replace(record, run=job.run_id) for record in output.records]
    return [*told, result, step]


def _warnings(job: Job) -> list[Draft]:
    """What happened to the sandbox and to MCP servers meanwhile."""
    told = job.sandbox.warnings() if job.sandbox is not None else []
    return [*(_warning(job, text) for text in told), *mcp_tools.told(job)]


def _warning(job: Job, text: str) -> Draft:
    # Brings the client of sandboxes along, which API handlers do without.
    from chalicelib.sandbox.sessions.checkouts import trouble_in

    trouble = trouble_in(text)
    if trouble is None:
        return drafts.warning("sandbox", text, run=job.run_id)
    return drafts.session_error(trouble.kind, text, retry="retrying", run=job.run_id, repository_url=trouble.url)


def _stopped(job: Job, settled: list[Draft], running: Sequence[_Running], stop: Exception) -> bool:
    wait({one.future for one in running}, timeout=_GRACE_SECONDS)
    done = [draft for one in running if one.future.done() for draft in _outcome(job, one)] + _warnings(job)
    if isinstance(stop, OutOfTime):
        endings.hand_on(job, [*settled, *done], "time limit")
    elif isinstance(stop, RunTooLong):
        endings.give_up(job, [*settled, *done], stop)
    else:
        endings.interrupt(job, [*settled, *done])
    return False


def _write(job: Job, written: list[Draft]) -> None:
    """Write results; when the model comes next and nobody waits to be heard first, with the intent of its call."""
    closing = {drafts.answered(draft) for draft in written if draft.type.endswith("tool_result")}
    call: ModelCall | None = None

    def choose() -> list[Draft]:
        nonlocal call
        rest = [use for use in job.conversation.pending if use.id not in closing]
        first = next((item for item in job.pen.inbox if item.thread is None), None)
        steered = first is not None and first.policy == "steer"
        full = compaction.near(job, (block for draft in written for block in draft.data.get("content", ())))
        over = job.conversation.steps >= job.parts.settings.max_steps or bounds.tight(job)
        if rest or steered or full or over:
            call = None
            return written
        started, call = records.next_model_call(job)
        return [*written, *started]

    job.pen.append_chosen(choose)
    job.call = call
