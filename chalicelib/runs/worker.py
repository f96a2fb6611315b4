"""Handles one doorbell: claims the session's run and carries it on, run after run, as long as there is work."""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, replace
from threading import Lock

from chalicelib.core.clock import now_ms
from chalicelib.engine import endings, loop
from chalicelib.engine.job import Job, Parts
from chalicelib.engine.threads.strands import Strands
from chalicelib.events.hub import Hub
from chalicelib.events.log import SessionRef
from chalicelib.events.projections.conversation import Conversation
from chalicelib.observability import bind, count, logger, timed
from chalicelib.runs.claim import HeldElsewhere, NothingToDo, Owner, asked_to_stop, claim
from chalicelib.runs.errors import Interrupted, LeaseLost
from chalicelib.runs.line import Line
from chalicelib.runs.pen import Pen
from chalicelib.runs.pulse import Held, Pulse
from chalicelib.runs.watch import Watch
from chalicelib.sessions.errors import SessionNotFound
from chalicelib.sessions.inbox import Inbox
from chalicelib.sessions.model import Spec
from chalicelib.sessions.seats import NoSeat
from chalicelib.sessions.store import Loaded, SessionStore
from chalicelib.storage.errors import ConditionFailed
from chalicelib.tools.delegation import delegates
from chalicelib.tools.offer import offer

_REMEMBERED = 64
_RINGS_AGAIN_MS = 40_000
NO_LIMIT_MS = 10**9
"""The time left where an invocation has no limit."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What bounds one handling: time left, and how the received doorbell is kept hidden."""

    remaining_ms: Callable[[], int]
    keep_doorbell: Callable[[], None]


@dataclass(slots=True)
class Known:
    """What a process knows of a session: the folded log, and the spec as of the record ``spec_seq``."""

    conversation: Conversation
    spec: Spec | None = None
    spec_seq: int = 0


class Remembered:
    """The sessions this process worked on lately, so that a turn reads only what is new."""

    def __init__(self) -> None:
        self._kept: OrderedDict[str, Known] = OrderedDict()
        self._lock = Lock()

    def take(self, ref: SessionRef) -> Known:
        """What is known of a session, for one worker alone."""
        with self._lock:
            return self._kept.pop(ref.pk, None) or Known(Conversation())

    def give(self, ref: SessionRef, known: Known) -> None:
        """Keep what matches the log up to the fold's number."""
        with self._lock:
            self._kept[ref.pk] = known
            while len(self._kept) > _REMEMBERED:
                self._kept.popitem(last=False)


