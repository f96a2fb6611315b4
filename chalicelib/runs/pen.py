"""The pen of the one worker that holds a run: appends behind a fence, and takes in what others wrote meanwhile."""

from collections.abc import Callable, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from decimal import Decimal
from threading import RLock

from chalicelib.core.clock import now_ms
from chalicelib.events import catalogue
from chalicelib.events.event import Draft, Event
from chalicelib.events.log import LogMoved, SessionRef
from chalicelib.events.projections.conversation import Conversation
from chalicelib.runs.errors import LeaseLost
from chalicelib.sessions import seats
from chalicelib.sessions.model import Head, QueuedInput, Thread
from chalicelib.sessions.store import Loaded, SessionStore
from chalicelib.storage.errors import StorageBusy, TransactionRefused
from chalicelib.storage.writes import Write

_TRIES = 60
_SEAT = 1
"""The place of the write that leaves a seat in the transaction; the log's own comes first."""


@dataclass(slots=True)
class Change:
    """One atomic step: records, the head after it, inbox rows that go, other writes, and when the clock looks."""

    head: Head
    records: list[Draft]
    taken: list[QueuedInput] = field(default_factory=list)
    due: int | None = None
    more: list[Write] = field(default_factory=list)


Planned = Callable[[Head, list[QueuedInput]], Change | None]
"""Given a copy of the present head and the inbox, what to write, if anything. Called anew whenever somebody wrote
first."""


class Pen:
    """Writes for one claimed run. Every record written or met is folded into ``conversation``.

    Several threads of the process may use it: whoever holds ``lock`` has it alone.
    ``others_wait`` once a seat was left for which runs of the tenant stand in line.
    All methods raise LeaseLost once another claim or the end of the session stands in the log.
    """

    def __init__(
        self,
        store: SessionStore,
        ref: SessionRef,
        loaded: Loaded,
        conversation: Conversation,
        settle: Callable[[], None],
    ) -> None:
        """``settle`` is called after each write of this pen, so that nobody takes it for somebody else's."""
        self._store = store
        self._settle = settle
        self.ref = ref
        self.head = loaded.head
        self.tail = loaded.tail
        self.inbox = loaded.inbox
        self.watched_until = loaded.watched_until
        self.conversation = conversation
        self.fence = 0
        self.others_wait = False
        self.lock = RLock()

    def commit(self, plan: Planned) -> list[Event]:
        """Carry out a planned change together with the head; the records that came of it."""
        with self.lock:
            return self._commit(plan)

    def _commit(self, plan: Planned) -> list[Event]:
        for _ in range(_TRIES):
            change = plan(deepcopy(self.head), list(self.inbox))
            if change is None:
                return []
            head = change.head
            head.rev = self.tail.next_seq + len(change.records) - 1
            head.updated_at = now_ms()
            left = seats.left(self.ref.space, head, heeding=not self.others_wait)
            together = [
                *left,
                self._store.head_write(self.ref, head, self.head.rev, change.due),
                *(self._store.inbox_removal(self.ref, item) for item in change.taken),
                *change.more,
            ]
            try:
                events = self._store.log.append(self.ref, self.tail, change.records, together)
            except LogMoved:
                self.catch_up()
                continue
            except TransactionRefused as refused:
                self.others_wait |= bool(left) and _SEAT in refused.failed
                self.catch_up()
                continue
            self.head = head
            gone = {item.sk for item in change.taken}
            self.inbox = [item for item in self.inbox if item.sk not in gone]
            self._settle()
            self._fold(events)
            return events
        raise StorageBusy("the session is written by too many at once")

    def append(self, records: Sequence[Draft]) -> list[Event]:
        """Write records that change nothing in the head."""
        return self.append_chosen(lambda: records)

    def append_chosen(self, choose: Callable[[], Sequence[Draft]]) -> list[Event]:
        """As ``append``; the records are chosen anew, from what the pen then holds, whenever somebody wrote first."""
        with self.lock:
            return self._append(choose)

    def _append(self, choose: Callable[[], Sequence[Draft]]) -> list[Event]:
        for _ in range(_TRIES):
            try:
                events = self._store.log.append(self.ref, self.tail, choose())
            except LogMoved:
                self.catch_up()
                continue
            self._settle()
            self._fold(events)
            return events
        raise StorageBusy("the session is written by too many at once")

    @property
    def unbilled(self) -> Decimal:
        """What the session's model calls cost that are not in its totals yet, in US dollars."""
        return self.conversation.unbilled.cost

    def record(self, seq: int) -> Event:
        """One record of the log by its number."""
        return next(iter(self._store.log.walk(self.ref, seq - 1)))

    def catch_up(self) -> bool:
        """Take in what others wrote; whether there was anything."""
        with self.lock:
            return self._catch_up()

    def _catch_up(self) -> bool:
        loaded = self._store.load(self.ref, inbox=True, even_deleted=True)
        self.watched_until = loaded.watched_until
        if loaded.tail.next_seq == self.tail.next_seq and loaded.head.rev == self.head.rev:
            self._refuse_if_gone(loaded.head)
            return False
        events = loaded.last
        if not events or events[0].seq != self.tail.next_seq:
            events = list(self._store.log.walk(self.ref, self.tail.next_seq - 1))
        self._refuse_if_gone(loaded.head)
        self._refuse_if_claimed(events)
        self.head, self.inbox = loaded.head, loaded.inbox
        if events:
            self.tail.next_seq, self.tail.last_at = events[-1].seq + 1, events[-1].at
        self._fold(events)
        return True

    def thread_write(self, thread: Thread) -> Write:
        """The row of a thread at rest."""
        return self._store.thread_write(self.ref, thread)

    def stored_thread(self, thread_id: str) -> Thread | None:
        """A thread at rest, as its row has it."""
        return self._store.thread(self.ref, thread_id)

    def recall(self, thread: Thread) -> None:
        """Fold all turns of a thread anew, where only the last one is folded."""
        with self.lock:
            known = self.conversation.children.get(thread.id)
            if known is not None and (len(thread.turns) < 2 or known.since < thread.turns[-1]):
                return
            whole = Conversation()
            for turn in thread.turns:
                self._recall_turn(thread.id, turn, whole)
            self.conversation.children[thread.id] = whole

    def _recall_turn(self, thread: str, first: int, into: Conversation) -> None:
        for event in self._store.log.walk(self.ref, first - 1):
            if event.seq >= self.tail.next_seq or (event.thread == thread and into.apply_own(event)):
                return

    def _refuse_if_gone(self, head: Head) -> None:
        if head.ended or head.deleted_at is not None or (self.fence and head.fence != self.fence):
            raise LeaseLost

    def _refuse_if_claimed(self, events: Sequence[Event]) -> None:
        if self.fence and any(event.type == catalogue.RUN_CLAIMED for event in events):
            raise LeaseLost

    def _fold(self, events: Sequence[Event]) -> None:
        for event in events:
            if event.seq > self.conversation.seq:
                self.conversation.apply(event)
