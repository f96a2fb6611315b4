"""The threads of other agents in one run: each is carried on by a thread of this process, side by side."""

import contextvars
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import replace
from threading import Event

from chalicelib.agents.team import definition
from chalicelib.engine import billing, closing, endings, loop
from chalicelib.engine.job import Job
from chalicelib.engine.threads.ends import Ends
from chalicelib.events import drafts, thread_drafts
from chalicelib.events.event import Draft
from chalicelib.events.projections.conversation import Conversation
from chalicelib.runs.thread_pen import ThreadPen
from chalicelib.sessions.model import Head, Thread
from chalicelib.sessions.resting import put_to_rest
from chalicelib.storage.writes import Write
from chalicelib.tools.delegation import SCHEDULING
from chalicelib.tools.offer import offer

_LOOK_SECONDS = 0.1
_MOST_AT_ONCE = 64


class Strands:
    """Starts, awaits and closes the threads that the head shows to be at work. Used by the primary thread's loop."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self._running: dict[str, Future[None]] = {}
        self._pool: ThreadPoolExecutor | None = None
        self.abandoned = Event()

    @property
    def working(self) -> bool:
        """Whether any is carried on here."""
        return bool(self._running)

    def start(self) -> None:
        """Carry on every thread that can go on and is not carried on yet."""
        for thread in list(self._job.pen.head.threads.values()):
            if thread.working and thread.id not in self._running:
                job = self._job_of(thread)
                self._pool = self._pool or ThreadPoolExecutor(_MOST_AT_ONCE, "agent")
                self._running[thread.id] = self._pool.submit(contextvars.copy_context().run, loop.work, job)

    def wait(self) -> None:
        """Until one of them stops, a moment at most. Raises what one of them raised."""
        wait(self._running.values(), _LOOK_SECONDS, FIRST_COMPLETED)
        for thread_id, future in list(self._running.items()):
            if future.done():
                del self._running[thread_id]
                future.result()

    def join(self) -> None:
        """Until all have stopped, for the reason for which the caller stops. Raises what one of them raised."""
        while self._running:
            self.wait()

    def close(self) -> None:
        """Let none of them write any more."""
        self.abandoned.set()
        if self._pool is not None:
            self._pool.shutdown(wait=True)
        self._running.clear()

    def stop_asked(self) -> None:
        """Stop the threads that were asked to, none of which is carried on here."""
        for thread in list(self._job.pen.head.threads.values()):
            if thread.interrupt is not None:
                endings.interrupt(self._job_of(thread), [])

    def closed(self, head: Head, run: str) -> tuple[list[Draft], list[Write]]:
        """The records and rows with which all of them end together with the run. Changes the head."""
        records: list[Draft] = []
        rows: list[Write] = []
        for thread in list(head.threads.values()):
            conversation = self._job.conversation.children.get(thread.id, Conversation())
            left = closing.close_all(conversation, self._model(thread), run, ())
            billing.add_to(thread.totals, *billing.spent(conversation, ())[:2])
            rested, idle = put_to_rest(head, thread.id, drafts.END_TURN, run)
            records += thread_drafts.belonging(thread.id, [*left, *idle])
            rows.append(self._job.pen.thread_write(rested))
        return records, rows

    def recovered(self, head: Head, run: str) -> list[Draft]:
        """The ends of model calls that a worker which is gone left open."""
        return [
            draft
            for thread in head.threads.values()
            if (conversation := self._job.conversation.children.get(thread.id)) is not None
            for draft in thread_drafts.belonging(thread.id, closing.close_span(conversation, self._model(thread), run))
        ]

    def _model(self, thread: Thread) -> str:
        return str(definition(self._job.spec.agent, thread.agent)["model"]["id"])

    def _job_of(self, thread: Thread) -> Job:
        """The job of one thread: the same loop over its own agent, conversation and endings."""
        whole = self._job
        whole.pen.recall(thread)
        pen = ThreadPen(whole.pen, thread.id)
        agent = definition(whole.spec.agent, thread.agent)
        tools = offer(agent, agent.get("origin", whole.spec.origin), self_hosted=whole.pen.head.self_hosted)
        job = replace(
            whole,
            pen=pen,
            spec=replace(whole.spec, agent=agent),
            offers=[one for one in tools if one.name not in SCHEDULING],
            call=None,
            begun={},
            tries=0,
            ends=Ends(pen, thread),
        )
        # One computer for all: it is not to be looked for by two at the same time.
        job.__dict__["sandbox"] = whole.sandbox
        return job
