"""A session's log read as items and as turns of its own agent, from either end, no further than a page needs."""

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from chalicelib.core.errors import NotFound
from chalicelib.doors.openai.calls import newest_first
from chalicelib.doors.openai.render import items as render
from chalicelib.events.event import Event
from chalicelib.events.log import SessionLog, SessionRef

QUEUED, RESUMED, FINISHED, WAITING = "run.queued", "run.resumed", "run.finished", "run.waiting"
BEGUN = frozenset({"run.claimed", "run.started"})


@dataclass(frozen=True, slots=True)
class Turn:
    """What is known of a turn; times are milliseconds."""

    id: str
    created_at: int
    started_at: int | None = None
    status: str = "queued"
    finished: Event | None = None

    def after(self, event: Event) -> "Turn":
        """The turn after one of its records."""
        if event.type == FINISHED:
            return replace(self, status=_ended(event), finished=event)
        if event.type in BEGUN or event.type == RESUMED:
            return replace(self, status="in_progress", started_at=self.started_at or event.at)
        return replace(self, status="waiting") if event.type == WAITING else self


def _ended(event: Event) -> str:
    return {"completed": "completed", "cancelled": "cancelled"}.get(event.data["status"], "failed")


@dataclass(slots=True)
class _Waiting:
    """An item that may lack its result."""

    event: Event
    result: Event | None = field(default=None)

    @property
    def ready(self) -> bool:
        return self.event.type not in render.USES or self.result is not None


class History:
    """Reads one session's log."""

    def __init__(self, log: SessionLog, ref: SessionRef) -> None:
        self._log = log
        self._ref = ref

    def items(self, order: str, run: str | None = None) -> Iterator[dict[str, Any]]:
        """All items, or those of one turn. Raises NotFound for a turn that is not there."""
        if run is None:
            source = self._log.walk(self._ref) if order == "asc" else newest_first(self._log, self._ref)
        else:
            source = self._of_turn(run, order)
        own = (event for event in source if event.thread is None)
        yield from items_up(own) if order == "asc" else items_down(own)

    def turns(self, order: str) -> Iterator[Turn]:
        """All turns, by when they were asked for."""
        yield from self._turns_up() if order == "asc" else self._turns_down()

    def turn(self, run: str) -> Turn:
        """One turn. Raises NotFound."""
        events = list(self._of_turn(run, "asc"))
        return _folded(events[0], events[1:])

    def events_of(self, run: str) -> list[Event]:
        """All records of a turn. Raises NotFound."""
        return list(self._of_turn(run, "asc"))

    def _of_turn(self, run: str, order: str) -> Iterator[Event]:
        found: list[Event] = []
        for event in newest_first(self._log, self._ref):
            if event.run == run:
                found.append(event)
                if event.type == QUEUED:
                    return iter(found[::-1] if order == "asc" else found)
        raise NotFound("the session has no such turn")

    def _turns_down(self) -> Iterator[Turn]:
        later: dict[str, list[Event]] = {}
        for event in newest_first(self._log, self._ref):
            if event.type == QUEUED and event.run is not None:
                yield _folded(event, later.pop(event.run, [])[::-1])
            elif event.run is not None and event.type.startswith("run."):
                later.setdefault(event.run, []).append(event)

    def _turns_up(self) -> Iterator[Turn]:
        waiting: dict[str, Turn] = {}
        for event in self._log.walk(self._ref):
            if event.type == QUEUED and event.run is not None:
                waiting[event.run] = Turn(event.run, event.at)
            elif event.run in waiting:
                waiting[event.run] = waiting[event.run].after(event)
                while waiting and (first := next(iter(waiting.values()))).finished is not None:
                    yield waiting.pop(first.id)
        yield from waiting.values()


def _folded(first: Event, later: Iterable[Event]) -> Turn:
    turn = Turn(first.run or "", first.at)
    for event in later:
        turn = turn.after(event)
    return turn


def items_down(events: Iterable[Event]) -> Iterator[dict[str, Any]]:
    """The items of records that come newest first."""
    results: dict[str, Event] = {}
    for event in events:
        if (use := render.answered(event)) is not None:
            results[use] = event
        if render.is_item(event):
            yield render.item(event, results.pop(event.id, None))


def items_up(events: Iterable[Event]) -> Iterator[dict[str, Any]]:
    """The items of records that come oldest first, each once it has its result."""
    line: deque[_Waiting] = deque()
    open_uses: dict[str, _Waiting] = {}
    for event in events:
        use = render.answered(event)
        if use is not None and use in open_uses:
            open_uses.pop(use).result = event
        if render.is_item(event):
            line.append(_Waiting(event))
            if event.type in render.USES:
                open_uses[event.id] = line[-1]
        while line and line[0].ready:
            first = line.popleft()
            yield render.item(first.event, first.result)
    for left in line:
        yield render.item(left.event, left.result)
