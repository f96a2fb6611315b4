"""What a log amounts to, and what came of its latest turn."""

from typing import Any

import pytest

from chalicelib.events.event import Event
from chalicelib.sessions.model import Head, RunMark
from chalicelib.sessions.outcomes import Outcome
from chalicelib.sessions.trajectory import interrupted, outcome, reward, summary

RUNNING, IDLE, STOP = "session.status_running", "session.status_idle", "user.interrupt"


def log(*kinds: str) -> list[Event]:
    """Records of these types, a second apart."""
    failed: dict[str, Any] = {"is_error": True}
    return [
        Event(number, number * 1000, kind, failed if kind == "agent.tool_result" else {}, str(number))
        for number, kind in enumerate(kinds, 1)
    ]


def head(**fields: Any) -> Head:
    """A head that rests."""
    basis = {"id": "s", "agent_id": "a", "agent_version": 1, "agent_name": "A", "environment_id": "e"}
    return Head(**(basis | {"created_at": 0, "updated_at": 0} | fields))


def test_a_log_is_counted() -> None:
    told = summary(log(RUNNING, "agent.tool_use", "agent.tool_result", "agent.mcp_tool_use", IDLE, RUNNING, IDLE))
    assert (told.num_events, told.num_turns, told.num_tool_calls, told.num_tool_errors) == (7, 2, 2, 1)
    assert (told.num_threads, told.duration_ms) == (1, 6000)
    assert summary([]).duration_ms == 0


@pytest.mark.parametrize(
    ("kinds", "stopped"),
    [
        ((), False),
        ((RUNNING, IDLE), False),
        ((RUNNING, STOP, IDLE), True),
        ((RUNNING, IDLE, STOP), False),
        ((RUNNING, STOP, IDLE, RUNNING, IDLE), False),
    ],
)
def test_only_an_interrupt_of_the_latest_turn_counts(kinds: tuple[str, ...], stopped: bool) -> None:
    assert interrupted(reversed(log(*kinds))) is stopped


def test_the_outcome_follows_from_how_the_turn_stopped() -> None:
    exhausted = {"type": "retries_exhausted"}
    assert outcome(head(run=RunMark("r")), []) == "running"
    assert outcome(head(), []) == "success"
    assert outcome(head(stop_reason={"type": "end_turn"}), log(RUNNING, STOP, IDLE)) == "interrupted"
    assert outcome(head(stop_reason=exhausted), log(RUNNING, IDLE)) == "failure"
    late = head(stop_reason=exhausted, last_error={"type": "run_timeout_error", "message": "late"})
    assert outcome(late, log(RUNNING, IDLE)) == "timeout"


def test_the_latest_decided_outcome_is_the_reward() -> None:
    good, bad = Outcome("1", "x", 1, result="satisfied"), Outcome("2", "x", 2, result="failed")
    assert reward(head()) is None
    assert reward(head(outcomes=[Outcome("1", "x", 1)])) is None
    assert reward(head(outcomes=[bad, good])) == 1
    assert reward(head(outcomes=[good, bad])) == 0
