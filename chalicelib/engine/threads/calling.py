"""A model calls another agent: whether it may, and the records with which the other's thread begins."""

from dataclasses import replace
from typing import Any

from chalicelib.agents.team import Callee, spawned
from chalicelib.core.clock import now_ms
from chalicelib.core.ids import ordered_id
from chalicelib.engine import records
from chalicelib.engine.job import Job
from chalicelib.events import thread_drafts
from chalicelib.events.catalogue import PRIMARY_THREAD
from chalicelib.events.event import Draft
from chalicelib.sessions.model import Head, Thread
from chalicelib.sessions.resting import MOST_THREADS


def problem(job: Job, one: Callee, message: Any, opened: int) -> str | None:
    """Why the call cannot be carried out; ``opened`` are the threads that earlier calls of the same answer begin."""
    if not isinstance(message, str) or not message.strip():
        return f"{one.argument}: a text that is not empty is needed"
    if one.counted and job.pen.head.open_threads + opened >= MOST_THREADS:
        return f"the session has {MOST_THREADS} open threads, and no more are possible before one is archived"
    if one.who["type"] == "agent" and job.parts.is_archived(job.ref.space, one.who["id"]):
        return f"the agent {one.name!r} is archived"
    return None


def new_thread(one: Callee, arguments: dict[str, Any], use: str) -> Thread:
    """The thread of a call."""
    now = now_ms()
    who = spawned(arguments) if one.who["type"] == "inline" else one.who
    return Thread(ordered_id(now), str(who.get("name", one.name)), who, now, now, use=use, counted=one.counted)


def begun(job: Job, head: Head, threads: list[tuple[Thread, Draft]]) -> list[Draft]:
    """The records with which threads begin, each with the message that was sent to it. Changes the head."""
    written = []
    for number, (thread, message) in enumerate(threads, job.conversation.steps + 1):
        written += _begun(job, head, replace(thread, turns=[]), message, number)
    return written


def _begun(job: Job, head: Head, thread: Thread, message: Draft, number: int) -> list[Draft]:
    use, run, name = thread.use or "", job.run_id, thread.name
    started, step = records.tool_started(run, use, name, job.agent_name, number)
    thread.begin(job.pen.tail.next_seq, now_ms(), use, step)
    head.threads[thread.id] = thread
    head.open_threads += thread.counted
    prompt = thread_drafts.received(
        PRIMARY_THREAD,
        None,
        message.data["content"],
        run,
        cause=message.id,
        thread=thread.id,
        mark=thread_drafts.PROMPT,
    )
    return [
        started,
        thread_drafts.created(thread.id, name, thread.agent.get("id"), run),
        thread_drafts.running(thread.id, name, run),
        prompt,
    ]
