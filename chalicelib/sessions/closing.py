"""How a run is brought to its end in the log, whoever does it: the worker, an interrupt, the clock."""

from typing import Any

from chalicelib.core.clock import now_ms
from chalicelib.core.ids import new_id
from chalicelib.events import drafts
from chalicelib.events.event import Draft
from chalicelib.sessions import budgets
from chalicelib.sessions.model import Head, QueuedInput, Thread
from chalicelib.sessions.resting import caller_told, put_to_rest, result
from chalicelib.sessions.usage import usage_of

INTERRUPTED = "Interrupted before it finished."


def close_calls(head: Head, run: str) -> list[Draft]:
    """Error results for every call of the client that will not be carried out any more."""
    closed = []
    for event_id, call in head.calls.items():
        if call.done:
            continue
        closed.append(result(event_id, INTERRUPTED, run, thread=call.thread, mcp=call.mcp))
    head.calls = {}
    return closed


def close_threads(head: Head, run: str) -> tuple[list[Draft], list[Thread]]:
    """The end of the threads of other agents that wait for the client: their records, and results for their callers.

    The threads are to be stored in their own rows.
    """
    records, rested = [], []
    for thread_id in list(head.threads):
        thread, idle = put_to_rest(head, thread_id, drafts.END_TURN, run)
        rested.append(thread)
        records += idle
        records += caller_told(thread, drafts.text_blocks(INTERRUPTED), run, "cancelled")
    return records, rested


def interrupted_run(head: Head, cause: str, **figures: Any) -> Draft:
    """The record that ends the run in hand as cancelled."""
    run = head.run
    started = run.started_at if run and run.started_at else now_ms()
    return drafts.run_finished(
        run.id if run else "", "cancelled", cause=cause, duration_ms=now_ms() - started, **figures
    )


def leave(
    head: Head, stop_reason: dict[str, Any], waiting: list[QueuedInput], details: dict[str, Any] | None = None
) -> list[Draft]:
    """End the run in hand: the session rests, or goes straight on with what waits. Changes the head."""
    now = now_ms()
    run_id, primary = (head.run.id, head.run.thread is None) if head.run else (None, True)
    head.rest(stop_reason, now)
    records = drafts.idle(
        run_id,
        head.agent_name,
        stop_reason,
        usage_of(head, now),
        details,
        primary=primary,
        budget=budgets.shown(head),
    )
    head.run, head.calls, head.interrupt = None, {}, None
    if not waiting:
        head.last_queued_run = None
        return records
    first = waiting[0]
    fresh = first.policy == "steer" or first.run == run_id
    following = new_id() if fresh else first.run
    if fresh:
        records.append(drafts.run_queued(following, head.agent_name, first.id))
    head.begin_run(following, now, first.thread)
    return records + drafts.running(following, head.agent_name, primary=first.thread is None)
