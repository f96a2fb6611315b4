"""Moves trials: opens the session, prepares its sandbox, sends message after message, and has the work graded.

Every step is stored before the next one; whoever goes on after a crash repeats at most what was not stored.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from chalicelib.core.clock import now_ms
from chalicelib.core.errors import LambentError, NotFound
from chalicelib.core.ids import derive_id
from chalicelib.evals.errors import TrialFailed, TrialGone
from chalicelib.evals.grading import Grader
from chalicelib.evals.model import Attempt, Run, Task, Trial
from chalicelib.evals.preparing import Preparer
from chalicelib.evals.running import EvalRuns
from chalicelib.evals.service import EvalService
from chalicelib.evals.store import EvalStore, attempt_of, trial_key
from chalicelib.events.log import SessionLog, SessionRef
from chalicelib.observability import logger
from chalicelib.schedules.due import is_due
from chalicelib.sessions.draft import AgentChoice
from chalicelib.sessions.errors import SessionEnded, SessionNotFound
from chalicelib.sessions.inputs import Input, Manner
from chalicelib.sessions.model import Head, Session
from chalicelib.sessions.opening import Opener, Opening
from chalicelib.sessions.service import SessionService
from chalicelib.sessions.trajectory import interrupted
from chalicelib.storage.keys import Key, Space
from chalicelib.tenants.register import TenantRegister

_HELD_MS = 9_000
_BEAT_SECONDS = 3.0
_RING_AGAIN_MS = 15_000
_LOOK_MS, _LONGEST_LOOK_MS = 150, 5_000
_MOST_TRIES = 5
_USUAL_MS = 30 * 60_000
_SERVER_FAULT = 500


@dataclass(frozen=True, slots=True)
class Helpers:
    """Who does the work of a trial."""

    opener: Opener
    sessions: SessionService
    preparer: Preparer
    grader: Grader
    tenants: TenantRegister
    log: SessionLog


class Trials:
    """``fire`` is the clock's side and quick, ``work`` the worker's."""

    def __init__(self, store: EvalStore, evals: EvalService, runs: EvalRuns, helpers: Helpers) -> None:
        self._store = store
        self._evals = evals
        self._runs = runs
        self._helpers = helpers

    def fire(self, space: Space, key: Key) -> None:
        """Look after a trial that is due: send a worker when its session rests or its time is over."""
        row = self._store.row(key)
        if row is None or not is_due(row, now_ms()):
            return
        attempt = attempt_of(row)
        busy = bool(attempt.sent) and not attempt.grading and self._at_work(space, attempt)
        due_at = now_ms() + (self._pause(attempt) if busy else _RING_AGAIN_MS)
        if self._store.move(space, attempt, attempt, due_at) is not None and not busy:
            self._runs.ring(space, attempt)

    def work(self, space: Space, thing: str, remaining_ms: Callable[[], int]) -> None:
        """Move a trial as far as it goes now. Raises what hinders the server, to be sent again."""
        run_id, place, number = thing.split(".")
        row = self._store.row(trial_key(space, run_id, int(place), int(number)))
        run = self._store.find(space, run_id)
        if row is None or run is None:
            return
        seen = attempt_of(row)
        if seen.held_until > now_ms():
            return
        try:
            with self._held(space, seen) as hold:
                self._carry_on(space, run, hold, remaining_ms)
        except TrialGone:
            logger("evals").info("another process has the trial, or its run was removed")

    def _at_work(self, space: Space, attempt: Attempt) -> bool:
        if attempt.session_id is None:
            return False
        run = self._store.find(space, attempt.run)
        if run is None or now_ms() > _deadline(run, attempt):
            return False
        try:
            head = self._helpers.sessions.get(SessionRef(space, attempt.session_id)).head
        except SessionNotFound:
            return False
        return _busy(head)

    @staticmethod
    def _pause(attempt: Attempt) -> int:
        """Long trials are looked at less often."""
        return min(max((now_ms() - attempt.started_at) // 20, _LOOK_MS), _LONGEST_LOOK_MS)

    @contextmanager
    def _held(self, space: Space, seen: Attempt) -> Iterator["_Hold"]:
        hold = _Hold(self._store, space, seen)
        hold.take()
        beat = threading.Thread(target=hold.beat, name="eval-trial", daemon=True)
        beat.start()
        try:
            yield hold
        finally:
            hold.over.set()
            beat.join()

    def _carry_on(self, space: Space, run: Run, hold: "_Hold", remaining_ms: Callable[[], int]) -> None:
        task = run.tasks[hold.attempt.place]
        try:
            outcome = self._moved(space, run, task, hold, remaining_ms)
        except TrialFailed as failure:
            outcome = Trial(status="failed", error=failure.message)
        except TrialGone:
            raise
        except Exception as error:
            if hold.attempt.tries < _MOST_TRIES and not _of_client(error):
                raise
            logger("evals").exception("a trial was given up")
            outcome = Trial(status="failed", error=_told(error))
        if outcome is not None:
            hold.over.set()
            outcome = outcome.model_copy(update={"session_id": hold.attempt.session_id})
            hold.finish(self._store.fitting(run, outcome))
            self._runs.look(space, run.id)

    def _moved(
        self, space: Space, run: Run, task: Task, hold: "_Hold", remaining_ms: Callable[[], int]
    ) -> Trial | None:
        """What came of the trial; None while its session is at work."""
        session = self._session(space, run, hold)
        if not hold.attempt.ready:
            if task.prepares:
                self._helpers.preparer.prepare(SessionRef(space, session.head.id), session.spec, task, remaining_ms)
            hold.store(ready=True)
        if not hold.attempt.grading:
            if not self._talked(space, run, task, session, hold):
                return None
            hold.store(grading=True)
        if task.reward is None:
            return Trial(status="completed")
        ref = SessionRef(space, session.head.id)
        reward = self._helpers.grader.grade(ref, session.spec, task.reward, remaining_ms)
        return Trial(status="completed", reward=reward)

    def _session(self, space: Space, run: Run, hold: "_Hold") -> Session:
        """The trial's session, the same however often it is asked for. Raises TrialFailed."""
        if hold.attempt.session_id is not None:
            try:
                return self._helpers.sessions.get(SessionRef(space, hold.attempt.session_id))
            except SessionNotFound as error:
                raise TrialFailed("the session was deleted") from error
        tenant = self._helpers.tenants.recent(space.tenant)
        if tenant is None or not tenant.active:
            raise TrialFailed("the tenant is suspended or closed")
        session = self._helpers.opener.open(
            space,
            Opening(
                AgentChoice(id=run.agent_id, version=run.agent_version),
                run.environment_id,
                title=run.tasks[hold.attempt.place].id[:256],
                seed=f"eval-trial {hold.attempt.thing}",
            ),
        )
        hold.store(session_id=session.head.id)
        return session

    def _talked(self, space: Space, run: Run, task: Task, session: Session, hold: "_Hold") -> bool:
        """Whether the session has answered every message; otherwise it has the next one, or is at work."""
        head, ref = session.head, SessionRef(space, session.head.id)
        if now_ms() > _deadline(run, hold.attempt):
            self._evals.stop(space, head.id)
            raise TrialFailed(f"timed out after {task.timeout_ms or _USUAL_MS} ms")
        if hold.attempt.sent:
            if _busy(head):
                hold.release(self._pause(hold.attempt))
                return False
            self._demand_rested(ref, head)
        if hold.attempt.sent == len(task.messages):
            return True
        self._say(ref, task.messages[hold.attempt.sent], hold)
        return False

    def _demand_rested(self, ref: SessionRef, head: Head) -> None:
        if head.ended:
            raise TrialFailed("the session was ended")
        stop = (head.stop_reason or {}).get("type", "end_turn")
        if stop == "requires_action":
            raise TrialFailed("the agent waits for an answer to a tool use, which nobody gives")
        if stop != "end_turn":
            told = (head.last_error or {}).get("message")
            raise TrialFailed(f"the turn ended with {stop}" + (f": {told}" if told else ""))
        if interrupted(self._helpers.log.read_back(ref, head.rev + 1)):
            raise TrialFailed("the session was interrupted")

    def _say(self, ref: SessionRef, text: str, hold: "_Hold") -> None:
        place = hold.attempt.sent
        event_id = derive_id("eval-message", ref.space.tenant, ref.id, str(place))
        said = Input("user.message", {"content": [{"type": "text", "text": text}]}, id=event_id)
        try:
            self._helpers.sessions.send(ref, [said], Manner(door="evals"))
        except SessionEnded as error:
            raise TrialFailed("the session was ended") from error
        try:
            hold.release(_LOOK_MS, sent=place + 1)
        except TrialGone:
            if self._store.find(ref.space, hold.attempt.run) is None:
                self._evals.stop(ref.space, ref.id)
            raise


