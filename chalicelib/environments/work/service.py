"""The queue of an environment: who gets which session, for how long, and when it is over."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from chalicelib.core.clock import iso, now_ms
from chalicelib.core.ids import new_id
from chalicelib.core.metadata import patched
from chalicelib.core.paging import Page
from chalicelib.core.principal import Bound
from chalicelib.environments.work.credentials import WorkerCredentials
from chalicelib.environments.work.errors import LeaseElsewhere, WorkNotFound, WorkStopped
from chalicelib.environments.work.model import (
    KEPT_TOKENS,
    LONGEST_TTL,
    NO_HEARTBEAT,
    SHORTEST_TTL,
    Beat,
    Offer,
    Place,
    Stats,
    Work,
    pause_ms,
)
from chalicelib.environments.work.store import WorkStore
from chalicelib.environments.work.tokens import TokenName
from chalicelib.events.log import SessionRef
from chalicelib.sessions.errors import SessionNotFound
from chalicelib.sessions.model import Head
from chalicelib.sessions.store import HEAD, SessionStore
from chalicelib.storage import writes
from chalicelib.storage.errors import StorageBusy, TransactionRefused
from chalicelib.storage.keys import Space
from chalicelib.storage.listing import Window
from chalicelib.storage.writes import Write
from chalicelib.tenants.model import digest_of

RECLAIM_MS = 5000
"""After this an offer that was not acknowledged is made to the next who asks."""

_TRIES = 20
_POLLED_MS = 30_000
_NOTED_EVERY_MS = 10_000
# A worker may take long to get ready between its acknowledgement and its first heartbeat.
_FIRST_LEASES = 5
Change = Callable[[Work], Work | None]


class WorkService:
    """The life of work items. Every error is one of ``work.errors``, or StorageBusy under extreme contention."""

    def __init__(
        self, store: WorkStore, sessions: SessionStore, credentials: WorkerCredentials, lease_seconds: int
    ) -> None:
        self._store = store
        self._sessions = sessions
        self._credentials = credentials
        self._ttl = lease_seconds
        self._noted: dict[tuple[str, str, str], int] = {}

    def wanted(self, ref: SessionRef, environment: str) -> list[Write]:
        """The writes with which the session has an unfinished item: a demand when it has one already."""
        known = self._store.slot(ref)
        if known is not None:
            return [self._store.still_named(ref, known)]
        return self._store.insertion(ref.space, self._fresh(environment, ref.id))

    def _fresh(self, environment: str, session: str, tries: int = 0) -> Work:
        now = now_ms()
        place = Place(now + pause_ms(tries), "q", now)
        return Work(new_id(), environment, session, now, self._ttl, place=place, tries=tries)

    def over(self, ref: SessionRef, environment: str) -> list[Write]:
        """The writes that stop the session's unfinished item, if there is one."""
        known = self._store.slot(ref)
        work = None if known is None else self._store.find(ref.space, environment, known)
        if work is None or work.state == "stopped":
            return []
        return [self._store.change(ref.space, work, _stopped(work)), self._store.release(ref, work)]

    def poll(self, space: Space, environment: str, reclaim_ms: int = RECLAIM_MS) -> Offer | None:
        """The item that waits longest, for this caller alone; None when there is none."""
        now = now_ms()
        for work_id, place in self._store.waiting(space, environment, now):
            if place.kind == "o" and place.at > now - reclaim_ms:
                continue
            work = self._store.find(space, environment, work_id)
            if work is None or work.place != place:
                continue
            if place.kind == "s":
                self._finish(space, environment, work_id, force=True)
            elif (offer := self._offer(space, work)) is not None:
                return offer
        return None

    def _offer(self, space: Space, work: Work) -> Offer | None:
        now = now_ms()
        token = TokenName(space.tenant, work.environment, work.id, work.claim + 1).mint()
        offered = replace(
            work,
            state="queued",
            place=Place(now, "o", work.created_at),
            claim=work.claim + 1,
            tokens=(*work.tokens, digest_of(token))[-KEPT_TOKENS:],
            ttl=self._ttl,
            offered_at=now,
            acknowledged_at=None,
            started_at=None,
            heartbeat_at=None,
        )
        return Offer(offered, token) if self._store.replace(space, work, offered) else None

    def note_worker(self, space: Space, environment: str, worker: str) -> None:
        """Count a worker that asks as one of those that poll."""
        now, seen = now_ms(), (space.tenant, environment, worker)
        if now - self._noted.get(seen, 0) < _NOTED_EVERY_MS:
            return
        self._noted = {one: at for one, at in self._noted.items() if now - at < _NOTED_EVERY_MS} | {seen: now}
        self._store.note_worker(space, environment, digest_of(worker), now)

    def get(self, space: Space, environment: str, work_id: str) -> Work:
        """One item. Raises WorkNotFound."""
        work = self._store.find(space, environment, work_id)
        if work is None:
            raise WorkNotFound
        return work

    def page(self, space: Space, environment: str, window: Window) -> Page[Work]:
        """Items by creation; ``next`` is the position to go on after."""
        items, following = self._store.page(space, environment, window)
        return Page(items, following)

    def ack(self, space: Space, environment: str, work_id: str, bound: Bound | None) -> Work:
        """The worker has the item; a repeat changes nothing. Raises WorkNotFound, WorkStopped, LeaseElsewhere."""

        def change(work: Work) -> Work | None:
            _demand_claim(work, bound)
            if work.state in ("stopping", "stopped"):
                raise WorkStopped(f"the work item is {work.state}")
            if work.state != "queued":
                return None
            now = now_ms()
            place = Place(now + work.ttl * _FIRST_LEASES * 1000, "l", work.created_at)
            return replace(work, state="starting", acknowledged_at=now, place=place)

        return self._change(space, environment, work_id, change)

    def heartbeat(
        self, space: Space, environment: str, work_id: str, bound: Bound | None, expected: str | None, ttl: int | None
    ) -> Beat:
        """Prolong the lease of whoever knows the last heartbeat. Raises WorkNotFound, LeaseElsewhere."""

        def change(work: Work) -> Work | None:
            if work.state in ("stopping", "stopped"):
                return None
            _demand_claim(work, bound)
            if expected is not None and expected != last_heartbeat(work, NO_HEARTBEAT):
                raise LeaseElsewhere(work)
            return _beaten(work, self._ttl if ttl is None else min(max(ttl, SHORTEST_TTL), LONGEST_TTL))

        work = self._change(space, environment, work_id, change)
        return Beat(work, work.state == "active")

    def update(
        self, space: Space, environment: str, work_id: str, patch: dict[str, str | None], *, blank_removes: bool
    ) -> Work:
        """Change the metadata. Raises WorkNotFound, InvalidRequest."""

        def change(work: Work) -> Work | None:
            metadata = patched(work.metadata, patch, blank_removes=blank_removes)
            return None if metadata == work.metadata else replace(work, metadata=metadata)

        return self._change(space, environment, work_id, change)

    def _change(self, space: Space, environment: str, work_id: str, change: Change) -> Work:
        """The item after a change, which may be asked for several times; None leaves it as it is."""
        for _ in range(_TRIES):
            work = self.get(space, environment, work_id)
            changed = change(work)
            if changed is None:
                return work
            if self._store.replace(space, work, changed):
                return changed
        raise StorageBusy("the work item is changed by too many at once")

    def stop(self, space: Space, environment: str, work_id: str, bound: Bound | None, *, force: bool) -> Work:
        """Ask its worker to stop, or with ``force`` end it at once, as an item is that no worker beats for.

        When its session waits for a worker all the same, it gets a new item after a pause.
        Raises WorkNotFound, WorkStopped when it is stopped already or is another worker's now.
        """
        work = self.get(space, environment, work_id)
        if bound is not None and bound.work and bound.claim != work.claim:
            raise WorkStopped("the work item was offered to another worker since")
        return self._finish(space, environment, work_id, force=force)

    def _finish(self, space: Space, environment: str, work_id: str, *, force: bool) -> Work:
        for _ in range(_TRIES):
            work = self.get(space, environment, work_id)
            if work.state == "stopped":
                raise WorkStopped("the work item is stopped")
            if not force and work.state == "stopping":
                return work
            if not force and work.state == "active":
                asked = _asked_to_stop(work)
                if self._store.replace(space, work, asked):
                    return asked
                continue
            ended = _stopped(work)
            try:
                self._store.table.transact(self._ending(space, work, ended))
            except TransactionRefused:
                continue
            self._credentials.forget(work.tokens)
            return ended
        raise StorageBusy("the work item is changed by too many at once")

    def _ending(self, space: Space, work: Work, ended: Work) -> list[Write]:
        """The item stops; if its session still waits for a worker, another takes its place."""
        ref = SessionRef(space, work.session)
        steps = [self._store.change(space, work, ended)]
        head = self._head(ref)
        if self._store.slot(ref) != work.id:
            return steps
        if head is None:
            return [*steps, self._store.release(ref, work)]
        seen = writes.check(ref.key(HEAD), writes.equals("rev", head.rev))
        if not head.awaits_worker:
            return [*steps, seen, self._store.release(ref, work)]
        another = self._fresh(work.environment, work.session, work.tries + 1)
        return [*steps, seen, *self._store.replacement(space, work, another)]

    def _head(self, ref: SessionRef) -> Head | None:
        try:
            return self._sessions.load(ref).head
        except SessionNotFound:
            return None

    def stats(self, space: Space, environment: str) -> Stats:
        """How full the queue is and who serves it."""
        now = now_ms()
        places = [place for _, place in self._store.waiting(space, environment, None)]
        pending = [place for place in places if place.kind == "o"]
        queued = [place for place in places if place.kind == "q" or (place.kind == "l" and place.at <= now)]
        oldest = min((place.created_at for place in (*pending, *queued)), default=None)
        workers = self._store.workers_since(space, environment, now - _POLLED_MS)
        return Stats(len(queued), len(pending), oldest, workers)

    def forget(self, space: Space, environment: str) -> None:
        """An environment is gone: its keys open nothing any more, and its items go."""
        self._credentials.revoke_all(space, environment)
        self._store.purge(space, environment)


