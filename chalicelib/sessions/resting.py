"""How the threads of other agents come to rest, whoever brings it about: the worker, an interrupt, an archive."""

from typing import Any

from chalicelib.core.clock import now_ms
from chalicelib.events import drafts, thread_drafts
from chalicelib.events.event import Draft
from chalicelib.sessions.model import Head, Thread

MOST_THREADS = 25
"""So many threads of a session may be open at the same time."""


def put_to_rest(head: Head, thread_id: str, stop: dict[str, Any], run: str | None) -> tuple[Thread, list[Draft]]:
    """End a thread's turn: its records, and the thread, which leaves the head and is to be stored in its own row."""
    thread = head.threads.pop(thread_id)
    thread.rest(stop, now_ms())
    thread.interrupt = None
    head.calls = {event_id: call for event_id, call in head.calls.items() if call.thread != thread_id}
    return thread, thread_drafts.idle(thread_id, thread.name, stop, run)


def caller_told(thread: Thread, content: list[dict[str, Any]], run: str, status: str) -> list[Draft]:
    """The end of the call for which a thread worked, ``status`` being that of its step; nothing if there was none."""
    if thread.use is None:
        return []
    failed = status != "completed"
    made = drafts.tool_result("agent.tool_use", thread.use, content, is_error=failed, run=run)
    at = thread.begun_at
    step = drafts.step_finished(run, thread.step, "tool", status, at, tool_use_id=thread.use, output=[made.id])
    return [made, step]


def close_thread_calls(head: Head, thread_id: str, run: str, text: str) -> list[Draft]:
    """Error results for the calls of the client that a thread waits for."""
    return [
        result(event_id, text, run, thread=thread_id, mcp=call.mcp)
        for event_id, call in head.calls.items()
        if call.thread == thread_id and not call.done
    ]


def result(use: str, text: str, run: str, *, thread: str | None = None, mcp: bool = False) -> Draft:
    """An error result of one text."""
    kind = drafts.MCP_USE if mcp else "agent.tool_use"
    made = drafts.tool_result(kind, use, drafts.text_blocks(text), is_error=True, run=run)
    return thread_drafts.belonging(thread, [made])[0]
