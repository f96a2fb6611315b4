"""Subagents as this family prints them."""

from typing import Any

from chalicelib.core.ids import dress
from chalicelib.doors.openai.render import sessions as render_sessions
from chalicelib.events.event import Event
from chalicelib.sessions.model import Head, Thread


def name(thread_id: str) -> str:
    """A subagent's id as printed."""
    return dress("suba", thread_id)


def subagent(thread: Thread, head: Head) -> dict[str, Any]:
    """An agent that the session's own has called."""
    return _shown(thread.id, thread.name, head.id, head.agent_id, thread.created_at, thread.archived_at)


def created(event: Event, session_id: str, agent_id: str) -> dict[str, Any]:
    """The same by the record that tells of it first."""
    return _shown(event.data["session_thread_id"], event.data["agent_name"], session_id, agent_id, event.at, None)


def _shown(
    thread_id: str, label: str, session_id: str, agent_id: str, opened_at: int, closed_at: int | None
) -> dict[str, Any]:
    return {
        "id": name(thread_id),
        "object": "agent.session.subagent",
        "session_id": render_sessions.name(session_id),
        "parent_agent_id": dress("agent", agent_id),
        "name": label,
        "instructions": None,
        "status": "active" if closed_at is None else "closed",
        "opened_at": opened_at // 1000,
        "closed_at": None if closed_at is None else closed_at // 1000,
    }


def agent_of(thread: Thread, head: Head) -> str:
    """The id of the agent that speaks on a thread; one that was described on the spot is a subagent and no more."""
    who = thread.agent
    known = head.agent_id if who["type"] == "self" else who.get("id")
    return name(thread.id) if known is None else dress("agent", str(known))
