"""Neither the model provider's key nor an API key shows up in answers, events, the server's log or its stored state."""

import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.e2e.laws.conftest import PROVIDER_KEY, model_env
from tests.fakes.model_server import FakeModel
from tests.support.api import SDK_HEADERS, Api
from tests.support.server import Server


@dataclass
class Story:
    """What a client saw of a session whose model repeated its credential, and what the server kept of it."""

    seen: str
    log: str
    state: dict[str, bytes]
    credentials: Path
    keys: list[str]


@pytest.fixture(scope="module")
def story(shared_model: FakeModel, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    shared_model.reset()
    folder = tmp_path_factory.mktemp("state")
    with Server(model_env(shared_model), folder) as server:
        api = Api(server.url, server.tenant())
        keyed = {"Idempotency-Key": "second"}
        second, again = (api.ok("POST", "/v1/api_keys", {"name": "second"}, headers=keyed)["key"] for _ in range(2))
        assert second == again
        seen = _talk(api, "claude-test") + _talk(api, "gpt-test")
        keys = [api.key, second, server.root_key]
        api.close()
        server.kill()
        state = {path.name: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
        yield Story(seen, server.log(), state, folder / "credentials.json", keys)


def _talk(api: Api, model: str) -> str:
    session = api.session(api.agent(model=model))
    stream = api.stream(f"/v1/sessions/{session}/events/stream", params={"include": "chunks"})
    for directives in ("tokens:3", "error:401 leak", "error:529x1 leak", "error:400 leak"):
        api.turn(session, directives)
    paths = (f"/v1/sessions/{session}", f"/v1/sessions/{session}/events", f"/v1/sessions/{session}/log", "/v1/models")
    answers = [api.call("GET", path, headers=kind).text for path in (*paths, "/v1/me") for kind in ({}, SDK_HEADERS)]
    answers += stream.lines
    stream.close()
    assert "session.error" in str(answers)
    return "\n".join(answers)


def test_the_providers_key_is_in_no_answer_and_no_event(story: Story) -> None:
    assert PROVIDER_KEY not in story.seen


def test_no_key_is_in_the_servers_log(story: Story) -> None:
    assert not [key for key in (PROVIDER_KEY, *story.keys) if key in story.log]


def test_the_providers_key_is_nowhere_in_the_state(story: Story) -> None:
    assert not [name for name, raw in story.state.items() if PROVIDER_KEY.encode() in raw]


def test_api_keys_are_stored_only_as_hashes(story: Story) -> None:
    kept = {name: raw for name, raw in story.state.items() if name != story.credentials.name}
    assert kept
    assert not [(name, key) for name, raw in kept.items() for key in story.keys if key.encode() in raw]


def test_a_laptops_own_credentials_are_readable_by_their_owner_only(story: Story) -> None:
    assert stat.S_IMODE(story.credentials.stat().st_mode) == 0o600


def test_an_api_key_is_shown_once(story: Story) -> None:
    assert not [key for key in story.keys if key in story.seen]
