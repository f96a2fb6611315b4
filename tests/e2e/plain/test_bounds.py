"""Runs that do not end by themselves are stopped, and the log says why."""

from collections.abc import Iterator

import pytest

from tests.fakes.model_server import FakeModel
from tests.support.api import Api, types_of, wait_for
from tests.support.server import Server


@pytest.fixture(scope="module")
def strict(shared_model: FakeModel) -> Iterator[Api]:
    """A server that stops a run at the fourth repetition."""
    env = {"ANTHROPIC_BASE_URL": shared_model.url, "ANTHROPIC_API_KEY": "provider-key", "LAMBENT_MAX_REPEATS": "4"}
    with Server(env) as running:
        client = Api(running.url, running.tenant())
        yield client
        client.close()


def test_a_run_that_repeats_itself_is_stopped(strict: Api, model: FakeModel) -> None:
    session = strict.session(strict.agent(tools=[{"type": "agent_toolset_20260401"}]))
    log = strict.turn(session, 'tools:30 tool:glob input:{"pattern": "*.none"}')
    assert types_of(log).count("agent.tool_use") == 4
    error = next(one for one in log if one["type"] == "session.error")["error"]
    assert (error["type"], error["retry_status"]) == ("tool_use_limit_reached_error", {"type": "terminal"})
    assert "stuck" in error["message"]
    assert "glob 4 times" in error["message"]
    assert strict.turn(session, "tokens:2")[-1]["stop_reason"] == {"type": "end_turn"}


def test_calls_that_differ_are_not_a_loop(strict: Api, model: FakeModel) -> None:
    session = strict.session(strict.agent(tools=[{"type": "agent_toolset_20260401"}]))
    uses = [
        {
            "blocks": [{"type": "tool_use", "id": f"a{n}", "name": "glob", "input": {"pattern": f"{n}.none"}}],
            "stop_reason": "tool_use",
            "match": "look everywhere",
        }
        for n in range(6)
    ]
    model.script(*uses)
    log = strict.turn(session, "look everywhere")
    assert types_of(log).count("agent.tool_use") == 6
    assert log[-1]["stop_reason"] == {"type": "end_turn"}


def test_a_run_that_takes_too_long_is_stopped_in_the_middle(api: Api, model: FakeModel) -> None:
    session = api.session(max_running_seconds=1)
    assert api.get(f"/v1/sessions/{session}")["max_running_seconds"] == 1
    api.say(session, "tokens:5 hang:3")
    shown = api.wait_idle(session, 10)
    assert shown["stop_reason"]["type"] == "retries_exhausted"
    assert shown["last_error"] == {"type": "run_timeout_error", "message": "the run was stopped after 1 seconds"}
    log = api.log(session)
    assert types_of(log).count("span.model_request_start") == types_of(log).count("span.model_request_end") == 1
    assert "agent.message" in types_of(log)
    wait_for(lambda: model.requests[-1]["disconnected"], "the provider's connection to be closed")
    assert api.turn(session, "tokens:2")[-1]["stop_reason"] == {"type": "end_turn"}
