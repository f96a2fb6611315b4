"""Decides what a request's inputs do to a session: records, inbox rows and the new head, as one atomic step.

Each input is judged as if those before it had taken effect; one bad input refuses them all.
"""

from copy import deepcopy
from typing import Any

from chalicelib.core.clock import now_ms
from chalicelib.core.ids import new_id
from chalicelib.events import drafts
from chalicelib.events.event import Draft
from chalicelib.events.log import SessionRef
from chalicelib.sessions import input_records
from chalicelib.sessions.closing import close_calls, interrupted_run, leave
from chalicelib.sessions.errors import BadInput, CallNotOpen, SessionEnded, WaitingForAnswers
from chalicelib.sessions.inputs import Accepted, Input, Manner, Receipt
from chalicelib.sessions.model import Call, Head, Interrupt, Policy, QueuedInput
from chalicelib.sessions.store import Loaded, SessionStore, inbox_sk
from chalicelib.sessions.usage import usage_of
from chalicelib.sessions.workers import Workers
from chalicelib.storage.writes import Write

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

    def __init__(self, store: SessionStore, ref: SessionRef, loaded: Loaded, manner: Manner, workers: Workers) -> None:
        self._store = store
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
        if item.type == "user.message":
            self._message(item, position)
        elif item.type == "user.interrupt":
            self._interrupt(item)
        elif item.type in _ANSWERS:
            self._answer(item, position)
        elif item.type == "system.message":
            self._system(item, position)
        else:
            raise BadInput(
                f"events.{position}.type: {item.type!r} cannot be sent here", field=f"events.{position}.type"
            )

    def _message(self, item: Input, position: int) -> None:
        if (open_calls := self.head.unanswered) and self.head.interrupt is None:
            raise _waiting(open_calls, position)
        self._enqueue(item)

    def _enqueue(self, item: Input) -> None:
        now = now_ms()
        fresh = self.head.run is None
        policy: Policy = "steer" if item.type == "system.message" else self._manner.policy
        run = self._run_for(fresh, policy)
        event_id = item.id or new_id()
        self.head.queued += 1
        seq = self._first + len(self.records)
        door = self._manner.door
        queued = QueuedInput(inbox_sk(seq), event_id, item.type, item.data, policy, run, seq, now, door)
        self.records.append(input_records.queued(queued, self.head.queued))
        self.rows.append(self._store.inbox_write(self._ref, queued))
        self._remember(item, event_id)
        if fresh:
            self._start(run, event_id, now)
        elif policy == "queue":
            self.records.append(drafts.run_queued(run, self.head.agent_name, event_id))
        self.rings = True
        self.receipt.events.append(Accepted(event_id, item.type, item.data, None))

    def _run_for(self, fresh: bool, policy: Policy) -> str:
        if fresh or policy == "queue":
            self.head.last_queued_run = new_id()
            return self.head.last_queued_run
        running = self.head.run.id if self.head.run else new_id()
        return self.head.last_queued_run or running

    def _start(self, run: str, trigger: str | None, now: int) -> None:
        self.head.begin_run(run, now)
        self.records.append(drafts.run_queued(run, self.head.agent_name, trigger))
        self.records += drafts.running(run, self.head.agent_name)
        self._call_worker()

    def _call_worker(self) -> None:
        """See to it that a worker is on the way, where workers run the tools."""
        if self.head.self_hosted and not self._called:
            self._called = True
            self.rows += self._workers.wanted(self._ref, self.head.environment_id)

    def _remember(self, item: Input, event_id: str) -> None:
        if item.id is not None:
            document = {"type": item.type, "data": item.data}
            self.rows.append(self._store.mark_write(self._ref, event_id, document))

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

    def _record(self, item: Input, run: str | None, **more: Any) -> str:
        event_id = item.id or new_id()
        data = item.data | more
        self.records.append(Draft(item.type, data, id=event_id, run=run))
        self._remember(item, event_id)
        self.receipt.events.append(Accepted(event_id, item.type, data, now_ms()))
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
        event_id = self._record(item, run)
        if call.kind == "confirmation":
            self.records.append(drafts.permission_answered(item.call_id or "", call.answer, event_id, run))
            self._hand_to_worker(call)
        if self.head.waiting:
            self._go_on(event_id)

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

    def _go_on(self, answer_id: str) -> None:
        run = self.head.run
        if run is None:
            raise RuntimeError("a waiting session has a run")
        if remaining := self.head.unanswered:
            kinds = [self.head.calls[event_id].kind for event_id in remaining]
            stop = drafts.requires_action(remaining, kinds)
            self.head.stop_reason = stop
            self.records += drafts.idle(run.id, self.head.agent_name, stop, usage_of(self.head))
            return
        run.state = "queued"
        kind = (self.head.stop_reason or {}).get("action_type", "")
        self.head.status = "running"
        self.head.stop_reason = None
        self.head.active_since = now_ms()
        self.records.append(drafts.run_resumed(run.id, kind, answer_id))
        self.records += drafts.running(run.id, self.head.agent_name)
        self.rings = True

    def _interrupt(self, item: Input) -> None:
        event_id = item.id or new_id()
        run = self.head.run
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
        self._record(Input(item.type, item.data, item.id or event_id), run_id)
        self.records.append(interrupted_run(head, "interrupt"))
        if self._manner.drop_queued:
            self._drop_waiting()
        self.records += leave(head, drafts.END_TURN, self._waiting)
        self.rings = self.rings or head.run is not None
        if head.run is not None:
            self._call_worker()

    def _drop_waiting(self) -> None:
        for queued in self._waiting:
            self.head.queued -= 1
            self.records.append(input_records.removed(queued, "interrupt", self.head.queued))
            self.rows.append(self._store.inbox_removal(self._ref, queued))
        self._waiting = []


def _waiting(open_calls: list[str], position: int) -> WaitingForAnswers:
    return WaitingForAnswers(
        f"events.{position}: the session is waiting on responses to events [{', '.join(open_calls)}]; send "
        "user.tool_confirmation, user.custom_tool_result, user.tool_result or user.interrupt",
        field=f"events.{position}",
        details={"event_ids": open_calls},
    )