def last_heartbeat(work: Work, otherwise: str) -> str:
    """The last heartbeat as workers send it back."""
    return otherwise if work.heartbeat_at is None else iso(work.heartbeat_at)


def _demand_claim(work: Work, bound: Bound | None) -> None:
    """A session token speaks only for the offer it came with."""
    if bound is not None and bound.work and bound.claim != work.claim:
        raise LeaseElsewhere(work)


def _beaten(work: Work, ttl: int) -> Work:
    # Every heartbeat is told apart from the one before, however quickly they follow.
    now = max(now_ms(), (work.heartbeat_at or 0) + 1)
    changes: dict[str, Any] = {"state": "active", "heartbeat_at": now, "ttl": ttl}
    changes |= {"acknowledged_at": work.acknowledged_at or now, "started_at": work.started_at or now}
    return replace(work, place=Place(now + ttl * 1000, "l", work.created_at), **changes)


def _asked_to_stop(work: Work) -> Work:
    place = Place(work.place.at if work.place else now_ms(), "s", work.created_at)
    return replace(work, state="stopping", stop_requested_at=now_ms(), place=place)


def _stopped(work: Work) -> Work:
    now = now_ms()
    return replace(work, state="stopped", stopped_at=now, stop_requested_at=work.stop_requested_at or now, place=None)
