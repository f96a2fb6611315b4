"""The conversation of one subagent, which is a thread of its session's log, read as items and as turns."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import groupby

from chalicelib.core.errors import NotFound
from chalicelib.doors.openai.calls import newest_first
from chalicelib.doors.openai.reading import Turn, items_down, items_up
from chalicelib.doors.openai.render.items import Item
from chalicelib.events.event import Event
from chalicelib.events.log import SessionLog, SessionRef
from chalicelib.sessions.model import Thread

_ASKED = "span.model_request_start"
_ANSWERED = "span.model_request_end"
_RESTED = "session.thread_status_idle"
_ENDINGS = {"end_turn": "completed", "requires_action": "waiting"}


class Strand:
    """Reads one thread. What it does in one run of the session is one turn of its own."""

    def __init__(self, log: SessionLog, ref: SessionRef, thread: Thread) -> None:
        self._log = log
        self._ref = ref
        self._thread = thread

    def items(self, order: str, run: str | None = None) -> Iterator[Item]:
        """All items, or those of one turn. Raises NotFound for a turn that is not there."""
        events = self._records(order) if run is None else iter(self._of_turn(run)[:: 1 if order == "asc" else -1])
        return items_up(events) if order == "asc" else items_down(events)

    def turns(self, order: str) -> Iterator[Turn]:
        """All turns, by their beginning."""
        of_turns = (event for event in self._records(order) if event.run is not None)
        for _, records in groupby(of_turns, key=lambda event: event.run):
            found = list(records)
            yield _turn(found if order == "asc" else found[::-1])

    def turn(self, run: str) -> Turn:
        """One turn. Raises NotFound."""
        return _turn(self._of_turn(run))

    def _of_turn(self, run: str) -> list[Event]:
        found = [event for event in self._records("asc") if event.run == run]
        if not found:
            raise NotFound("the subagent has no such turn")
        return found

    def _records(self, order: str) -> Iterator[Event]:
        for event in self._up() if order == "asc" else self._down():
            if event.thread == self._thread.id:
                yield event

    def _up(self) -> Iterator[Event]:
        return self._log.walk(self._ref, max(self._thread.first - 1, 0))

    def _down(self) -> Iterator[Event]:
        for event in newest_first(self._log, self._ref):
            if event.seq < self._thread.first:
                return
            yield event


def _turn(records: Sequence[Event]) -> Turn:
    first = records[0]
    turn, error = Turn(first.run or "", first.at, first.at, "in_progress"), None
    for event in records:
        if event.type == _ASKED:
            turn = replace(turn, status="in_progress", finished=None)
        elif event.type == "session.error":
            error = event.data["error"]
        elif event.type == _RESTED:
            status = _ENDINGS.get(event.data["stop_reason"]["type"], "failed")
            told = replace(event, data={"error": error, "usage": _usage(records)})
            turn = replace(turn, status=status, finished=None if status == "waiting" else told)
    return turn


def _usage(records: Sequence[Event]) -> dict[str, int]:
    """The tokens that the model calls took."""
    counted: dict[str, int] = {}
    for event in records:
        if event.type == _ANSWERED:
            for name, count in (event.data.get("model_usage") or {}).items():
                counted[name] = counted.get(name, 0) + (count if isinstance(count, int) else 0)
    return counted
