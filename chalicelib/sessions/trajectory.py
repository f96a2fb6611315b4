"""A session's log summed up: what came of it, and how much was done."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from chalicelib.events.event import Event
from chalicelib.sessions.model import Head

Outcome = Literal["success", "failure", "timeout", "interrupted", "running"]
_RUNNING, _IDLE = "session.status_running", "session.status_idle"
_TIMED_OUT = "run_timeout_error"


@dataclass(frozen=True, slots=True)
class Summary:
    """Counts over a log; ``duration_ms`` is from its first record to its last."""

    num_events: int
    num_turns: int
    num_tool_calls: int
    num_tool_errors: int
    num_threads: int
    duration_ms: int


def summary(events: Sequence[Event]) -> Summary:
    """What a log amounts to."""
    kinds = [event.type for event in events]
    return Summary(
        num_events=len(events),
        num_turns=kinds.count(_RUNNING),
        num_tool_calls=sum(kind.endswith("tool_use") for kind in kinds),
        num_tool_errors=sum(
            event.type.endswith("tool_result") and bool(event.data.get("is_error")) for event in events
        ),
        num_threads=1 + kinds.count("session.thread_created"),
        duration_ms=events[-1].at - events[0].at if events else 0,
    )


def outcome(head: Head, events: Sequence[Event]) -> Outcome:
    """What came of the latest turn; one that waits for its client still runs."""
    if head.run is not None and not head.ended:
        return "running"
    if interrupted(reversed(events)):
        return "interrupted"
    stop = (head.stop_reason or {}).get("type", "end_turn")
    if stop == "end_turn":
        return "success"
    return "timeout" if (head.last_error or {}).get("type") == _TIMED_OUT else "failure"


def interrupted(newest_first: Iterable[Event]) -> bool:
    """Whether the latest turn was stopped by a client."""
    ended = False
    for event in newest_first:
        ended = ended or event.type == _IDLE
        if event.type == _RUNNING:
            return False
        if ended and event.type == "user.interrupt":
            return True
    return False


def reward(head: Head) -> float | None:
    """1 where the latest decided outcome was achieved, 0 where not; None where nothing was to be achieved."""
    decided = [one for one in head.outcomes if not one.active]
    return float(decided[-1].result == "satisfied") if decided else None
