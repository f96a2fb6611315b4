"""Accepting input: everything a request sends becomes durable in one step, or nothing does."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from botocore.exceptions import BotoCoreError, ClientError

from chalicelib.core.clock import now_ms
from chalicelib.events.event import Event
from chalicelib.events.log import LogMoved, SessionRef
from chalicelib.observability import logger
from chalicelib.sessions import seats
from chalicelib.sessions.errors import BadInput, CallNotOpen
from chalicelib.sessions.inputs import Accepted, Input, Manner, Receipt
from chalicelib.sessions.model import Head, Thread
from chalicelib.sessions.planning import Planner, RepeatedAnswer
from chalicelib.sessions.store import Loaded, SessionStore
from chalicelib.sessions.workers import Workers
from chalicelib.storage.errors import StorageBusy, TransactionRefused
from chalicelib.storage.keys import Space
from chalicelib.storage.queue import Doorbell, DoorbellQueue

RING_AFTER_MS = 20_000
"""When the clock looks after a session whose doorbell may have been lost."""

MAX_WRITES = 97
_TRIES = 40
Told = Callable[[Space], Mapping[str, int] | None]


def due_of(head: Head, now: int) -> int | None:
    """When the clock must look at the session: never while nothing is to be done."""
    if head.deleted_at is not None:
        return now
    if head.run is None or head.run.state == "waiting":
        return None
    return max(head.lease_until, now + RING_AFTER_MS)


class Inbox:
    """The way of input into sessions."""

    def __init__(self, store: SessionStore, doorbells: DoorbellQueue, workers: Workers, holdings: Told) -> None:
        """``holdings`` is what a worker may be spared to read: what this process knows of the tenant, if anything."""
        self._store = store
        self._holdings = holdings
        self.workers = workers
        self._doorbells = doorbells

    def accept(self, ref: SessionRef, items: Sequence[Input], manner: Manner) -> Receipt:
        """Take all items or none; returns after they are durable.

        Raises SessionNotFound and the other errors of ``sessions.errors``; StorageBusy under extreme contention.
        """
        known = self._known(ref, items)
        with_inbox = any(item.type == "user.interrupt" for item in items)
        for _ in range(_TRIES):
            loaded = self._store.load(ref, inbox=with_inbox)
            planner = self._plan(ref, loaded, items, manner, known, self._threads(ref, items))
            if not planner.changed:
                return planner.receipt
            try:
                self._commit(ref, loaded, planner)
            except LogMoved:
                continue
            except TransactionRefused:
                known = self._known(ref, items)
                continue
            if planner.rings:
                self.ring(ref)
            return planner.receipt
        raise StorageBusy("the session is written by too many at once")

    def archive_thread(self, ref: SessionRef, thread_id: str) -> Thread:
        """End a thread at rest for good; see ``Planner.archive_thread``."""
        for _ in range(_TRIES):
            loaded = self._store.load(ref, inbox=True)
            threads = self._threads(ref, [Input("", {}, thread=thread_id)])
            planner = Planner(self._store, ref, loaded, Manner(), self.workers, threads)
            thread = planner.archive_thread(thread_id)
            if not planner.changed:
                return thread
            try:
                self._commit(ref, loaded, planner)
            except (LogMoved, TransactionRefused):
                continue
            if planner.rings:
                self.ring(ref)
            return thread
        raise StorageBusy("the session is written by too many at once")

    def _known(self, ref: SessionRef, items: Sequence[Input]) -> dict[str, Accepted]:
        ids = [item.id for item in items if item.id is not None]
        if not ids:
            return {}
        marks = self._store.marks(ref, ids)
        return {
            event_id: Accepted(event_id, mark["type"], mark["data"], self._processed_at(ref, event_id, mark["type"]))
            for event_id, mark in marks.items()
        }

    def _threads(self, ref: SessionRef, items: Sequence[Input]) -> dict[str, Thread]:
        """The threads at rest that the items name."""
        named = {item.thread for item in items if item.thread is not None}
        found = [thread for thread_id in named if (thread := self._store.thread(ref, thread_id)) is not None]
        return {thread.id: thread for thread in found}

    def _processed_at(self, ref: SessionRef, event_id: str, kind: str) -> int | None:
        found = self._find(ref, lambda event: event.id == event_id and event.type == kind)
        return None if found is None else found.at

    def _find(self, ref: SessionRef, wanted: Callable[[Event], bool]) -> Event | None:
        return next((event for event in self._store.log.walk(ref) if wanted(event)), None)

    def _plan(
        self,
        ref: SessionRef,
        loaded: Loaded,
        items: Sequence[Input],
        manner: Manner,
        known: dict[str, Accepted],
        threads: dict[str, Thread],
    ) -> Planner:
        planner = Planner(self._store, ref, loaded, manner, self.workers, threads)
        for position, item in enumerate(items):
            if item.id in known:
                planner.receipt.events.append(known[item.id])
                continue
            try:
                planner.take(item, position)
            except RepeatedAnswer:
                planner.receipt.events.append(self._repeated(ref, item, position))
        return planner

    def _repeated(self, ref: SessionRef, item: Input, position: int) -> Accepted:
        earlier = self._find(
            ref,
            lambda event: (
                event.type == item.type
                and item.call_id
                in (
                    event.data.get("tool_use_id"),
                    event.data.get("custom_tool_use_id"),
                )
            ),
        )
        if earlier is None or earlier.data != item.data:
            name = item.call_field
            raise CallNotOpen(
                f"events.{position}.{name}: no open tool use has this id", field=f"events.{position}.{name}"
            )
        return Accepted(earlier.id, earlier.type, earlier.data, earlier.at)

    def _commit(self, ref: SessionRef, loaded: Loaded, planner: Planner) -> None:
        head, tail = planner.head, loaded.tail
        if len(planner.rows) > MAX_WRITES:
            raise BadInput("events: too many events in one request", field="events")
        head.rev = tail.next_seq + len(planner.records) - 1
        head.updated_at = now_ms()
        seats_left = seats.left(ref.space, head)
        head_write = self._store.head_write(ref, head, loaded.head.rev, due_of(head, now_ms()))
        together = [head_write, *seats_left, *planner.rows]
        written = self._store.log.append(ref, tail, planner.records, together)
        planner.receipt.seq = written[-1].seq
        stamps = {event.id: event.at for event in written}
        planner.receipt.events = [
            replace(event, processed_at=stamps.get(event.id, event.processed_at)) if event.processed_at else event
            for event in planner.receipt.events
        ]

    def ring(self, ref: SessionRef, *, called: bool = False) -> None:
        """Ring the session's doorbell; a failure is only logged, for the clock rings again.

        ``called`` as in ``Doorbell``.
        """
        try:
            self._doorbells.ring(Doorbell(ref.space.tenant, ref.id, self._holdings(ref.space), called))
        except (BotoCoreError, ClientError):
            logger("sessions").warning("doorbell not sent; the clock will ring", exc_info=True)
