"""What of a log is said elsewhere: the last message of each turn that was begun there, once the turn is over."""

from typing import Any

from chalicelib.events.event import Event
from chalicelib.integrations.turns import FAILED, Reply, replies

PLACE = {"channel": "C"}


def log(*rows: tuple[str, str, dict[str, Any]]) -> list[Event]:
    """Records of (run, type, data)."""
    return [Event(seq, seq, kind, data, f"e{seq}", run) for seq, (run, kind, data) in enumerate(rows, 1)]


def asked(run: str, place: dict[str, str] | None = PLACE) -> tuple[str, str, dict[str, Any]]:
    """A message, from the provider if it has a place."""
    return run, "user.message", {"metadata": {"type": "integration", "place": place}} if place else {}


def said(run: str, text: str) -> tuple[str, str, dict[str, Any]]:
    """A message of the agent."""
    return run, "agent.message", {"content": [{"type": "text", "text": text}]}


def over(run: str, status: str = "completed") -> tuple[str, str, dict[str, Any]]:
    """The end of a turn."""
    return run, "run.finished", {"status": status}


def told(*rows: tuple[str, str, dict[str, Any]]) -> list[tuple[int, str, dict[str, str] | None]]:
    """Place in the log, text and where to."""
    return [(one.seq, one.text, one.place) for one in replies("s", log(*rows))]


def test_the_last_message_of_a_turn_is_told() -> None:
    assert told(asked("a"), said("a", "one"), said("a", "two"), over("a")) == [(4, "two", PLACE)]


def test_a_turn_that_is_not_over_is_left() -> None:
    assert told(asked("a"), said("a", "one")) == []
    assert [seq for seq, *_ in told(asked("a"), over("a"), asked("b"), said("b", "x"))] == [2]


def test_a_turn_of_others_is_passed_over() -> None:
    assert told(asked("a", None), said("a", "private"), over("a")) == [(3, "private", None)]


def test_a_failure_is_told_without_its_reason() -> None:
    assert told(asked("a"), said("a", "half"), over("a", "failed")) == [(3, f"half\n\n{FAILED}", PLACE)]
    assert told(asked("a"), over("a", "timed_out")) == [(2, FAILED, PLACE)]


def test_a_cancelled_turn_is_not_told() -> None:
    assert told(asked("a"), said("a", "half"), over("a", "cancelled")) == [(3, "", None)]


def test_a_reply_has_the_same_id_whenever_it_is_found() -> None:
    rows = log(asked("a"), over("a"), asked("b"), over("b"))
    first: list[Reply] = replies("s", rows)
    assert [one.id for one in replies("s", rows[2:])] == [first[1].id]
    assert first[0].id != first[1].id
    assert replies("t", rows)[0].id != first[0].id
