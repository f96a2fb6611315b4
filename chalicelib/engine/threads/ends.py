"""How the turn of another agent's thread stops: each is one atomic change, which also tells the caller."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from chalicelib.core.clock import now_ms
from chalicelib.engine import billing
from chalicelib.events import drafts, thread_drafts
from chalicelib.events.catalogue import PRIMARY_THREAD
from chalicelib.events.event import Draft
from chalicelib.events.projections.conversation import Conversation
from chalicelib.runs.errors import LeaseLost
from chalicelib.runs.pen import Change
from chalicelib.runs.thread_pen import ThreadPen
from chalicelib.sessions.closing import INTERRUPTED
from chalicelib.sessions.inbox import due_of
from chalicelib.sessions.model import Call, Head, Interrupt, QueuedInput, Thread
from chalicelib.sessions.resting import caller_told, put_to_rest
from chalicelib.tools.base import ToolOutput
from chalicelib.tools.output import finished

_SILENT = "(The agent finished without a word.)"
Blocks = list[dict[str, Any]]


class Ends:
    """The endings of one thread's job."""

    def __init__(self, pen: ThreadPen, thread: Thread) -> None:
        self._pen = pen
        self.thread_id = thread.id
        self.agent_name = thread.name

    @property
    def thread(self) -> Thread:
        """The thread as the head has it. Raises LeaseLost when it is not at work any more."""
        found = self._pen.head.threads.get(self.thread_id)
        if found is None:
            raise LeaseLost
        return found

    @property
    def asked(self) -> Interrupt | None:
        """A request to stop this thread alone."""
        return self.thread.interrupt

    def finish(self, extra: Sequence[Draft], run: str, refusal: str | None) -> None:
        """The model has nothing more to do; with a ``refusal`` it did not do what it was asked."""
        if refusal is not None:
            text = f"Error: the agent refused to go on. {refusal}".rstrip()
            self._over(lambda _head: list(extra), {"type": "refusal"}, drafts.text_blocks(text), run, is_error=True)
            return
        words = _last_words(extra, self._pen.conversation)
        self._over(lambda _head: list(extra), drafts.END_TURN, words, run, is_error=False)

    def fail(self, closed: Callable[[Head], list[Draft]], run: str, kind: str, message: str, retry: str) -> None:
        """The thread cannot go on; the caller is told and goes on."""
        error = drafts.session_error(kind, message, retry=retry, run=run)
        text = drafts.text_blocks(f"Error: the agent failed: {message}")
        self._over(lambda head: [*closed(head), error], drafts.RETRIES_EXHAUSTED, text, run, is_error=True)

    def interrupt(self, extra: Sequence[Draft], closed: Callable[[Head], list[Draft]], run: str) -> None:
        """Stop this thread if it was asked to; when all stop, only write what was under way: the rest is closed
        together with the run."""
        if self.asked is None:
            self.hand_on(extra)
            return
        told = drafts.text_blocks(INTERRUPTED)
        self._over(lambda head: [*extra, *closed(head)], drafts.END_TURN, told, run, is_error=True)

    def hand_on(self, extra: Sequence[Draft]) -> None:
        """Leave the thread as it is to whoever goes on with the run."""
        if extra:
            self._pen.append(extra)

    def wait(self, extra: Sequence[Draft], calls: dict[str, Call], run: str) -> bool:
        """Leave the thread to the client's answers, unless all came meanwhile; whether it waits now."""
        waits = True

        def plan(head: Head, _inbox: list[QueuedInput]) -> Change:
            nonlocal waits
            for event_id, call in calls.items():
                head.calls.setdefault(event_id, replace(call, thread=self.thread_id))
            unanswered, thread = head.unanswered_of(self.thread_id), head.threads[self.thread_id]
            waits = bool(unanswered) and head.interrupt is None and thread.interrupt is None
            if not waits:
                kind = drafts.action_type([call.kind for call in calls.values()])
                return Change(head, [*extra, drafts.run_resumed(run, kind, None)], due=due_of(head, now_ms()))
            stop = drafts.requires_action(unanswered, [head.calls[event_id].kind for event_id in unanswered])
            self._bill(thread, extra)
            thread.rest(stop, now_ms())
            records = [*extra, *thread_drafts.idle(thread.id, thread.name, stop, run)]
            return Change(head, records, due=due_of(head, now_ms()))

        self._pen.commit(plan)
        return waits

    def reschedule(self, ended: Sequence[Draft], run: str) -> None:
        """Show that another try is to come."""

        def plan(head: Head, _inbox: list[QueuedInput]) -> Change:
            thread = head.threads[self.thread_id]
            thread.status = "rescheduling"
            note = thread_drafts.rescheduled(thread.id, thread.name, run)
            return Change(head, [*ended, note], due=due_of(head, now_ms()))

        self._pen.commit(plan)

    def running_again(self, started: Sequence[Draft]) -> None:
        """Write the intent of the next try."""
        if self.thread.status != "rescheduling":
            self._pen.append(started)
            return

        def plan(head: Head, _inbox: list[QueuedInput]) -> Change:
            head.threads[self.thread_id].status = "running"
            return Change(head, list(started), due=due_of(head, now_ms()))

        self._pen.commit(plan)

    def forget_before(self, head: Head, seq: int) -> None:
        """Reading the thread's turns anew begins here from now on. Changes the head."""
        thread = head.threads[self.thread_id]
        turns = thread.turns
        thread.turns = [
            max(turn, seq)
            for turn, after in zip(turns, [*turns[1:], None], strict=True)
            if after is None or after > seq
        ]

    def _bill(self, thread: Thread, extra: Sequence[Draft]) -> None:
        billing.add_to(thread.totals, *billing.spent(self._pen.conversation, extra)[:2])

    def _over(
        self, own: Callable[[Head], list[Draft]], stop: dict[str, Any], content: Blocks, run: str, *, is_error: bool
    ) -> None:
        content = finished(ToolOutput(content)).content

        def plan(head: Head, _inbox: list[QueuedInput]) -> Change:
            written = own(head)
            if (asked := head.threads[self.thread_id].interrupt) is not None:
                written.append(Draft("user.interrupt", {}, id=asked.id, run=run))
            self._bill(head.threads[self.thread_id], written)
            thread, idle = put_to_rest(head, self.thread_id, stop, run)
            told = caller_told(thread, content, run, "failed" if is_error else "completed")
            if not is_error:
                sent = thread_drafts.sent(PRIMARY_THREAD, None, content, run)
                written.append(sent)
                mark = thread_drafts.NEWS if thread.use is None else None
                told.append(thread_drafts.received(thread.id, thread.name, content, run, cause=sent.id, mark=mark))
            records = [*thread_drafts.belonging(thread.id, [*written, *idle]), *told]
            return Change(head, records, due=due_of(head, now_ms()), more=[self._pen.thread_write(thread)])

        self._pen.whole.commit(plan)


def _last_words(extra: Sequence[Draft], conversation: Conversation) -> Blocks:
    said = [block for draft in extra if draft.type == "agent.message" for block in draft.data["content"]]
    if not said and conversation.messages and conversation.messages[-1]["role"] == "assistant":
        said = [block for block in conversation.messages[-1]["content"] if block["type"] == "text"]
    return said or drafts.text_blocks(_SILENT)
