"""Sessions as this door prints them."""

from typing import Any

from chalicelib.core.clock import iso, now_ms, optional_iso
from chalicelib.core.ids import dress
from chalicelib.doors.managed.render import agents as render_agents
from chalicelib.doors.managed.render.events import event_name, stop_reason
from chalicelib.doors.managed.render.resources import resource
from chalicelib.doors.managed.render.threads import thread_name
from chalicelib.events.catalogue import PRIMARY_THREAD
from chalicelib.events.event import Event
from chalicelib.sessions import budgets
from chalicelib.sessions.input_records import content_of
from chalicelib.sessions.model import Head, QueuedInput, Session
from chalicelib.sessions.outcomes import Outcome
from chalicelib.sessions.usage import usage_of


def name(session_id: str) -> str:
    """A session's id as printed."""
    return dress("sesn", session_id)


def session_agent(agent: dict[str, Any]) -> dict[str, Any]:
    """The pinned agent: the agent without metadata, times and archive."""
    return render_agents.snapshot(agent)


def _origin(origin: dict[str, Any] | None) -> dict[str, Any] | None:
    return None if origin is None else {"session_id": name(origin["session_id"]), "seq": origin["seq"]}


def _stats(head: Head, now: int) -> dict[str, float | None]:
    end = head.terminated_at or now
    usage = usage_of(head, now)
    return {
        "active_seconds": usage["active_seconds"],
        "duration_seconds": (end - head.created_at) / 1000,
    }


def _outcome(outcome: Outcome) -> dict[str, Any]:
    return {
        "type": "outcome_evaluation",
        "outcome_id": dress("outc", outcome.id),
        "description": outcome.description,
        "iteration": outcome.iteration,
        "result": outcome.result,
        "explanation": outcome.explanation,
        "completed_at": optional_iso(outcome.completed_at),
    }


def session(session: Session) -> dict[str, Any]:
    """The whole session."""
    head, spec = session.head, session.spec
    now = now_ms()
    return {
        "id": name(head.id),
        "type": "session",
        "status": head.status,
        "title": head.title,
        "agent": session_agent(spec.agent),
        "agent_id": dress("agent", head.agent_id),
        "agent_version": head.agent_version,
        "environment_id": dress("env", head.environment_id),
        "metadata": head.metadata,
        "resources": [resource(one, head.id) for one in spec.resources],
        "vault_ids": [dress("vlt", vault_id) for vault_id in spec.vault_ids],
        "outcome_evaluations": [_outcome(one) for one in head.outcomes],
        "stats": _stats(head, now),
        "usage": usage_of(head, now),
        "budget": budgets.shown(head),
        "max_running_seconds": head.max_running_seconds,
        "end_user": head.end_user,
        "forked_from": _origin(head.forked_from),
        "imported_from": _origin(head.imported_from),
        "deployment_id": None if head.deployment_id is None else dress("depl", head.deployment_id),
        "stop_reason": stop_reason(head.stop_reason),
        "pending_calls": [_call(head, event_id) for event_id in head.unanswered],
        "last_error": head.last_error,
        "created_at": iso(head.created_at),
        "updated_at": iso(head.updated_at),
        "archived_at": optional_iso(head.archived_at),
        "terminated_at": optional_iso(head.terminated_at),
    }


def _call(head: Head, event_id: str) -> dict[str, str]:
    call = head.calls[event_id]
    facts = {"event_id": event_name(event_id), "session_thread_id": thread_name(call.thread)}
    return {"kind": call.kind, "name": call.name, **facts}


def primary_thread(session: Session) -> dict[str, Any]:
    """The session's own thread."""
    head, now = session.head, now_ms()
    stats = _stats(head, now)
    agent = session_agent(session.spec.agent)
    agent.pop("multiagent", None)
    return {
        "id": PRIMARY_THREAD,
        "type": "session_thread",
        "session_id": name(head.id),
        "status": head.status,
        "agent": agent,
        "agent_id": dress("agent", head.agent_id),
        "agent_name": head.agent_name,
        "parent_thread_id": None,
        "workflow_run_id": None,
        "created_at": iso(head.created_at),
        "updated_at": iso(head.updated_at),
        "archived_at": optional_iso(head.archived_at),
        "stats": stats | {"duration": stats["duration_seconds"], "startup": 0, "startup_seconds": 0},
        "usage": usage_of(head, now),
    }


def pending(item: QueuedInput) -> dict[str, Any]:
    """An input that waits."""
    return _pending(item.id, item.type, item.data, item.seq, item.accepted_at, None, item.thread)


def cancelled(record: Event) -> dict[str, Any]:
    """An input that was removed before any run took it."""
    said, accepted_at = content_of(record)
    facts = record.data
    return _pending(
        facts["input_id"], facts["type"], said, facts["pending_seq"], accepted_at, record.at, facts.get("thread")
    )


def _pending(
    input_id: str,
    kind: str,
    said: dict[str, Any],
    seq: int,
    accepted_at: int,
    cancelled_at: int | None,
    thread: str | None,
) -> dict[str, Any]:
    return {
        "pending_seq": seq,
        "enqueued_at": accepted_at,
        "type": kind,
        "event_id": event_name(input_id),
        "session_thread_id": thread_name(thread),
        "cancelled_at": cancelled_at,
        "data": {"type": kind, "id": event_name(input_id), **said},
    }
