"""Decides what a request's inputs do to a session: records, inbox rows and the new head, as one atomic step.

Each input is judged as if those before it had taken effect; one bad input refuses them all.
"""

from collections.abc import Mapping
from copy import deepcopy
from types import MappingProxyType

from chalicelib.canaries.counters import run_writes
from chalicelib.core.clock import now_ms
from chalicelib.core.ids import derive_id, new_id
from chalicelib.events import drafts, thread_drafts
from chalicelib.events.event import Draft
from chalicelib.events.log import SessionRef
from chalicelib.sessions import budgets, input_records, outcomes
from chalicelib.sessions.closing import INTERRUPTED, close_calls, close_threads, interrupted_run, leave
from chalicelib.sessions.errors import (
    BadInput,
    CallNotOpen,
    SessionEnded,
    ThreadArchived,
    ThreadNotFound,
    ThreadRunning,
    WaitingForAnswers,
)
from chalicelib.sessions.inputs import Accepted, Input, Manner, Receipt
from chalicelib.sessions.model import Call, Head, Interrupt, Policy, QueuedInput, Thread
from chalicelib.sessions.outcomes import Outcome
from chalicelib.sessions.resting import caller_told, close_thread_calls, put_to_rest
from chalicelib.sessions.store import Loaded, SessionStore, inbox_sk
from chalicelib.sessions.usage import usage_of
from chalicelib.sessions.workers import Workers
from chalicelib.storage.writes import Write

NO_THREADS: Mapping[str, Thread] = MappingProxyType({})
_CONFIRMATION = "user.tool_confirmation"
_ANSWERS = {
    _CONFIRMATION: "confirmation",
    "user.custom_tool_result": "custom",
    "user.tool_result": "worker",
}
_RESULTS = ("user.custom_tool_result", "user.tool_result")


class RepeatedAnswer(Exception):
    """The call was answered before; whether this is the same answer is to be looked up."""

    def __init__(self, item: Input) -> None:
        super().__init__("the call was answered before")
        self.item = item


