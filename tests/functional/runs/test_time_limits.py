"""Workers whose time is short, and tool calls that may need more of it."""

from collections.abc import Callable, Iterator

import pytest

from chalicelib.engine import job
from chalicelib.wiring import Services
from tests.fakes.model_server import FakeModel
from tests.functional.runs.conftest import Rig, said

_TOOLSET = {"type": "agent_toolset_20260401"}


@pytest.fixture
def bash(make: Callable[[], Services], model: FakeModel) -> Iterator[Rig]:
    rig = Rig(make(), model, make, [_TOOLSET])
    yield rig
    rig.services.close()


@pytest.fixture
def long_at_work(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if each worker had been given more time than is left, and been at work for long."""
    monkeypatch.setattr(job, "_SETTING_OUT_MS", -3_600_000)


def _ask(rig: Rig, milliseconds: int) -> None:
    rig.send(said(f'tool:bash input:{{"command": "echo done", "timeout_ms": {milliseconds}}} tokens:1'))


def _results(rig: Rig) -> list[str]:
    return [event.data["content"][0]["text"] for event in rig.log if event.type == "agent.tool_result"]


@pytest.mark.usefixtures("long_at_work")
def test_what_may_take_longer_than_there_is_time_is_left_to_the_next_worker(bash: Rig) -> None:
    _ask(bash, 600_000)
    bash.ring(remaining_ms=300_000)
    assert (bash.count("run.requeued"), bash.count("agent.tool_use"), _results(bash)) == (1, 1, [])
    assert [step for step in bash.log if step.type == "step.started" and step.data["kind"] == "tool"] == []
    other = bash.another()
    bash.ring(by=other, remaining_ms=640_000)
    other.close()
    bash.assert_whole()
    assert (bash.count("run.requeued"), _results(bash), bash.head.status) == (1, ["done"], "idle")


@pytest.mark.usefixtures("long_at_work")
def test_what_there_is_time_for_is_begun(bash: Rig) -> None:
    _ask(bash, 60_000)
    bash.ring(remaining_ms=90_000)
    assert (bash.count("run.requeued"), _results(bash)) == (0, ["done"])


def test_what_no_worker_has_time_for_is_begun_all_the_same(bash: Rig) -> None:
    _ask(bash, 600_000)
    bash.ring(remaining_ms=300_000)
    assert (bash.count("run.requeued"), _results(bash)) == (0, ["done"])