class Worker:
    """Carries runs on. One per process; ``handle`` may run in many threads."""

    def __init__(
        self, store: SessionStore, parts: Parts, hub: Hub, pulse: Pulse, inbox: Inbox, line: Line, owner: Owner
    ) -> None:
        self._store = store
        self._parts = parts
        self._hub = hub
        self._pulse = pulse
        self._inbox = inbox
        self._line = line
        self._owner = owner
        self._remembered = Remembered()

    def handle(self, ref: SessionRef, limits: Limits, *, called: bool = False) -> bool:
        """Do all there is to do for a session, until it rests, waits or is held elsewhere; False when it is gone.

        ``called`` as in ``Doorbell``.
        """
        try:
            return self._handle(ref, limits, replace(self._owner, called=called))
        except (NothingToDo, HeldElsewhere, SessionNotFound) as none:
            if called:
                # The seat that was left for it is for the next in line.
                self._line.call(ref.space)
            return not isinstance(none, SessionNotFound)

    def _handle(self, ref: SessionRef, limits: Limits, owner: Owner) -> bool:
        try:
            while limits.remaining_ms() > _RINGS_AGAIN_MS:
                job = self._one_run(ref, limits, owner)
                if job is None or not _is_queued(job):
                    return True
                if job.handed_on:
                    break
                owner = self._owner
            self._inbox.ring(ref)
        except NoSeat as refused:
            self._line.join(ref, refused.head)
        except LeaseLost:
            logger("runs").info("the run is held by another worker now")
            # Or its session was deleted, and whoever did that left its seat.
            self._line.call(ref.space)
        return True

    def stop_now(self, ref: SessionRef) -> None:
        """Carry out a pending interrupt at once, taking the run from whoever holds it."""
        limits = Limits(lambda: NO_LIMIT_MS, lambda: None)
        try:
            self._one_run(ref, limits, replace(self._owner, force=True), only_stop=True)
            self._inbox.ring(ref)
        except (NothingToDo, SessionNotFound, LeaseLost):
            return

    def give_up(self, ref: SessionRef, message: str) -> None:
        """End a run that no worker could carry on: its doorbell was given back too often."""
        limits = Limits(lambda: NO_LIMIT_MS, lambda: None)
        job = self._job(ref, limits)
        try:
            with job.watch.active():
                claim(job, replace(self._owner, force=True))
                endings.fail(job, [], "unknown_error", message, terminal=False)
        except (NothingToDo, LeaseLost):
            return
        self._call_next(job)

    def _one_run(self, ref: SessionRef, limits: Limits, owner: Owner, *, only_stop: bool = False) -> Job | None:
        """Claim and carry on the run in hand; the job as it was left, None where there is nothing to stop."""
        job = self._job(ref, limits)
        if only_stop and not asked_to_stop(job.pen.head):
            return None
        with job.watch.active():
            claim(job, owner)
            self._pulse.hold(job.held)
            try:
                with bind(run=job.run_id), timed("Run"):
                    self._carry(job, only_stop=only_stop)
                    self._tell(job)
            except Exception:
                self._let_go(job)
                raise
            finally:
                self._pulse.release(job.held)
        job.rest()
        self._call_next(job)
        self._remembered.give(ref, Known(job.conversation, job.spec, job.conversation.seq))
        return job

    def _call_next(self, job: Job) -> None:
        if job.pen.others_wait:
            self._line.call(job.ref.space)

    @staticmethod
    def _tell(job: Job) -> None:
        head = job.pen.head
        stopped = (head.stop_reason or {}).get("type", "none")
        logger("runs").info("run left", extra={"session_status": head.status, "stop_reason": stopped})
        count("RunLeft", stop_reason=stopped)

    def _let_go(self, job: Job) -> None:
        """After a fault: let the lease run out, so that the doorbell's next delivery can claim the run."""
        now = now_ms()
        try:
            self._store.table.write(self._store.lease_write(job.ref, job.held.fence, now, now))
        except ConditionFailed:
            logger("runs").info("the run is held by another worker now")

    def _carry(self, job: Job, *, only_stop: bool) -> None:
        run = job.pen.head.run
        if job.pen.head.interrupt is not None:
            endings.interrupt(job, [])
        elif only_stop and job.strands is not None:
            job.strands.stop_asked()
            endings.hand_on(job, [], "interrupt")
        elif run is not None and run.attempt > self._parts.settings.max_attempts:
            message = f"the run was given up after {self._parts.settings.max_attempts} attempts"
            endings.fail(job, [], "unknown_error", message, terminal=False)
        else:
            self._work(job)

    def _work(self, job: Job) -> None:
        try:
            loop.work(job)
        except Interrupted:
            endings.interrupt(job, [])

    def _job(self, ref: SessionRef, limits: Limits) -> Job:
        loaded = self._store.load(ref, inbox=True)
        known = self._remembered.take(ref)
        conversation = self._folded(ref, loaded, known.conversation)
        stale = known.spec is None or conversation.respecified > known.spec_seq
        spec = self._store.spec(ref) if stale or known.spec is None else known.spec
        watch = Watch(self._hub, ref.pk)
        pen = Pen(self._store, ref, loaded, conversation, watch.settle)
        held = Held(ref, 0, limits.keep_doorbell)
        offers = offer(spec.agent, spec.origin, self_hosted=loaded.head.self_hosted)
        offers += delegates(spec.agent, offers)
        job = Job(pen, spec, self._parts, watch, held, limits.remaining_ms, offers)
        job.strands = Strands(job)
        return job

    def _folded(self, ref: SessionRef, loaded: Loaded, conversation: Conversation) -> Conversation:
        after = max(conversation.seq, loaded.head.context_from - 1)
        if conversation.seq < after:
            conversation = Conversation()
        first = loaded.last[0].seq if loaded.last else 1
        events = loaded.last if first == after + 1 else self._store.log.walk(ref, after)
        for event in events:
            if conversation.seq < event.seq < loaded.tail.next_seq:
                conversation.apply(event)
        return conversation


def _is_queued(job: Job) -> bool:
    """Whether there is more to do for the session."""
    run = job.pen.head.run
    return run is not None and run.state == "queued"
