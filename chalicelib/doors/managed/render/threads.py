"""Threads as this door prints them."""

from typing import Any

from chalicelib.agents.team import definition
from chalicelib.core.clock import iso, now_ms, optional_iso
from chalicelib.core.ids import dress
from chalicelib.doors.managed.render import agents as render_agents
from chalicelib.events.catalogue import PRIMARY_THREAD
from chalicelib.sessions.model import Session, Thread
from chalicelib.sessions.threads import status_of
from chalicelib.sessions.usage import usage_from

PREFIX = "sthr"


def thread_name(thread: str | None) -> str:
    """A thread's id as printed."""
    return PRIMARY_THREAD if thread is None or thread == PRIMARY_THREAD else dress(PREFIX, thread)


def child_thread(session: Session, thread: Thread) -> dict[str, Any]:
    """The thread of another agent."""
    now = now_ms()
    usage = usage_from(thread.totals, thread.active_since, now)
    duration = ((thread.archived_at or session.head.terminated_at or now) - thread.created_at) / 1000
    agent = _agent(session.spec.agent, thread.agent)
    return {
        "id": thread_name(thread.id),
        "type": "session_thread",
        "session_id": dress("sesn", session.head.id),
        "status": status_of(session.head, thread),
        "agent": agent,
        "agent_id": agent.get("id"),
        "agent_name": thread.name,
        "parent_thread_id": PRIMARY_THREAD,
        "workflow_run_id": None,
        "created_at": iso(thread.created_at),
        "updated_at": iso(thread.updated_at),
        "archived_at": optional_iso(thread.archived_at or session.head.archived_at),
        "stats": {
            "active_seconds": usage["active_seconds"],
            "duration_seconds": duration,
            "duration": duration,
            "startup_seconds": 0,
            "startup": 0,
        },
        "usage": usage,
    }


def _agent(caller: dict[str, Any], who: dict[str, Any]) -> dict[str, Any]:
    if who["type"] == "advisor":
        return {"type": "advisor", "model": who["model"]}
    shown = render_agents.snapshot(definition(caller, who))
    del shown["multiagent"]
    if who["type"] in ("general", "inline"):
        del shown["id"], shown["version"]
        shown["type"] = "inline"
    return shown
