"""When the provider fails, is not configured, or the server dies: what the log then says."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from tests.fakes.model_server import FakeModel
from tests.support.api import Api, assert_whole, text_of, types_of, wait_for
from tests.support.server import Server


def test_a_refused_key_is_one_error_without_retry_and_without_the_key(api: Api, model: FakeModel) -> None:
    session = api.session()
    log = api.turn(session, "error:401x1 leak")
    assert_whole(log)
    (error,) = [event["error"] for event in log if event["type"] == "session.error"]
    assert error["message"]
    assert error["type"]
    assert error["retry_status"]["type"] in ("terminal", "exhausted")
    assert error["retryable"] is False
    assert "provider-key" not in str(log)
    assert log[-1]["type"] == "session.status_idle"
    assert log[-1]["stop_reason"] == {"type": "retries_exhausted"}
    assert len(model.requests_of("error:401x1")) == 1
    assert "session.status_rescheduled" not in types_of(log)
    model.script({"blocks": [{"type": "text", "text": "well again"}], "match": "once more"})
    assert text_of(api.turn(session, "once more")) == ["well again"]


@pytest.mark.parametrize("status", [500, 429, 529])
def test_a_passing_failure_is_retried_and_announced(api: Api, model: FakeModel, status: int) -> None:
    session = api.session()
    log = api.turn(session, f'error:{status}x2 say:"third time lucky"')
    assert_whole(log)
    assert types_of(log).count("session.status_rescheduled") == 2
    assert types_of(log).count("session.status_running") == types_of(log).count("session.status_idle") == 1
    assert "session.error" not in types_of(log)
    assert text_of(log) == ["third time lucky"]
    assert log[-1]["stop_reason"] == {"type": "end_turn"}


def test_a_lasting_failure_ends_with_one_error(api: Api, model: FakeModel) -> None:
    session = api.session()
    log = api.turn(session, "error:500")
    assert_whole(log)
    assert types_of(log).count("session.error") == 1
    assert log[-1]["stop_reason"] == {"type": "retries_exhausted"}
    assert api.get(f"/v1/sessions/{session}")["stop_reason"] == {"type": "retries_exhausted"}


@pytest.mark.parametrize("words", ["drop:2 tokens:5", "cut:2 tokens:5", "fail:2 tokens:5"])
def test_a_stream_that_breaks_off_leaves_no_half_text_behind(api: Api, model: FakeModel, words: str) -> None:
    session = api.session()
    log = api.turn(session, words)
    assert_whole(log)
    assert text_of(log) == []
    assert types_of(log).count("session.error") == 1


def test_without_a_provider_the_first_turn_says_so() -> None:
    with Server({}) as server:
        api = Api(server.url, server.api_key)
        session = api.session()
        log = api.turn(session, "anybody there?")
        api.close()
    (error,) = [event["error"] for event in log if event["type"] == "session.error"]
    assert "ANTHROPIC_API_KEY" in error["message"]
    assert log[-1]["stop_reason"] == {"type": "retries_exhausted"}
    assert_whole(log)


@pytest.fixture
def mortal(shared_model: FakeModel, tmp_path: Path) -> Iterator[Server]:
    """A server that keeps its state, to be killed."""
    shared_model.reset()
    env = {"ANTHROPIC_BASE_URL": shared_model.url, "ANTHROPIC_API_KEY": "k", "LAMBENT_MODEL_BACKOFF_MS": "20"}
    with Server(env, state=tmp_path / "state") as running:
        yield running


def _answers(api: Api, session: str) -> list[str]:
    return text_of(api.log(session))


@pytest.mark.long
def test_turns_and_messages_survive_the_servers_death(mortal: Server, shared_model: FakeModel) -> None:
    api = Api(mortal.url, mortal.api_key)
    agent, environment = api.agent(), api.environment()["id"]
    cut, fresh, done = (api.session(agent, environment_id=environment) for _ in range(3))
    finished = api.turn(done, 'say:"finished before"')
    shared_model.hold(after_tokens=2, match="cut short")
    api.say(cut, "cut short tokens:4")
    shared_model.wait_held()
    assert api.say(fresh, 'say:"answered after"').status_code == 202
    mortal.kill()
    api.close()
    shared_model.release()
    mortal.start()
    api = Api(mortal.url, mortal.api_key)
    for session in (cut, fresh):
        wait_for(partial(_answers, api, session), "the turn to be finished")
        api.wait_idle(session)
        log = api.log(session)
        assert_whole(log)
        assert types_of(log).count("user.message") == 1
        assert log[-1]["type"] == "session.status_idle"
    assert text_of(api.log(cut)) == ["hi word word word"]
    assert text_of(api.log(fresh)) == ["answered after"]
    assert api.log(done) == finished
    rescheduled = types_of(api.log(cut)).index("session.status_rescheduled")
    assert rescheduled < types_of(api.log(cut)).index("agent.message")
    assert text_of(api.turn(done, 'say:"and again"')) == ["finished before", "and again"]
    api.close()
