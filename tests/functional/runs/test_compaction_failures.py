"""A summary that cannot be made at once is tried again like any model call; what was begun is closed."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from chalicelib.core.settings import Settings
from chalicelib.wiring import Services
from tests.fakes.model_server import FakeModel
from tests.functional.runs.conftest import Rig, said

LETTERS = 12_000


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return replace(settings, compact_ratio_percent=50, model_tries=3)


@pytest.fixture
def rig(make: Callable[[], Services], model: FakeModel) -> Rig:
    """A session whose next message needs a summary first."""
    rig = Rig(make(), model, make, model_id="anthropic/gpt-3.5-small")
    for number in range(2):
        rig.send(said(f'number {number} {"x" * LETTERS} say:"answer {number}"'))
        rig.ring()
    assert rig.count("agent.thread_context_compacted") == 0
    return rig


def _overloaded(times: int) -> list[object]:
    error = {"status": 529, "message": "busy", "type": "overloaded_error"}
    return [{"error": error, "match": "number 0"} for _ in range(times)]


def _assert_closed(rig: Rig) -> None:
    starts = rig.count("span.compaction_summarize_start")
    assert starts == rig.count("span.compaction_summarize_end") == rig.count("compaction.finished")


def test_a_failure_that_passes_is_announced_and_cured(rig: Rig) -> None:
    rig.model.script(*_overloaded(1))
    rig.send(said(f'next {"x" * LETTERS} say:"well"'))
    rig.ring()
    rig.assert_whole()
    _assert_closed(rig)
    assert rig.count("session.status_rescheduled") == 1
    assert rig.count("agent.thread_context_compacted") == 1
    assert rig.count("session.error") == 0
    assert rig.head.status == "idle"
    assert rig.head.stop_reason == {"type": "end_turn"}


def test_a_failure_that_stays_ends_the_run_with_one_error(rig: Rig) -> None:
    rig.model.script(*_overloaded(3))
    rig.send(said(f'next {"x" * LETTERS} say:"well"'))
    rig.ring()
    rig.assert_whole()
    _assert_closed(rig)
    assert rig.count("session.error") == 1
    assert rig.head.stop_reason == {"type": "retries_exhausted"}
