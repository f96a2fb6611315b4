"""What tenants entrust to vaults and resources comes back in no answer, event or log line, and lies sealed on disk."""

import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.e2e.laws.conftest import model_env
from tests.fakes.model_server import FakeModel
from tests.support.api import SDK_HEADERS, Api, Json
from tests.support.server import Server
from tests.support.trap import Trap

CANARY = "kanarienvogel"
AUTHS: list[Json] = [
    {"type": "static_bearer", "mcp_server_url": "https://a.example/mcp", "token": f"{CANARY}-1"},
    {
        "type": "mcp_oauth",
        "mcp_server_url": "https://b.example/mcp",
        "access_token": f"{CANARY}-2",
        "refresh": {
            "client_id": "app",
            "refresh_token": f"{CANARY}-3",
            "token_endpoint": "https://b.example/token",
            "token_endpoint_auth": {"type": "client_secret_post", "client_secret": f"{CANARY}-4"},
        },
    },
    {"type": "cap_cli", "cli_id": "gh", "token": f"{CANARY}-5", "extras": {"X": f"{CANARY}-6"}},
    {
        "type": "environment_variable",
        "secret_name": "KEY",
        "secret_value": f"{CANARY}-7",
        "networking": {"type": "unrestricted"},
    },
]
CHANGES: list[Json] = [
    {"token": f"{CANARY}-8"},
    {"access_token": f"{CANARY}-9", "refresh": {"refresh_token": f"{CANARY}-10"}},
    {"token": f"{CANARY}-11", "extras": {"Y": f"{CANARY}-12"}},
    {"secret_value": f"{CANARY}-13"},
]
RESOURCES: list[Json] = [
    {"type": "github_repository", "url": "https://a.example/x/y", "authorization_token": f"{CANARY}-14"},
    {"type": "env", "name": "OTHER", "value": f"{CANARY}-15"},
]


@dataclass
class Story:
    """What a client saw of secrets it sent, and what the server kept of them."""

    seen: str
    log: str
    state: dict[str, bytes]
    credentials: Path
    vault: str
    credential: str


@pytest.fixture(scope="module")
def story(shared_model: FakeModel, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    folder = tmp_path_factory.mktemp("state")
    seen: list[str] = []
    with Server(model_env(shared_model) | {"LOG_LEVEL": "DEBUG"}, folder) as server:
        api = Api(server.url, server.tenant())

        def ask(method: str, path: str, body: Json | None = None, **headers: str) -> Json:
            answer = api.call(method, path, body, headers=headers)
            seen.append(answer.text)
            shown: Json = answer.json()
            return shown

        vault = ask("POST", "/v1/vaults", {"name": "V", "secret": f"{CANARY}-0", "host": "c.example"})["id"]
        ask("PATCH", f"/v1/vaults/{vault}", {"secret": f"{CANARY}-16"})
        path = f"/v1/vaults/{vault}/credentials"
        for auth, change in zip(AUTHS, CHANGES, strict=True):
            keyed = {"Idempotency-Key": auth["type"]}
            made = ask("POST", path, {"auth": auth}, **keyed)
            assert ask("POST", path, {"auth": auth}, **keyed) == made
            ask("POST", path, {"auth": auth})
            ask("POST", path, {"auth": auth | {"type": "moon"}})
            ask("POST", f"{path}/{made['id']}", {"auth": change})
        session = api.session(vault_ids=[vault], resources=RESOURCES)
        for one in ask("GET", f"/v1/sessions/{session}")["resources"]:
            change = {"authorization_token": f"{CANARY}-17", "value": f"{CANARY}-18"}
            ask("POST", f"/v1/sessions/{session}/resources/{one['id']}", change)
        ask("POST", f"/v1/sessions/{session}/resources", RESOURCES[0])
        api.turn(session, "tokens:2")
        paths = ("", "/events", "/log", "/resources", "/pending", "/threads")
        for place in (path, f"/v1/vaults/{vault}", "/v1/vaults", *(f"/v1/sessions/{session}{end}" for end in paths)):
            for kind in ({}, SDK_HEADERS):
                ask("GET", place, **kind)
        _with_cards(api, ask)
        api.close()
        server.kill()
        state = {found.name: found.read_bytes() for found in folder.rglob("*") if found.is_file()}
        yield Story("\n".join(seen), server.log(), state, folder / "credentials.json", vault, made["id"])


def _with_cards(api: Api, ask: Callable[..., Json]) -> None:
    """Model cards at an address that repeats all it is told."""
    with Trap("{received}") as echo:
        usual = {"provider": "ant-compatible", "base_url": echo.url}
        for number, kind in enumerate(("ant-compatible", "oai-compatible")):
            secrets = {"api_key": f"{CANARY}-2{number}", "custom_headers": {"x-a": f"{CANARY}-3{number}"}}
            body = usual | secrets | {"model_id": kind, "provider": kind}
            path = f"/v1/model_cards/{ask('POST', '/v1/model_cards', body)['id']}"
            ask("POST", "/v1/model_cards", body)
            ask("POST", "/v1/model_cards", body | {"custom_headers": {"x-a": f"{CANARY}\n"}})
            ask("PATCH", path, {"api_key": f"{CANARY}-4{number}"})
            ask("PATCH", path, {"custom_headers": {"x-b": f"{CANARY}-5{number}"}})
            ask("POST", "/v1/models/list", usual | {"api_key": f"{CANARY}-6{number}"})
            session = api.session(api.agent(model=kind))
            api.turn(session, "hello")
            for place in (path, f"{path}/key", "/v1/model_cards", "/v1/models", f"/v1/sessions/{session}/log"):
                ask("GET", place)


def test_no_answer_and_no_event_holds_a_secret(story: Story) -> None:
    assert story.credential in story.seen
    assert CANARY not in story.seen


def test_no_log_line_holds_a_secret(story: Story) -> None:
    assert "/v1/vaults/{vault_id}/credentials" in story.log
    assert CANARY not in story.log


def test_nothing_on_disk_holds_a_secret_in_the_open(story: Story) -> None:
    kept = b"".join(story.state.values())
    assert story.vault.removeprefix("vlt_")[:8].encode() in kept
    assert b"lbs1." in kept
    assert CANARY.encode() not in kept
    assert not [name for name, raw in story.state.items() if CANARY.encode("utf-16-le") in raw]


def test_what_opens_them_lies_apart_for_its_owner_alone(story: Story) -> None:
    assert "root_secret" in story.credentials.read_text()
    assert stat.S_IMODE(story.credentials.stat().st_mode) == 0o600
    secret = story.credentials.read_text().split('"root_secret": "')[1].split('"')[0].encode()
    assert not [name for name, raw in story.state.items() if name != "credentials.json" and secret in raw]