class _Hold:
    """Keeps a trial for this process: nobody else moves it meanwhile, and somebody does soon after the process dies."""

    def __init__(self, store: EvalStore, space: Space, seen: Attempt) -> None:
        self._store = store
        self._space = space
        self._lock = threading.Lock()
        self.attempt = seen
        self.over = threading.Event()

    def take(self) -> None:
        """Begin. Raises TrialGone."""
        self.store(tries=self.attempt.tries + 1)

    def beat(self) -> None:
        """Stay, until it is over; in a thread of its own."""
        while not self.over.wait(_BEAT_SECONDS):
            try:
                self.store()
            except TrialGone:
                return

    def store(self, **changes: object) -> None:
        """Write where the trial stands. Raises TrialGone."""
        until = now_ms() + _HELD_MS
        progress = {} if "tries" in changes or not changes else {"tries": 0}
        with self._lock:
            if not self.over.is_set():
                self._move({"held_until": until, **progress, **changes}, until)

    def release(self, pause_ms: int, **changes: object) -> None:
        """Leave the trial to whoever looks next, after so many milliseconds. Raises TrialGone."""
        with self._lock:
            self.over.set()
            self._move({"held_until": 0, "tries": 0, **changes}, now_ms() + pause_ms)

    def finish(self, outcome: Trial) -> None:
        """The trial has ended. Raises TrialGone."""
        with self._lock:
            if not self._store.finish(self._space, self.attempt, outcome, now_ms()):
                raise TrialGone("the trial is somebody else's")

    def _move(self, changes: dict[str, object], due_at: int) -> None:
        after = self.attempt.model_copy(update=changes)
        moved = self._store.move(self._space, self.attempt, after, due_at)
        if moved is None:
            raise TrialGone("the trial is somebody else's")
        self.attempt = moved


def _busy(head: Head) -> bool:
    """Whether the session works or will; one that waits for its client does not."""
    at_work = head.run is not None and (not head.waiting or head.awaits_worker)
    return not head.ended and (at_work or (head.run is None and head.queued > 0))


def _deadline(run: Run, attempt: Attempt) -> int:
    return attempt.started_at + (run.tasks[attempt.place].timeout_ms or _USUAL_MS)


def _of_client(error: Exception) -> bool:
    return isinstance(error, LambentError) and (isinstance(error, NotFound) or error.status < _SERVER_FAULT)


def _told(error: Exception) -> str:
    return error.message if _of_client(error) and isinstance(error, LambentError) else "it could not be carried out"
