"""The pen as one thread of another agent holds it."""

from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any

from chalicelib.events.event import Draft, Event
from chalicelib.events.thread_drafts import belonging
from chalicelib.runs.pen import Change, Pen, Planned
from chalicelib.sessions.model import Head, QueuedInput


class ThreadPen(Pen):
    """Its records belong to the thread, and its ``conversation`` is the thread's own; all else is the run's pen."""

    def __init__(self, pen: Pen, thread: str) -> None:
        self.whole = pen
        self.thread = thread
        self.conversation = pen.conversation.children[thread]
        self.inbox = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self.whole, name)

    def commit(self, plan: Planned) -> list[Event]:
        """As the run's pen does; the plan's records become the thread's."""

        def planned(head: Head, inbox: list[QueuedInput]) -> Change | None:
            change = plan(head, inbox)
            if change is not None:
                change.records = belonging(self.thread, change.records)
            return change

        return self.whole.commit(planned)

    def append_chosen(self, choose: Callable[[], Sequence[Draft]]) -> list[Event]:
        """As the run's pen does; the records become the thread's."""
        return self.whole.append_chosen(lambda: belonging(self.thread, list(choose())))

    @property
    def unbilled(self) -> Decimal:
        """As the run's pen: a budget is the whole session's."""
        return self.whole.unbilled

    def catch_up(self) -> bool:
        """Take in what others wrote; whether there was anything."""
        return self.whole.catch_up()
