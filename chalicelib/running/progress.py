"""How far a run has come since the session last rested: what it is at, and what it has cost."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from chalicelib.events import catalogue
from chalicelib.events.event import Event
from chalicelib.events.log import SessionLog, SessionRef

Kind = Literal["model", "tool", "judge", "summary"]
_SEGMENTS = 50
_END = 10**12
_TOTALS = "session.usage"
_ASIDE: dict[str, tuple[Kind, bool]] = {
    "span.outcome_evaluation_start": ("judge", True),
    "span.outcome_evaluation_end": ("judge", False),
    "span.compaction_summarize_start": ("summary", True),
    "span.compaction_summarize_end": ("summary", False),
}
_SPENDS = frozenset({"span.model_request_end", "span.compaction_summarize_end", "span.outcome_evaluation_end"})


@dataclass(frozen=True, slots=True)
class Doing:
    """What is under way: a call of that model or tool, a judgement or a summary; ``since`` in milliseconds."""

    kind: Kind
    name: str
    since: int


@dataclass(frozen=True, slots=True)
class Progress:
    """What a run is at, the longest first, and what its finished model calls cost in US dollars."""

    doing: tuple[Doing, ...] = ()
    cost: Decimal = Decimal(0)


def progress(newest_first: Iterable[Event]) -> Progress:
    """What the records tell, read back to the last totals."""
    doing: list[Doing] = []
    cost, over = Decimal(0), set[str]()
    for event in newest_first:
        if event.type == _TOTALS:
            break
        if event.type in _SPENDS:
            cost += Decimal((event.private or {}).get("cost") or 0)
        if (begun := _begun(event, over)) is not None:
            doing.append(begun)
    return Progress(tuple(reversed(doing)), cost)


def _begun(event: Event, over: set[str]) -> Doing | None:
    """What begins with a record, unless a later one ended it: those stand in ``over``."""
    if event.type == catalogue.STEP_FINISHED:
        over.add(event.data["step_id"])
    elif event.type == catalogue.STEP_STARTED and event.data["step_id"] not in over:
        return Doing(event.data["kind"], event.data["name"], event.at)
    kind, starts = _ASIDE.get(event.type, (None, False))
    if kind is None or kind in over:
        return None
    over.add(kind)
    return Doing(kind, "", event.at) if starts else None


def progress_of(log: SessionLog, ref: SessionRef) -> Progress:
    """That of a session at work. A run makes only so many steps, so that what is read is bounded."""
    return progress(_back(log, ref))


def _back(log: SessionLog, ref: SessionRef) -> Iterator[Event]:
    before = _END
    while events := log.read_back(ref, before, _SEGMENTS):
        yield from events
        before = events[-1].seq
