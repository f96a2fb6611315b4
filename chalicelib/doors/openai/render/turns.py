"""Turns as this family prints them, and their traces."""

from collections.abc import Iterable, Mapping
from typing import Any

from chalicelib.core.ids import dress
from chalicelib.doors.openai.reading import FINISHED, Turn
from chalicelib.doors.openai.render import sessions as render_sessions
from chalicelib.doors.openai.render.subagents import agent_of, name
from chalicelib.events.event import Event
from chalicelib.sessions.model import Head, Thread

_CODES = {
    "model_overloaded_error": "server_overloaded",
    "model_rate_limited_error": "rate_limit_exceeded",
    "billing_error": "credit_balance_exhausted",
    "model_request_failed_error": "server_error",
    "tool_use_limit_reached_error": "max_output_tokens",
}
_NS = 1_000_000


def turn(known: Turn, session_id: str, agent_id: str) -> dict[str, Any]:
    """A turn of the session's own agent."""
    return _turn(known, session_id) | {"agent_id": dress("agent", agent_id), "subagent_id": None}


def of_subagent(known: Turn, head: Head, thread: Thread) -> dict[str, Any]:
    """A turn of an agent that was called."""
    return _turn(known, head.id) | {"agent_id": agent_of(thread, head), "subagent_id": name(thread.id)}


def _turn(known: Turn, session_id: str) -> dict[str, Any]:
    ended = known.finished
    return {
        "id": dress("turn", known.id),
        "object": "agent.session.turn",
        "session_id": render_sessions.name(session_id),
        "status": known.status,
        "created_at": known.created_at // 1000,
        "started_at": None if known.started_at is None else known.started_at // 1000,
        "completed_at": None if ended is None else ended.at // 1000,
        "error": error(ended.data.get("error")) if ended is not None and known.status == "failed" else None,
        "usage": None if ended is None else render_sessions.usage(ended.data.get("usage") or {}),
    }


def error(stored: Mapping[str, Any] | None) -> dict[str, Any]:
    """Why a turn failed."""
    known = stored or {}
    code = _CODES.get(str(known.get("type")), "internal_error")
    return {"code": code, "message": str(known.get("message") or "the turn failed")}


def trace(events: Iterable[Event], session_id: str) -> dict[str, Any]:
    """The steps of a turn as spans."""
    listed = list(events)
    first, run = listed[0], listed[0].run or ""
    ended = next((event for event in listed if event.type == FINISHED), None)
    root = _span(session_id, run, "turn", first.at, None if ended is None else ended.at)
    begun = (event for event in listed if event.type == "step.started")
    spans = [root, *(_step(event, listed, session_id, root["spanId"]) for event in begun)]
    scope = {"scope": {"name": "lambent"}, "spans": spans}
    service = [{"key": "service.name", "value": {"stringValue": "lambent"}}]
    return {
        "id": dress("turn", run),
        "object": "agent.session.trace",
        "session_id": render_sessions.name(session_id),
        "created_at": first.at // 1000,
        "otlp": {"resourceSpans": [{"resource": {"attributes": service}, "scopeSpans": [scope]}]},
    }


def _step(started: Event, events: Iterable[Event], session_id: str, parent: str) -> dict[str, Any]:
    step = started.data["step_id"]
    ended = next((one for one in events if one.type == "step.finished" and one.data.get("step_id") == step), None)
    name = f"{started.data.get('kind')} {started.data.get('name')}"
    return _span(session_id, step, name, started.at, None if ended is None else ended.at, parent)


def _span(
    session_id: str, own_id: str, name: str, start_ms: int, end_ms: int | None, parent: str = ""
) -> dict[str, Any]:
    span: dict[str, Any] = {
        "traceId": session_id.replace("-", ""),
        "spanId": own_id.replace("-", "")[:16],
        "name": name,
        "kind": 1,
        "startTimeUnixNano": str(start_ms * _NS),
    }
    if parent:
        span["parentSpanId"] = parent
    return span | ({} if end_ms is None else {"endTimeUnixNano": str(end_ms * _NS)})
