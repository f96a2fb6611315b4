"""Builders of the records that sessions and runs write; shapes are the union every door can be rendered from."""

from collections.abc import Sequence
from typing import Any

from chalicelib.core.clock import now_ms
from chalicelib.events import catalogue
from chalicelib.events.catalogue import PRIMARY_THREAD
from chalicelib.events.event import Draft

END_TURN: dict[str, Any] = {"type": "end_turn"}
MCP_USE = "agent.mcp_tool_use"
RETRIES_EXHAUSTED: dict[str, Any] = {"type": "retries_exhausted"}


def text_blocks(text: str) -> list[dict[str, Any]]:
    """One text block."""
    return [{"type": "text", "text": text}]


def primary_thread(agent_name: str) -> dict[str, Any]:
    """What the records about the primary thread say of it."""
    return {"session_thread_id": PRIMARY_THREAD, "agent_name": agent_name}


def running(run: str, agent_name: str, *, primary: bool = True) -> list[Draft]:
    """The session begins to work, and its ``primary`` thread unless the run is for another."""
    thread = Draft("session.thread_status_running", primary_thread(agent_name), run=run)
    return [Draft("session.status_running", run=run), *[thread] * primary]


def idle(
    run: str | None,
    agent_name: str,
    stop_reason: dict[str, Any],
    usage: dict[str, Any],
    details: dict[str, Any] | None = None,
    *,
    primary: bool = True,
    budget: dict[str, Any] | None = None,
) -> list[Draft]:
    """The work is over or waits: the ``primary`` thread if it had a part in it, the totals, the session."""
    why = {"stop_reason": stop_reason, "stop_details": details}
    thread = Draft("session.thread_status_idle", primary_thread(agent_name) | why, run=run)
    return [
        *[thread] * primary,
        Draft("session.usage", {"usage": usage, "budget": budget}, run=run),
        Draft("session.status_idle", why, run=run),
    ]


def requires_action(event_ids: list[str], kinds: Sequence[str]) -> dict[str, Any]:
    """The stop reason while tool uses wait for the client; ids are event ids as stored."""
    return {"type": "requires_action", "event_ids": event_ids, "action_type": action_type(kinds)}


def action_type(kinds: Sequence[str]) -> str:
    """What has to be done about open calls of these kinds: what a person does goes first, a worker comes last."""
    if "confirmation" in kinds:
        return "tool_confirmation"
    return "tool_result" if kinds and set(kinds) == {"worker"} else "custom_tool_result"


def run_queued(run: str, agent_name: str, ref: str | None) -> Draft:
    """A run exists for the message ``ref`` and will be claimed."""
    data = {
        "run_id": run,
        "trigger": "message",
        "trigger_ref": ref,
        "parent_run_id": None,
        "agent": agent_name,
        "attempt": 1,
    }
    return Draft(catalogue.RUN_QUEUED, data, run=run)


def run_finished(
    run: str,
    status: str,
    *,
    cause: str | None = None,
    error: dict[str, Any] | None = None,
    usage: dict[str, Any] | None = None,
    cost: str | None = None,
    context: dict[str, int] | None = None,
    duration_ms: int = 0,
    model_calls: int = 0,
    finish_reason: str | None = None,
) -> Draft:
    """A run reached its end: completed, failed, cancelled or timed_out; ``context`` is the use of the window."""
    data = {
        "run_id": run,
        "status": status,
        "cause": cause,
        "error": error,
        "finish_reason": finish_reason,
        "usage": usage,
        "cost": cost,
        "context": context,
        "duration_ms": duration_ms,
        "model_calls": model_calls,
    }
    return Draft(catalogue.RUN_FINISHED, data, run=run)


def run_resumed(run: str, kind: str, input_id: str | None) -> Draft:
    """A waiting run goes on; ``input_id`` is the answer that did it, None when all came before it began to wait."""
    return Draft(catalogue.RUN_RESUMED, {"run_id": run, "kind": kind, "input_id": input_id}, run=run)


def permission_asked(use_id: str, name: str, run: str) -> Draft:
    """A tool use needs the client's consent; the request goes by the id of the use."""
    data = {"request_id": use_id, "tool_use_id": use_id, "name": name, "risk": None, "deadline": None}
    return Draft(catalogue.PERMISSION_ASKED, data, run=run)


def permission_answered(use_id: str, result: str, answer_id: str, run: str | None) -> Draft:
    """The client allowed or denied a tool use."""
    data = {
        "request_id": use_id,
        "tool_use_id": use_id,
        "result": result,
        "answer_id": answer_id,
        "timed_out": False,
    }
    return Draft(catalogue.PERMISSION_ANSWERED, data, run=run)


def tool_result(use_type: str, use_id: str, content: list[dict[str, Any]], *, is_error: bool, run: str) -> Draft:
    """The result of a tool use that the server ran or closed."""
    if use_type == MCP_USE:
        return Draft(
            "agent.mcp_tool_result", {"mcp_tool_use_id": use_id, "content": content, "is_error": is_error}, run=run
        )
    return Draft("agent.tool_result", {"tool_use_id": use_id, "content": content, "is_error": is_error}, run=run)


def step_finished(
    run: str,
    step: str,
    kind: str,
    status: str,
    started_at: int,
    *,
    usage: dict[str, int] | None = None,
    cost: str | None = None,
    tool_use_id: str | None = None,
    output: Sequence[str] = (),
) -> Draft:
    """The end of a step: completed, failed, cancelled or lost; ``output`` are the ids of the events it produced."""
    data = {
        "step_id": step,
        "kind": kind,
        "status": status,
        "duration_ms": max(now_ms() - started_at, 0),
        "usage": usage,
        "cost": cost,
        "tool_use_id": tool_use_id,
        "output": list(output),
    }
    return Draft(catalogue.STEP_FINISHED, data, run=run)


def answered(draft: Draft) -> str | None:
    """The tool use that a record answers or belongs to."""
    names = ("tool_use_id", "mcp_tool_use_id", "custom_tool_use_id")
    return next((draft.data[name] for name in names if draft.data.get(name)), None)


def session_error(kind: str, message: str, *, retry: str, run: str | None, **more: str) -> Draft:
    """A failure the client must see; ``retry`` is retrying, exhausted or terminal."""
    error = {
        "type": kind,
        "message": message,
        "retry_status": {"type": retry},
        "retryable": retry == "retrying",
        **more,
    }
    return Draft("session.error", {"error": error}, run=run)


def warning(source: str, message: str, *, run: str | None, details: dict[str, Any] | None = None) -> Draft:
    """Something worth knowing that stops nothing."""
    return Draft("session.warning", {"source": source, "message": message, "details": details}, run=run)
