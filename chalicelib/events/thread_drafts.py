"""Builders of the records about threads of other agents; one that carries a thread belongs to its conversation."""

from dataclasses import replace
from typing import Any

from chalicelib.events.catalogue import PRIMARY_THREAD
from chalicelib.events.event import Draft

REQUIRES_ACTION = "requires_action"
PROMPT = {"prompt": True}
"""Marks a message that its receiver's model has to answer."""
NEWS = {"news": True}
"""Marks a message that its receiver's model is to know of when it speaks next."""
ASKS = {"asks": True}
"""Marks a tool use of a thread that the client has to see beside the primary thread's records."""


def belonging(thread: str | None, drafts: list[Draft]) -> list[Draft]:
    """The drafts as records of a thread."""
    return [draft if draft.thread == thread else replace(draft, thread=thread) for draft in drafts]


def created(thread: str, name: str, agent_id: str | None, run: str) -> Draft:
    """Another agent was called; written to the caller's thread."""
    data = {
        "session_thread_id": thread,
        "agent_name": name,
        "agent_id": agent_id,
        "parent_thread_id": PRIMARY_THREAD,
        "workflow_run_id": None,
    }
    return Draft("session.thread_created", data, run=run)


def running(thread: str, name: str, run: str | None) -> Draft:
    """The thread begins to work."""
    return _status("running", thread, name, run)


def rescheduled(thread: str, name: str, run: str | None) -> Draft:
    """The thread is about to try again."""
    return _status("rescheduled", thread, name, run)


def terminated(thread: str, name: str) -> Draft:
    """The thread is over for good."""
    return _status("terminated", thread, name, None)


def idle(thread: str, name: str, stop_reason: dict[str, Any], run: str | None) -> list[Draft]:
    """The thread waits for the client, or its turn is over."""
    why = {"stop_reason": stop_reason, "stop_details": None}
    records = [_status("idle", thread, name, run, **why)]
    if stop_reason["type"] != REQUIRES_ACTION:
        records.append(Draft("session.thread_idle", {"session_thread_id": thread}, run=run, thread=thread))
    return records


def _status(status: str, thread: str, name: str, run: str | None, **more: Any) -> Draft:
    data = {"session_thread_id": thread, "agent_name": name, **more}
    return Draft(f"session.thread_status_{status}", data, run=run, thread=thread)


def sent(to: str, name: str | None, content: list[dict[str, Any]], run: str, *, thread: str | None = None) -> Draft:
    """One agent wrote to another; ``name`` is None for the primary agent, ``thread`` the writer's."""
    data = {"to_session_thread_id": to, "to_thread_id": to, "to_agent_name": name, "content": content}
    return Draft("agent.thread_message_sent", data, run=run, thread=thread)


def received(
    by: str,
    name: str | None,
    content: list[dict[str, Any]],
    run: str,
    *,
    cause: str,
    thread: str | None = None,
    mark: dict[str, Any] | None = None,
) -> Draft:
    """One agent hears from another: ``by`` is the writer's thread, ``cause`` the id of what was sent."""
    data = {
        "from_session_thread_id": by,
        "from_thread_id": by,
        "from_agent_name": name,
        "content": content,
        "parent_event_id": cause,
    }
    return Draft("agent.thread_message_received", data, run=run, private=mark, thread=thread)
