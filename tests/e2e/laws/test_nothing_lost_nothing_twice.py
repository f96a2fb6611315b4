"""What was accepted survives the death of the server at any moment, and nothing is carried out twice.

Sessions are brought to chosen moments of a turn; the server is killed as `kill -9` does and started again on its state,
twice. Within seconds every turn ends; its log is whole, every message has its answer, every tool use one result, and
a tool that may not be repeated is not called again. A request repeated with the same idempotency key changes nothing,
also across such a death.
"""

import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.laws.checks import assert_answered, assert_complete, results
from tests.e2e.laws.conftest import model_env
from tests.e2e.laws.deaths import MOMENTS, Scene, Survivors, survive
from tests.fakes.model_server import FakeModel
from tests.support.api import Api, Json, message, text_of, wait_for
from tests.support.endpoint import Endpoint
from tests.support.server import Server

RESUMED_SECONDS = 10
END_TURN = {"type": "end_turn"}


@pytest.fixture(scope="module")
def state(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("state")


@pytest.fixture(scope="module")
def survivors(shared_model: FakeModel, state: Path) -> Iterator[Survivors]:
    shared_model.reset()
    env = model_env(shared_model, LAMBENT_MODEL_BACKOFF_MS="8000")
    with Endpoint() as endpoint, Server(env, state) as server:
        survived = survive(server, shared_model, endpoint)
        yield survived
        survived.close()


def ended(survivors: Survivors, name: str) -> tuple[Scene, list[Json]]:
    """The scene and its log once it rests for good; all that holds of every log is checked."""
    scene = survivors.scenes[name]
    log = wait_for(lambda: _at_rest(scene), f"the turn of {scene.session} to end", within=RESUMED_SECONDS)
    assert_complete(log)
    assert_answered(log, *scene.texts)
    return scene, log


def _at_rest(scene: Scene) -> list[Json] | None:
    session = scene.api().get(f"/v1/sessions/{scene.session}")
    return scene.log() if session["status"] == "idle" and session["stop_reason"] == END_TURN else None


@pytest.mark.parametrize("moment", sorted(set(MOMENTS) - {"the_client_is_asked", "a_page_is_fetched"}))
def test_a_turn_survives_the_servers_death_when(survivors: Survivors, moment: str) -> None:
    scene, log = ended(survivors, moment)
    assert len(text_of(log)) == len(scene.texts)


def test_what_was_said_before_a_death_is_not_said_twice(survivors: Survivors) -> None:
    _, log = ended(survivors, "tokens_are_coming")
    assert text_of(log) == ["hi word word word"]


@pytest.mark.parametrize(("moment", "calls"), [("a_tool_is_called", 1), ("three_tools_are_called", 3)])
def test_a_tool_call_cut_off_is_reported_as_unknown_and_not_repeated(
    survivors: Survivors, moment: str, calls: int
) -> None:
    scene, log = ended(survivors, moment)
    assert scene.endpoint.count(scene.path) == calls
    assert len(results(log)) == calls
    assert all("outcome" in text and "unknown" in text for text in results(log))


def test_a_tool_that_has_just_answered_is_not_asked_again(survivors: Survivors) -> None:
    scene, log = ended(survivors, "the_tool_has_answered")
    assert scene.endpoint.count(scene.path) == 1
    [text] = results(log)
    assert text == "pong" or "unknown" in text


def test_a_tool_that_is_safe_to_repeat_is_carried_out_again(survivors: Survivors) -> None:
    scene = survivors.scenes["a_page_is_fetched"]
    wait_for(lambda: scene.endpoint.count(scene.path) > 1, "the page to be fetched again", within=RESUMED_SECONDS)
    if scene.path in scene.endpoint.held:
        scene.endpoint.let_go(scene.path)
    _, log = ended(survivors, "a_page_is_fetched")
    [result] = [event for event in log if event["type"] == "agent.tool_result"]
    assert result["is_error"] is False
    assert result["content"][0]["source"]["data"] == "pong"


def test_a_call_for_the_client_is_still_open_after_the_servers_death(survivors: Survivors) -> None:
    scene = survivors.scenes["the_client_is_asked"]
    assert scene.open_calls() == scene.calls
    scene.answer(scene.calls[0])
    ended(survivors, "the_client_is_asked")


def test_the_clients_answer_stands_once_after_the_servers_death(survivors: Survivors) -> None:
    scene, log = ended(survivors, "the_client_has_answered")
    answers = [event["custom_tool_use_id"] for event in log if event["type"] == "user.custom_tool_result"]
    assert answers == scene.calls


def test_an_idempotency_key_holds_across_the_servers_death(survivors: Survivors) -> None:
    scene, _ = ended(survivors, "a_keyed_request_was_answered")
    api, (body, made) = scene.api(), scene.first_answers
    create, send = ({"idempotency-key": key} for key in scene.keys)
    assert api.ok("POST", "/v1/sessions", body, headers=create) == made
    assert api.call("POST", "/v1/sessions", body | {"title": "x"}, headers=create).status_code == 409
    assert api.send(scene.session, message(scene.texts[0]), headers=send).status_code == 202
    assert api.send(scene.session, message("other"), headers=send).status_code == 409
    _, log = ended(survivors, "a_keyed_request_was_answered")
    assert len(text_of(log)) == 1


def test_the_servers_own_log_tells_of_no_failure(survivors: Survivors) -> None:
    assert "Traceback" not in survivors.server.log()


CREATIONS: list[tuple[str, Json, Json]] = [
    ("/v1/agents", {"name": "A", "model": "claude-test"}, {"name": "B", "model": "claude-test"}),
    ("/v1/environments", {"name": "A"}, {"name": "B"}),
]


@pytest.mark.parametrize(("path", "body", "other"), CREATIONS)
def test_a_repeated_creation_gives_the_first_answer_and_another_body_a_conflict(
    api: Api, path: str, body: Json, other: Json
) -> None:
    before, key = len(api.get(path)["data"]), {"idempotency-key": uuid.uuid4().hex}
    first = api.call("POST", path, body, headers=key)
    again = api.call("POST", path, body, headers=key)
    assert first.status_code < 300
    assert (again.status_code, again.json()) == (first.status_code, first.json())
    assert api.call("POST", path, other, headers=key).status_code == 409
    assert len(api.get(path)["data"]) == before + 1


def test_a_repeated_session_creation_runs_its_first_message_once(api: Api, model: FakeModel) -> None:
    agent, environment = api.agent()["id"], api.environment()["id"]
    body = {"agent": agent, "environment_id": environment, "initial_events": [message("tokens:2")]}
    key = {"idempotency-key": uuid.uuid4().hex}
    first = api.ok("POST", "/v1/sessions", body, headers=key)
    assert api.ok("POST", "/v1/sessions", body, headers=key)["id"] == first["id"]
    assert api.call("POST", "/v1/sessions", body | {"title": "x"}, headers=key).status_code == 409
    api.wait_idle(first["id"])
    assert_answered(api.log(first["id"]), "tokens:2")
    assert len(api.get("/v1/sessions")["data"]) == 1


def test_repeated_events_are_taken_once(api: Api) -> None:
    session, key = api.session(), {"idempotency-key": uuid.uuid4().hex}
    answers = [api.send(session, message("tokens:2 once"), headers=key) for _ in range(3)]
    assert {(answer.status_code, answer.text) for answer in answers} == {(202, "")}
    assert api.send(session, message("other"), headers=key).status_code == 409
    api.wait_idle(session)
    assert_answered(api.log(session), "tokens:2 once")
