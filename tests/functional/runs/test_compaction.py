"""A long conversation stays within the model's window: its older part becomes a summary and the turn goes on."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from chalicelib.core.settings import Settings
from chalicelib.wiring import Services
from tests.fakes.model_server import FakeModel
from tests.functional.runs.conftest import Rig, said
from tests.support.endpoint import Endpoint

WINDOW = 16_385
LETTERS = 6_000
SUMMARY = "You shorten the record"


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return replace(settings, compact_ratio_percent=50)


@pytest.fixture
def rig(make: Callable[[], Services], model: FakeModel) -> Rig:
    return Rig(make(), model, make, model_id="anthropic/gpt-3.5-small")


def long_talk(rig: Rig, turns: int) -> None:
    for number in range(turns):
        rig.send(said(f'number {number} {"x" * LETTERS} say:"answer {number}"'))
        rig.ring()
        assert rig.head.stop_reason == {"type": "end_turn"}


def asked(rig: Rig) -> list[dict[str, Any]]:
    """The requests of turns, without those for summaries."""
    return [one["body"] for one in rig.model.requests if SUMMARY not in str(one["body"].get("system"))]


def size(body: dict[str, Any]) -> int:
    return len(str(body["messages"])) // 4


def test_a_long_conversation_never_outgrows_the_window(rig: Rig) -> None:
    long_talk(rig, 12)
    rig.assert_whole()
    assert rig.count("agent.thread_context_compacted") >= 2
    assert rig.count("agent.message") == rig.count("user.message") == 12
    assert max(size(body) for body in asked(rig)) < WINDOW * 0.6


def test_the_newest_words_stay_and_the_oldest_are_summed_up(rig: Rig) -> None:
    long_talk(rig, 12)
    shown = str(asked(rig)[-1]["messages"])
    assert "<summary>" in shown
    assert "number 11" in shown
    assert "number 10" in shown
    assert "number 0 " not in shown


def test_a_fresh_process_rebuilds_the_same_context(rig: Rig) -> None:
    long_talk(rig, 9)
    assert rig.head.context_from > 1
    job = rig.services.worker._job(rig.ref, _limits())
    warm = job.conversation
    cold = rig.another().worker._job(rig.ref, _limits()).conversation
    assert cold.messages == warm.messages
    assert cold.begins == warm.begins
    assert cold.weight == warm.weight


def _limits() -> Any:
    from chalicelib.runs.worker import NO_LIMIT_MS, Limits

    return Limits(lambda: NO_LIMIT_MS, lambda: None)


def test_the_summarys_use_is_billed(rig: Rig) -> None:
    long_talk(rig, 12)
    ends = [event for event in rig.log if event.type in ("span.model_request_end", "span.compaction_summarize_end")]
    assert len(ends) > 12
    assert rig.head.totals.input_tokens == sum(event.data["model_usage"]["input_tokens"] for event in ends)


def test_one_message_that_brings_the_context_over_its_share_is_heeded_before_the_model_is_asked(rig: Rig) -> None:
    long_talk(rig, 3)
    rig.send(said(f"{'y' * 40_000} tokens:3"))
    rig.ring()
    rig.assert_whole()
    assert rig.count("agent.thread_context_compacted") == 1
    assert rig.head.stop_reason == {"type": "end_turn"}


def test_a_large_tool_result_is_heeded_before_the_model_is_asked_again(
    make: Callable[[], Services], model: FakeModel
) -> None:
    with Endpoint("y" * 20_000) as endpoint:
        rig = Rig(make(), model, make, [endpoint.tool()], "anthropic/gpt-3.5-small")
        long_talk(rig, 3)
        rig.send(said("tool:ping tokens:3"))
        rig.ring()
    rig.assert_whole()
    types = rig.types()
    assert types.index("agent.tool_result") < types.index("agent.thread_context_compacted")
    assert rig.count("agent.message") == 4
    assert "<summary>" in str(asked(rig)[-1]["messages"])
    assert "<summary>" not in str(asked(rig)[-2]["messages"])


def test_a_summary_that_fails_ends_the_turn_and_not_the_session(rig: Rig) -> None:
    long_talk(rig, 5)
    rig.model.script({"error": {"status": 400}, "match": "user: number 0"})
    rig.send(said(f'{"z" * LETTERS} say:"five"'))
    rig.ring()
    assert rig.head.stop_reason == {"type": "retries_exhausted"}
    rig.send(said(f'{"z" * LETTERS} say:"six"'))
    rig.ring()
    rig.assert_whole()
    assert rig.count("session.error") == 1
    assert rig.head.stop_reason == {"type": "end_turn"}
