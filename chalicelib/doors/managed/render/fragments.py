"""Fragments of unfinished events as frames: the SDKs' deltas and the plain clients' chunks."""

from typing import Any

from chalicelib.doors.managed.render.events import event_name
from chalicelib.doors.managed.render.threads import thread_name
from chalicelib.events import live
from chalicelib.events.live import Fragment

DELTA_TYPES = {live.MESSAGE: "agent.message", live.THINKING: "agent.thinking"}
_CHUNKS = {live.MESSAGE: "agent.message", live.THINKING: "agent.thinking", live.TOOL_INPUT: "agent.tool_use_input"}
_IDS = {live.MESSAGE: "message_id", live.THINKING: "thinking_id", live.TOOL_INPUT: "tool_use_id"}


def delta(fragment: Fragment, wanted: frozenset[str]) -> dict[str, Any] | None:
    """The frame of a fragment for a connection that asked for deltas of these event types."""
    kind = DELTA_TYPES.get(fragment.kind)
    if kind not in wanted:
        return None
    name = event_name(fragment.event_id)
    if fragment.phase == "start":
        return {"type": "event_start", "event": {"type": kind, "id": name}}
    if fragment.phase == "end" or fragment.kind == live.THINKING:
        return None
    content = {"type": "text", "text": fragment.text}
    return {
        "type": "event_delta",
        "event_id": name,
        "delta": {"type": "content_delta", "index": 0, "content": content},
    }


def chunk(fragment: Fragment) -> dict[str, Any]:
    """The frame of a fragment for a connection that asked for chunks."""
    base, key = _CHUNKS[fragment.kind], _IDS[fragment.kind]
    name = {key: event_name(fragment.event_id)}
    if fragment.thread is not None:
        name["session_thread_id"] = thread_name(fragment.thread)
    if fragment.phase == "start":
        more = {"tool_name": fragment.text} if fragment.kind == live.TOOL_INPUT else {}
        return {"type": f"{base}_stream_start", **name, **more}
    if fragment.phase == "end":
        return {"type": f"{base}_stream_end", **name, "status": fragment.text}
    return {"type": f"{base}_chunk", **name, "delta": fragment.text}
