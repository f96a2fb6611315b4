"""What the records since the last totals tell of a run: what it is at, and what it has cost."""

from decimal import Decimal
from typing import Any

from chalicelib.events.event import Event
from chalicelib.running.progress import Doing, Progress, progress


def log(*records: tuple[str, dict[str, Any], str | None]) -> list[Event]:
    """Records as they are read back, the newest first; each a second after the one before."""
    events = [
        Event(seq, seq * 1000, kind, data, f"e{seq}", private={"cost": cost})
        for seq, (kind, data, cost) in enumerate(records, 1)
    ]
    return events[::-1]


def started(step: str, name: str, kind: str = "tool") -> tuple[str, dict[str, Any], None]:
    return ("step.started", {"step_id": step, "kind": kind, "name": name}, None)


def over(step: str) -> tuple[str, dict[str, Any], None]:
    return ("step.finished", {"step_id": step}, None)


def test_steps_without_an_end_are_under_way_the_longest_first() -> None:
    found = progress(log(started("a", "bash"), started("b", "glob"), started("c", "grep"), over("b")))
    assert found.doing == (Doing("tool", "bash", 1000), Doing("tool", "grep", 3000))


def test_nothing_before_the_last_totals_counts() -> None:
    old = (started("a", "bash"), ("span.model_request_end", {}, "7"), ("session.usage", {}, None))
    assert progress(log(*old)) == Progress()
    assert progress(log(*old, ("span.model_request_end", {}, "0.5"))).cost == Decimal("0.5")


def test_calls_of_models_summaries_and_judges_cost_and_unpriced_ones_do_not() -> None:
    spent = progress(
        log(
            ("span.model_request_end", {}, "0.1"),
            ("span.model_request_end", {}, None),
            ("span.compaction_summarize_end", {}, "0.02"),
            ("span.outcome_evaluation_end", {}, "0.003"),
        )
    )
    assert (spent.cost, spent.doing) == (Decimal("0.123"), ())


def test_judges_and_summaries_under_way_are_told() -> None:
    begun = ("span.outcome_evaluation_start", {}, None)
    assert progress(log(begun)).doing == (Doing("judge", "", 1000),)
    assert progress(log(begun, ("span.outcome_evaluation_end", {}, None))).doing == ()
    assert progress(log(begun, ("span.outcome_evaluation_end", {}, None), begun)).doing == (Doing("judge", "", 3000),)
    assert progress(log(("span.compaction_summarize_start", {}, None))).doing == (Doing("summary", "", 1000),)
