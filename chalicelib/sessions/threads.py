"""What clients may do with the threads of a session beside its primary one."""

import heapq
from collections.abc import Callable
from dataclasses import dataclass

from chalicelib.events.log import SessionRef
from chalicelib.sessions.errors import ThreadNotFound
from chalicelib.sessions.inbox import Inbox
from chalicelib.sessions.model import Head, Session, Thread
from chalicelib.sessions.store import SessionStore


@dataclass(frozen=True, slots=True)
class ThreadPage:
    """Threads by their creation; ``more``: others follow."""

    threads: list[Thread]
    more: bool


class ThreadService:
    """Reads and archives threads. Every method raises SessionNotFound."""

    def __init__(self, store: SessionStore, inbox: Inbox) -> None:
        self._store = store
        self._inbox = inbox

    def get(self, ref: SessionRef, thread_id: str) -> tuple[Session, Thread]:
        """A thread and its session. Raises ThreadNotFound."""
        session = self._store.get(ref)
        thread = session.head.threads.get(thread_id) or self._store.thread(ref, thread_id)
        if thread is None:
            # It came to rest between the two reads, or there is none.
            thread = self._store.get(ref).head.threads.get(thread_id)
        if thread is None:
            raise ThreadNotFound("the session has no such thread")
        return session, thread

    def page(
        self, session: Session, ref: SessionRef, after: str, limit: int, keep: Callable[[Thread], bool]
    ) -> ThreadPage:
        """The threads behind an id that ``keep`` accepts, at most so many."""
        working = [thread for thread in session.head.threads.values() if thread.id > after]
        known = {thread.id for thread in working}
        stored = (thread for thread in self._store.threads(ref, after) if thread.id not in known)
        found: list[Thread] = []
        for thread in heapq.merge(sorted(working, key=_id), stored, key=_id):
            if keep(thread):
                found.append(thread)
            if len(found) > limit:
                break
        return ThreadPage(found[:limit], len(found) > limit)

    def archive(self, ref: SessionRef, thread_id: str) -> Thread:
        """End a resting thread for good; a second call changes nothing.

        Raises ThreadNotFound, SessionEnded, and ThreadRunning while it works.
        """
        return self._inbox.archive_thread(ref, thread_id)


def status_of(head: Head, thread: Thread) -> str:
    """The status a client sees."""
    if thread.archived_at is not None or head.ended:
        return "terminated"
    if head.run is not None and head.run.thread == thread.id and not head.waiting:
        return "running"
    return thread.status if thread.working and head.status != "idle" else "idle"


def _id(thread: Thread) -> str:
    return thread.id