class Planner:
    """Collects the effects of inputs on one session. The head given is not touched; ``head`` is the new one."""

    def __init__(
        self,
        store: SessionStore,
        ref: SessionRef,
        loaded: Loaded,
        manner: Manner,
        workers: Workers,
        threads: Mapping[str, Thread] = NO_THREADS,
    ) -> None:
        """``threads`` are those at rest that the inputs name."""
        self._store = store
        self._threads = threads
        self._workers = workers
        self._ref = ref
        self._manner = manner
        self._first = loaded.tail.next_seq
        self._waiting = list(loaded.inbox)
        self.head: Head = deepcopy(loaded.head)
        self.records: list[Draft] = []
        self.rows: list[Write] = []
        self.receipt = Receipt()
        self.rings = False
        self._after: str | None = None
        self._by_id: dict[str, Accepted] = {}
        self._called = False

    @property
    def changed(self) -> bool:
        """Whether there is anything to write."""
        return bool(self.records)

    def take(self, item: Input, position: int) -> None:
        """Let one input take effect, once for an id. Raises the errors of ``sessions.errors`` and RepeatedAnswer."""
        if (earlier := self._by_id.get(item.id or "")) is not None:
            self.receipt.events.append(earlier)
            return
        self._apply(item, position)
        self._after = item.type
        if self.receipt.events and self.receipt.events[-1].id == item.id:
            self._by_id[item.id] = self.receipt.events[-1]

    def _apply(self, item: Input, position: int) -> None:
        if self.head.ended:
            raise SessionEnded("the session is archived or terminated and takes no events", field=f"events.{position}")
        if item.thread is not None:
            self._demand_open(item.thread, position)
        if item.type == "user.message":
            self._message(item, position)
        elif item.type == "user.interrupt":
            self._interrupt(item)
        elif item.type in _ANSWERS:
            self._answer(item, position)
        elif item.type == "system.message":
            self._system(item, position)
        elif item.type == "user.define_outcome":
            self._outcome(item, position)
        else:
            raise BadInput(
                f"events.{position}.type: {item.type!r} cannot be sent here", field=f"events.{position}.type"
            )

    def _demand_open(self, thread_id: str, position: int) -> None:
        thread = self.head.threads.get(thread_id) or self._threads.get(thread_id)
        place = f"events.{position}.session_thread_id"
        if thread is None:
            raise ThreadNotFound(f"{place}: the session has no such thread", field=place)
        if thread.archived_at is not None:
            raise ThreadArchived(f"{place}: the thread is archived and takes no events", field=place)

    def _message(self, item: Input, position: int) -> None:
        open_calls = [] if self._manner.while_waiting else self.head.unanswered
        if open_calls and self.head.interrupt is None:
            raise _waiting(open_calls, position)
        budgets.demand_left(self.head, f"events.{position}")
        self._enqueue(item)

    def _outcome(self, item: Input, position: int) -> None:
        if self.head.outcome is not None:
            raise BadInput(f"events.{position}: another outcome is still being worked towards", field=_at(position))
        budgets.demand_left(self.head, _at(position))
        now, event_id = now_ms(), item.id or new_id()
        outcome = Outcome(
            id=derive_id("outcome", self._ref.id, event_id),
            description=item.data["description"],
            seq=self._first + len(self.records),
            max_iterations=item.data.get("max_iterations") or outcomes.USUAL_ITERATIONS,
        )
        starts = self._manner.starts_outcomes
        data = item.data | {"outcome_id": outcome.id, "max_iterations": outcome.max_iterations}
        self.records.append(Draft(item.type, data, id=event_id, private={"starts": starts}))
        self._remember(Input(item.type, data, item.id), event_id)
        self.receipt.events.append(Accepted(event_id, item.type, data, now))
        self.head.outcomes = outcomes.kept([*self.head.outcomes, outcome])
        if starts:
            outcome.begin()
        if starts and self.head.run is None:
            self.head.last_queued_run = new_id()
            self._start(self.head.last_queued_run, event_id, now, None)
            self.rings = True

    def _enqueue(self, item: Input) -> None:
        now = now_ms()
        fresh = self.head.run is None
        policy: Policy = "steer" if item.type == "system.message" else self._manner.policy
        run = self._run_for(fresh, policy) if item.thread is None else new_id()
        policy = policy if item.thread is None else "queue"
        event_id = item.id or new_id()
        self.head.queued += 1
        seq = self._first + len(self.records)
        door = self._manner.door
        queued = QueuedInput(inbox_sk(seq), event_id, item.type, item.data, policy, run, seq, now, door, item.thread)
        self.records.append(input_records.queued(queued, self.head.queued))
        self.rows.append(self._store.inbox_write(self._ref, queued))
        self._remember(item, event_id)
        if fresh:
            self._start(run, event_id, now, item.thread)
        elif policy == "queue":
            self.records.append(drafts.run_queued(run, self.head.agent_name, event_id))
        self.rings = True
        self.receipt.events.append(Accepted(event_id, item.type, item.data, None, item.thread))

    def _run_for(self, fresh: bool, policy: Policy) -> str:
        if fresh or policy == "queue":
            self.head.last_queued_run = new_id()
            return self.head.last_queued_run
        running = self.head.run.id if self.head.run else new_id()
        return self.head.last_queued_run or running

    def _start(self, run: str, trigger: str | None, now: int, thread: str | None) -> None:
        self.head.begin_run(run, now, thread)
        self.records.append(drafts.run_queued(run, self.head.agent_name, trigger))
        self.records += drafts.running(run, self.head.agent_name, primary=thread is None)
        self._call_worker()

    def _call_worker(self) -> None:
        """See to it that a worker is on the way, where workers run the tools."""
        if self.head.self_hosted and not self._called:
            self._called = True
            self.rows += self._workers.wanted(self._ref, self.head.environment_id)

    def _remember(self, item: Input, event_id: str) -> None:
        if item.id is not None:
            self.rows.append(self._store.mark_write(self._ref, event_id, item.type, item.data))

    def _system(self, item: Input, position: int) -> None:
        if self._after in _RESULTS:
            self._record(item, self.head.run.id if self.head.run else None)
        elif self._after == "user.message":
            self._enqueue(item)
        else:
            raise BadInput(
                f"events.{position}: a system.message must directly follow a user.message or a tool result",
                field=f"events.{position}",
            )

    def _record(self, item: Input, run: str | None, thread: str | None = None) -> str:
        event_id = item.id or new_id()
        self.records.append(Draft(item.type, item.data, id=event_id, run=run, thread=thread))
        self._remember(item, event_id)
        self.receipt.events.append(Accepted(event_id, item.type, item.data, now_ms(), thread))
        return event_id

    def _answer(self, item: Input, position: int) -> None:
        if item.type == "user.tool_result" and not self.head.self_hosted:
            raise BadInput(
                f"events.{position}: a user.tool_result can only be sent to a session in a self-hosted environment",
                field=f"events.{position}.type",
            )
        call = self._open_call(item, position)
        call.answer = str(item.data.get("result", "result")) if call.kind == "confirmation" else "result"
        run = self.head.run.id if self.head.run else None
        event_id = self._record(item, run, call.thread)
        if call.kind == "confirmation":
            self.records.append(drafts.permission_answered(item.call_id or "", call.answer, event_id, run))
            self._hand_to_worker(call)
        answered = not self.head.unanswered_of(call.thread)
        if call.thread is None:
            answered = not self.head.unanswered or (answered and call.kind == "confirmation")
        elif answered:
            self._thread_goes_on(call.thread, run)
        if self.head.waiting:
            self._go_on(event_id, answered=answered)

    def _thread_goes_on(self, thread_id: str, run: str | None) -> None:
        """The thread has all answers it waited for; one that did not wait yet goes on anyway."""
        thread = self.head.threads.get(thread_id)
        if thread is not None and thread.status == "waiting":
            thread.go_on(now_ms())
            self.records.append(thread_drafts.running(thread_id, thread.name, run))

    def _open_call(self, item: Input, position: int) -> Call:
        """The call an answer is for. Raises CallNotOpen, RepeatedAnswer."""
        name, call = item.call_field, self.head.calls.get(item.call_id or "")
        allowed_before = call is not None and call.worker and call.kind == "worker" and item.type == _CONFIRMATION
        if call is not None and call.kind != _ANSWERS[item.type] and not allowed_before:
            raise CallNotOpen(f"events.{position}.{name}: this call does not wait for a {item.type}", field=name)
        if call is None or allowed_before or call.answer is not None or self.head.interrupt is not None:
            raise RepeatedAnswer(item)
        return call

    def _hand_to_worker(self, call: Call) -> None:
        """An allowed call that a worker runs stays open until its result comes."""
        if call.worker and call.answer == "allow":
            call.kind, call.answer = "worker", None
            self._call_worker()

    def _go_on(self, answer_id: str | None, *, answered: bool) -> None:
        """``answered``: a thread has all it waited for. The run goes on, or goes on waiting for the other answers."""
        run = self.head.run
        if run is None:
            raise RuntimeError("a waiting session has a run")
        primary = run.thread is None
        if not answered and (remaining := self.head.unanswered):
            kinds = [self.head.calls[event_id].kind for event_id in remaining]
            stop = drafts.requires_action(remaining, kinds)
            self.head.stop_reason = stop
            idle = drafts.idle(
                run.id,
                self.head.agent_name,
                stop,
                usage_of(self.head),
                primary=primary,
                budget=budgets.shown(self.head),
            )
            self.records += idle
            return
        run.state = "queued"
        kind = (self.head.stop_reason or {}).get("action_type", "")
        self.head.status = "running"
        self.head.stop_reason = None
        self.head.active_since = now_ms()
        self.records.append(drafts.run_resumed(run.id, kind, answer_id))
        self.records += drafts.running(run.id, self.head.agent_name, primary=primary)
        self.rings = True

    def _interrupt(self, item: Input) -> None:
        event_id = item.id or new_id()
        run = self.head.run
        if item.thread is not None and not (run and run.thread == item.thread):
            self._interrupt_thread(item, item.thread, event_id)
            return
        if run is None:
            if self._manner.echo_idle_interrupt:
                self._record(item, None)
            return
        if run.state == "waiting":
            self._stop_waiting(item, event_id)
            return
        seq = self._first + len(self.records)
        if self.head.interrupt is not None:
            self._stop_again(item, self.head.interrupt, run.id, seq)
            return
        self.records.append(input_records.stop_asked(item, event_id, run.id, seq, self._manner.door))
        self.head.interrupt = Interrupt(event_id, seq, self._manner.drop_queued)
        self._remember(item, event_id)
        self.receipt.events.append(Accepted(event_id, item.type, item.data, None))
        self.receipt.interrupt = event_id
        self.rings = True

    def _stop_again(self, item: Input, asked: Interrupt, run: str, seq: int) -> None:
        """The run is about to stop already: recorded at once, and what it drops goes with the first request."""
        self._record(item, run)
        if self._manner.drop_queued:
            asked.drop_queued, asked.seq = True, seq
        self.receipt.interrupt = asked.id

    def _stop_waiting(self, item: Input, event_id: str) -> None:
        head = self.head
        run_id = head.run.id if head.run else ""
        self.records += close_calls(head, run_id)
        threads, rested = close_threads(head, run_id)
        self.records += threads
        self.rows += [self._store.thread_write(self._ref, thread) for thread in rested]
        self._record(Input(item.type, item.data, item.id or event_id), run_id)
        self.records += outcomes.interrupted(head.outcomes, run_id)
        self.records.append(interrupted_run(head, "interrupt"))
        self.rows += run_writes(self._ref, head, self.records[-1:])
        if self._manner.drop_queued:
            self._drop_waiting()
        self.records += leave(head, drafts.END_TURN, self._waiting)
        self.rings = self.rings or head.run is not None
        if head.run is not None:
            self._call_worker()

    def _interrupt_thread(self, item: Input, thread_id: str, event_id: str) -> None:
        """Stop one thread of another agent; its caller goes on with an error result."""
        if self._manner.drop_queued:
            self._drop_waiting(thread_id)
        thread = self.head.threads.get(thread_id)
        run = self.head.run.id if self.head.run else None
        if thread is None or run is None:
            if self._manner.echo_idle_interrupt:
                self._record(item, None, thread_id)
        elif thread.status == "waiting":
            self._stop_waiting_thread(item, thread, run)
        elif thread.interrupt is not None:
            self._record(item, run, thread_id)
            self.receipt.interrupt = thread.interrupt.id
        else:
            seq = self._first + len(self.records)
            self.records.append(input_records.stop_asked(item, event_id, run, seq, self._manner.door))
            thread.interrupt = Interrupt(event_id, seq, drop_queued=False)
            self._remember(item, event_id)
            self.receipt.events.append(Accepted(event_id, item.type, item.data, None, thread_id))
            self.receipt.interrupt = event_id
            self.rings = True

    def _stop_waiting_thread(self, item: Input, thread: Thread, run: str) -> None:
        self.records += close_thread_calls(self.head, thread.id, run, INTERRUPTED)
        self._record(item, run, thread.id)
        self.rows.append(self._store.thread_write(self._ref, self._rested(thread, run)))
        if self.head.waiting:
            self._go_on(None, answered=not self.head.unanswered)

    def _rested(self, thread: Thread, run: str) -> Thread:
        """Write that a waiting thread waits no more; its caller gets an error result."""
        rested, idle = put_to_rest(self.head, thread.id, drafts.END_TURN, run)
        self.records += idle
        self.records += caller_told(rested, drafts.text_blocks(INTERRUPTED), run, "cancelled")
        return rested

    def archive_thread(self, thread_id: str) -> Thread:
        """End a thread at rest, or one that waits for the client, for good; gives it as it then is.

        Raises ThreadNotFound, SessionEnded, ThreadRunning.
        """
        thread = self.head.threads.get(thread_id) or self._threads.get(thread_id)
        if thread is None:
            raise ThreadNotFound("the session has no such thread")
        if thread.archived_at is not None:
            return thread
        if self.head.ended:
            raise SessionEnded("the session is archived or terminated")
        run = self.head.run
        if thread.working or (run is not None and run.thread == thread_id and not self.head.waiting):
            raise ThreadRunning("the thread is running; interrupt it first")
        return self._archived(thread, run.id if run else "")

    def _archived(self, thread: Thread, run: str) -> Thread:
        waited = thread.id in self.head.threads
        if waited:
            self.records += close_thread_calls(self.head, thread.id, run, INTERRUPTED)
            thread = self._rested(thread, run)
        thread.archived_at = thread.updated_at = now_ms()
        self.head.open_threads -= thread.counted
        self.records.append(thread_drafts.terminated(thread.id, thread.name))
        self._drop_waiting(thread.id, "archive")
        self.rows.append(self._store.thread_write(self._ref, thread))
        if waited and self.head.waiting:
            self._go_on(None, answered=not self.head.unanswered)
        return thread

    def _drop_waiting(self, thread: str | None = None, cause: str = "interrupt") -> None:
        """Remove what waits, all of it or what is for one thread."""
        gone = [queued for queued in self._waiting if thread is None or queued.thread == thread]
        for queued in gone:
            self.head.queued -= 1
            self.records.append(input_records.removed(queued, cause, self.head.queued))
            self.rows.append(self._store.inbox_removal(self._ref, queued))
        self._waiting = [queued for queued in self._waiting if queued not in gone]


def _at(position: int) -> str:
    return f"events.{position}"


def _waiting(open_calls: list[str], position: int) -> WaitingForAnswers:
    return WaitingForAnswers(
        f"events.{position}: the session is waiting on responses to events [{', '.join(open_calls)}]; send "
        "user.tool_confirmation, user.custom_tool_result, user.tool_result or user.interrupt",
        field=f"events.{position}",
        details={"event_ids": open_calls},
    )
