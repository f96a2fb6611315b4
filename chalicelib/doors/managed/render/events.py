"""Records of the log as this door prints them."""

from typing import Any

from chalicelib.core.clock import iso, optional_iso
from chalicelib.core.ids import dress
from chalicelib.doors.managed.render.threads import thread_name
from chalicelib.events.event import CLIENT_MARK, Event
from chalicelib.sessions.inputs import Accepted
from chalicelib.sessions.model import QueuedInput

_REFERENCES = (
    "tool_use_id",
    "custom_tool_use_id",
    "mcp_tool_use_id",
    "model_request_start_id",
    "parent_event_id",
    "outcome_evaluation_start_id",
)
_THREADS = (
    "session_thread_id",
    "parent_thread_id",
    "to_session_thread_id",
    "to_thread_id",
    "from_session_thread_id",
    "from_thread_id",
)


def event_name(event_id: str) -> str:
    """An event's id as printed."""
    if event_id.startswith(CLIENT_MARK):
        return event_id[len(CLIENT_MARK) :]
    return dress("sevt", event_id)


def stop_reason(reason: dict[str, Any] | None) -> dict[str, Any] | None:
    """A stop reason with its references as printed."""
    if reason is None or "event_ids" not in reason:
        return reason
    return reason | {"event_ids": [event_name(event_id) for event_id in reason["event_ids"]]}


def _fields(kind: str, event_id: str, data: dict[str, Any]) -> dict[str, Any]:
    fields = dict(data)
    for name in _REFERENCES:
        if fields.get(name):
            fields[name] = event_name(fields[name])
    if fields.get("outcome_id"):
        fields["outcome_id"] = dress("outc", fields["outcome_id"])
    if fields.get("stop_reason"):
        fields["stop_reason"] = stop_reason(fields["stop_reason"])
    for name in _THREADS:
        if fields.get(name):
            fields[name] = thread_name(fields[name])
    if kind == "session.thread_created" and fields.get("agent_id"):
        fields["agent_id"] = dress("agent", fields["agent_id"])
    if kind == "agent.message":
        fields["message_id"] = event_name(event_id)
    if kind == "session.updated" and "agent" in fields:
        from chalicelib.doors.managed.render.sessions import session_agent

        fields["agent"] = session_agent(fields["agent"])
    return fields


def public(event: Event, *, sdk: bool) -> dict[str, Any]:
    """A stored event as a client of either kind reads it on a stream."""
    fields = _fields(event.type, event.id, event.data)
    if event.type == "agent.thinking" and not sdk:
        fields |= {"thinking_id": event_name(event.id), "text": (event.private or {}).get("text", "")}
    shown = {"type": event.type, "id": event_name(event.id), "processed_at": iso(event.at), **fields}
    return _on_thread(shown, event.thread)


def _on_thread(shown: dict[str, Any], thread: str | None) -> dict[str, Any]:
    return shown if thread is None else shown | {"session_thread_id": thread_name(thread)}


def row(event: Event, session: str, *, sdk: bool) -> dict[str, Any]:
    """A stored event as a row of a list; a plain client also gets the whole event under ``data``."""
    shown = public(event, sdk=sdk)
    extras = {"seq": event.seq, "ts": event.at, "session_id": session, "created_at": iso(event.at)}
    return shown | extras if sdk else shown | extras | {"data": shown}


def accepted(event: Accepted) -> dict[str, Any]:
    """An accepted event as the sender sees it."""
    fields = _fields(event.type, event.id, event.data)
    shown = {
        "type": event.type,
        "id": event_name(event.id),
        "processed_at": optional_iso(event.processed_at),
        **fields,
    }
    return _on_thread(shown, event.thread)


def queued(item: QueuedInput) -> dict[str, Any]:
    """An input that waits, at the end of the list."""
    fields = _fields(item.type, item.id, item.data)
    return _on_thread({"type": item.type, "id": event_name(item.id), "processed_at": None, **fields}, item.thread)
