"""The log in a bundle: read record by record, and held against all that a log of this server keeps to."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import InvalidOperation
from typing import Any

from pydantic_core import from_json

from chalicelib.bundles.archives import Archive
from chalicelib.bundles.errors import BadBundle, bad
from chalicelib.bundles.model import EVENTS, MOST_RECORD_BYTES, MOST_RECORDS
from chalicelib.bundles.naming import named_files
from chalicelib.bundles.records import BadRecord, restored
from chalicelib.core.clock import now_ms
from chalicelib.events import catalogue
from chalicelib.events.event import Event
from chalicelib.events.projections.conversation import Conversation
from chalicelib.forks.copying import Copied
from chalicelib.forks.points import keeps_rest, rests
from chalicelib.sessions import outcomes
from chalicelib.sessions.outcomes import Outcome

_AHEAD_MS = 86_400_000
"""So far may another server's clock be ahead of this one's."""
_USE, _CUSTOM_USE, _MCP_USE = "agent.tool_use", "agent.custom_tool_use", "agent.mcp_tool_use"
_CALLS = frozenset((_USE, _CUSTOM_USE, _MCP_USE))
_RESULTS = {
    # It also closes a call that the client did not answer in time.
    "agent.tool_result": ("tool_use_id", (_USE, _CUSTOM_USE)),
    "agent.mcp_tool_result": ("mcp_tool_use_id", (_MCP_USE,)),
    "user.custom_tool_result": ("custom_tool_use_id", (_CUSTOM_USE,)),
    "user.tool_result": ("tool_use_id", (_USE,)),
}
_BROKEN = (LookupError, TypeError, ValueError, AttributeError, InvalidOperation)


@dataclass(slots=True)
class ThreadFacts:
    """What a log says of a thread: the numbers of the records with which it began to work."""

    began: list[int] = field(default_factory=list)


@dataclass(slots=True)
class LogFacts:
    """What a log that is sound amounts to. ``rested`` is the record that said that the session rests."""

    copied: Copied = field(default_factory=Copied)
    rested: Event | None = None
    fence: int = 0
    outcomes: list[Outcome] = field(default_factory=list)
    threads: dict[str, ThreadFacts] = field(default_factory=dict)
    named: set[str] = field(default_factory=set)


def records(archive: Archive) -> Iterator[Event]:
    """The records of a bundle's log, each of the form of its type. Raises BadBundle."""
    return (event for event, _ in sized_records(archive))


def sized_records(archive: Archive) -> Iterator[tuple[Event, int]]:
    """As ``records``, each with the bytes it takes there."""
    for number, line in enumerate(archive.lines(EVENTS, MOST_RECORD_BYTES), 1):
        try:
            yield restored(from_json(line, allow_inf_nan=False)), len(line)
        except BadRecord as error:
            raise _bad(number, str(error)) from error
        except (ValueError, RecursionError) as error:
            raise _bad(number, "is no JSON") from error


def _bad(number: int, reason: str) -> BadBundle:
    return bad(EVENTS, f"record {number}: {reason}")


def check(archive: Archive) -> LogFacts:
    """Read the whole log. Raises BadBundle naming the first record at fault."""
    checker = _Checker()
    for event in records(archive):
        checker.meet(event)
    return checker.end()


class _Checker:
    """Meets the records in order."""

    def __init__(self) -> None:
        self._facts = LogFacts()
        self._ids: set[str] = set()
        self._calls: dict[str, tuple[str, str | None]] = {}
        self._conversation = Conversation()
        self._resting = True
        self._latest = now_ms() + _AHEAD_MS

    def meet(self, event: Event) -> None:
        """Raises BadBundle."""
        met = self._facts.copied
        if event.seq != met.seq + 1:
            raise _bad(met.seq + 1, f"has the number {event.seq}")
        if event.seq > MOST_RECORDS:
            raise bad(EVENTS, f"a log has at most {MOST_RECORDS} records here")
        if not met.at <= event.at <= self._latest:
            raise _bad(event.seq, "its time is before that of the one before it, or in the future")
        if event.id in self._ids:
            raise _bad(event.seq, "its id is that of another record")
        self._ids.add(event.id)
        self._thread(event)
        self._call(event)
        self._fold(event)
        self._rest(event)
        self._note(event)
        met.meet(event)

    def end(self) -> LogFacts:
        """What was met. Raises BadBundle when something is left open."""
        last = self._facts.copied.seq
        if not self._resting:
            raise _bad(last, "the log ends while the session is at work")
        left = self._conversation
        if left.pending or left.open_span is not None or left.evaluation is not None or left.children:
            raise _bad(last, "the log ends with a call that has no end")
        return self._facts

    def _thread(self, event: Event) -> None:
        known = self._facts.threads
        if event.type == "session.thread_created":
            made = event.data["session_thread_id"]
            if made in known or made == catalogue.PRIMARY_THREAD:
                raise _bad(event.seq, "makes a thread that is there already")
            known[made] = ThreadFacts()
        if event.thread is not None and event.thread not in known:
            raise _bad(event.seq, "is of a thread that was not made")
        if event.type == "session.thread_status_running" and event.thread is not None:
            known[event.thread].began.append(event.seq)

    def _call(self, event: Event) -> None:
        if event.type in _CALLS:
            self._calls[event.id] = (event.type, event.thread)
        elif event.type in _RESULTS:
            name, kinds = _RESULTS[event.type]
            kind, thread = self._calls.get(event.data[name], ("", None))
            if kind not in kinds or thread != event.thread:
                raise _bad(event.seq, "is the result of a call that was not made")

    def _fold(self, event: Event) -> None:
        if event.type == "agent.thread_context_compacted" and (event.private or {})["kept_from"] > event.seq:
            raise _bad(event.seq, "keeps what comes behind it")
        try:
            self._conversation.apply(event)
        except _BROKEN as error:
            raise _bad(event.seq, "does not fit to those before it") from error

    def _rest(self, event: Event) -> None:
        if rests(event):
            self._resting, self._facts.rested = True, event
        elif not keeps_rest(event):
            self._resting = False

    def _note(self, event: Event) -> None:
        self._facts.named.update(named_files(event))
        if event.type == catalogue.RUN_CLAIMED:
            self._facts.fence = max(self._facts.fence, event.data["fence"])
        elif event.type == "user.define_outcome":
            self._facts.outcomes = outcomes.kept([*self._facts.outcomes, _outcome(event)])
        elif event.type == "span.outcome_evaluation_end":
            _judge(self._facts.outcomes, event)


def _outcome(event: Event) -> Outcome:
    data: dict[str, Any] = event.data
    return Outcome(data["outcome_id"], data["description"], event.seq, data["max_iterations"])


def _judge(known: list[Outcome], event: Event) -> None:
    """An outcome that is decided; of one that is not nothing is kept but what it is, as in a fork."""
    data = event.data
    for outcome in known:
        if outcome.id == data["outcome_id"] and data["result"] != "needs_revision":
            outcome.iteration, outcome.result = data["iteration"], data["result"]
            outcome.explanation, outcome.completed_at = data["explanation"], event.at
