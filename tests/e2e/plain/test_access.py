"""Keys, error bodies and tenant borders as a plain client meets them."""

import json
import uuid
from typing import Any

import httpx2
import pytest

from tests.support.api import Api, Json, message
from tests.support.server import Server

ROUTES = [
    ("GET", "/v1/agents"),
    ("POST", "/v1/agents"),
    ("GET", "/v1/environments"),
    ("POST", "/v1/sessions"),
    ("GET", "/v1/sessions/sesn_x/events/stream"),
    ("DELETE", "/v1/sessions/sesn_x"),
    ("GET", "/v1/files"),
    ("GET", "/v1/api_keys"),
    ("GET", "/v1/me"),
    ("GET", "/admin/tenants"),
]


def _ask(server: Server, method: str, path: str, **headers: str) -> httpx2.Response:
    return httpx2.request(method, server.url + path, headers=headers)


@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_a_missing_and_a_wrong_key_are_refused_alike(server: Server, method: str, path: str) -> None:
    missing = _ask(server, method, path)
    wrong = _ask(server, method, path, **{"x-api-key": "oma_wrong"})
    bearer = _ask(server, method, path, authorization="Bearer oma_wrong")
    for answer in (missing, wrong, bearer):
        assert answer.status_code == 401
        assert answer.json()["error"]["type"] == "unauthorized"
        assert answer.json()["error"]["message"]
    assert missing.json()["error"] == wrong.json()["error"] == bearer.json()["error"]


def test_a_bearer_works_like_the_key_header_which_decides_alone_when_both_are_sent(server: Server, key: str) -> None:
    bearer = f"Bearer {key}"
    assert _ask(server, "GET", "/v1/agents", authorization=bearer).status_code == 200
    assert _ask(server, "GET", "/v1/agents", authorization=bearer, **{"x-api-key": "wrong"}).status_code == 401
    assert _ask(server, "GET", "/v1/agents", authorization="Bearer wrong", **{"x-api-key": key}).status_code == 200


@pytest.mark.parametrize("path", ["/healthz", "/health"])
def test_health_needs_no_key(server: Server, path: str) -> None:
    answer = _ask(server, "GET", path)
    assert answer.status_code == 200
    assert answer.json().get("ok") is True or answer.json()["status"]


def test_healthz_says_ok(server: Server) -> None:
    assert _ask(server, "GET", "/healthz").json()["ok"] is True


@pytest.mark.parametrize("with_key", [True, False])
def test_an_unknown_path_is_named_in_a_json_error_with_or_without_a_key(
    server: Server, key: str, with_key: bool
) -> None:
    answer = _ask(server, "GET", "/v1/nope/at/all", **({"x-api-key": key} if with_key else {}))
    assert answer.status_code == 404
    assert answer.headers["content-type"].startswith("application/json")
    assert answer.json()["error"]["type"] == "not_found"
    assert "GET /v1/nope/at/all" in answer.json()["error"]["message"]


@pytest.mark.parametrize(
    ("header", "value"), [("anthropic-version", "2023-06-01"), ("anthropic-beta", "x"), ("anthropic-version", "")]
)
def test_either_mark_of_an_sdk_changes_the_names_of_errors_and_nothing_else(api: Api, header: str, value: str) -> None:
    plain = api.call("GET", "/v1/agents/agent_unknown")
    marked = api.call("GET", "/v1/agents/agent_unknown", headers={header: value})
    assert plain.status_code == marked.status_code == 404
    assert plain.json()["error"]["type"] == "not_found"
    assert marked.json()["error"]["type"] == "not_found_error"
    assert plain.json()["message"] == marked.json()["message"] == plain.json()["error"]["message"]


def test_every_answer_has_one_request_id_and_errors_repeat_it(api: Api) -> None:
    good, bad = api.call("GET", "/v1/agents"), api.call("GET", "/v1/agents/agent_unknown")
    for answer in (good, bad):
        assert answer.headers["request-id"] == answer.headers["x-request-id"] != ""
    assert bad.json()["request_id"] == bad.headers["request-id"] != good.headers["request-id"]
    assert bad.json()["type"] == "error"


def test_broken_json_is_a_client_error_on_every_post(server: Server, api: Api) -> None:
    paths: dict[str, Json] = httpx2.get(f"{server.url}/openapi.json").json()["paths"]
    asked = 0
    for path, methods in paths.items():
        body = methods.get("post", {}).get("requestBody")
        if not path.startswith("/v1/") or body is None or path.startswith("/v1/mcp-proxy/"):
            continue
        if "/skills/{" in path:
            # What is uploaded is read only once it is known where it belongs.
            continue
        asked += 1
        concrete = path.replace("{", "").replace("}", "")
        answer = api.client.post(concrete, content=b'{"name": ', headers={"content-type": "application/json"})
        assert answer.status_code == 400, f"{path}: {answer.status_code} {answer.text}"
        names = "invalid_request_error" if path == "/v1/chat/completions" else "invalid_request"
        assert answer.json()["error"]["type"] == names
    assert asked >= 8


@pytest.mark.parametrize("body", [b"[]", b'"text"', b"\xff\xfe", b'{"name": "\\u0000"}', b"null"])
def test_a_body_that_is_no_object_of_sound_text_is_refused(api: Api, body: bytes) -> None:
    answer = api.client.post("/v1/agents", content=body, headers={"content-type": "application/json"})
    assert answer.status_code == 400


def test_unknown_fields_are_ignored(api: Api) -> None:
    assert api.post("/v1/agents", name="x", model="m", colour="green")["name"] == "x"


def _owned(api: Api) -> dict[str, str]:
    agent, environment = api.agent(), api.environment()
    session = api.session(agent, environment_id=environment["id"])
    api.turn(session, "secret words")
    file = api.post("/v1/files", filename="a.txt", content="secret", media_type="text/plain")
    resource = api.post(f"/v1/sessions/{session}/resources", type="file", file_id=file["id"])
    made = api.post("/v1/api_keys", name="mine")
    vault = api.post("/v1/vaults", name="mine")
    auth = {"type": "static_bearer", "mcp_server_url": "https://mcp.example.com", "token": "secret"}
    return {
        "agent": agent["id"],
        "environment": environment["id"],
        "session": session,
        "file": file["id"],
        "resource": resource["id"],
        "key": made["id"],
        "vault": vault["id"],
        "credential": api.post(f"/v1/vaults/{vault['id']}/credentials", auth=auth)["id"],
    }


ACCESSES: list[tuple[str, str, Any]] = [
    ("GET", "/v1/agents/{agent}", None),
    ("PATCH", "/v1/agents/{agent}", {"name": "stolen"}),
    ("DELETE", "/v1/agents/{agent}", None),
    ("POST", "/v1/agents/{agent}/archive", None),
    ("GET", "/v1/agents/{agent}/versions", None),
    ("GET", "/v1/agents/{agent}/versions/1", None),
    ("GET", "/v1/environments/{environment}", None),
    ("PATCH", "/v1/environments/{environment}", {"name": "stolen"}),
    ("DELETE", "/v1/environments/{environment}", None),
    ("GET", "/v1/sessions/{session}", None),
    ("PATCH", "/v1/sessions/{session}", {"title": "stolen"}),
    ("DELETE", "/v1/sessions/{session}", None),
    ("POST", "/v1/sessions/{session}/archive", None),
    ("POST", "/v1/sessions/{session}/cancel", None),
    ("POST", "/v1/sessions/{session}/events", {"events": [message("stolen")]}),
    ("POST", "/v1/sessions/{session}/messages", {"content": "stolen"}),
    ("GET", "/v1/sessions/{session}/events", None),
    ("GET", "/v1/sessions/{session}/log", None),
    ("GET", "/v1/sessions/{session}/events/stream", None),
    ("GET", "/v1/sessions/{session}/stream", None),
    ("GET", "/v1/sessions/{session}/pending", None),
    ("GET", "/v1/sessions/{session}/threads", None),
    ("GET", "/v1/sessions/{session}/threads/sthr_primary/events", None),
    ("GET", "/v1/sessions/{session}/resources", None),
    ("DELETE", "/v1/sessions/{session}/resources/{resource}", None),
    ("GET", "/v1/files/{file}", None),
    ("GET", "/v1/files/{file}/content", None),
    ("DELETE", "/v1/files/{file}", None),
    ("DELETE", "/v1/api_keys/{key}", None),
    ("GET", "/v1/vaults/{vault}", None),
    ("PATCH", "/v1/vaults/{vault}", {"name": "stolen"}),
    ("POST", "/v1/vaults/{vault}/archive", None),
    ("GET", "/v1/vaults/{vault}/credentials", None),
    ("GET", "/v1/vaults/{vault}/credentials/{credential}", None),
    ("PATCH", "/v1/vaults/{vault}/credentials/{credential}", {"display_name": "stolen"}),
    ("DELETE", "/v1/vaults/{vault}/credentials/{credential}", None),
    ("DELETE", "/v1/vaults/{vault}", None),
]


def test_another_tenants_objects_answer_exactly_like_unknown_ones(api: Api, stranger: Api) -> None:
    ids = _owned(api)
    unknown = {name: f"{text.partition('_')[0]}_{uuid.uuid4().hex}" for name, text in ids.items()}
    before = api.get(f"/v1/sessions/{ids['session']}")["title"], len(api.log(ids["session"]))
    for method, path, body in ACCESSES:
        theirs = stranger.call(method, path.format(**ids), body)
        nobodys = stranger.call(method, path.format(**unknown), body)
        assert theirs.status_code == nobodys.status_code == 404, f"{method} {path}: {theirs.status_code}"
        assert _without_ids(theirs, ids) == _without_ids(nobodys, unknown), path
    assert before == (api.get(f"/v1/sessions/{ids['session']}")["title"], len(api.log(ids["session"])))


def _without_ids(answer: httpx2.Response, ids: dict[str, str]) -> str:
    text = json.dumps(answer.json()["error"])
    for one in ids.values():
        text = text.replace(one, "ID")
    return text


def test_another_tenants_objects_cannot_be_named_in_new_ones(api: Api, stranger: Api) -> None:
    ids = _owned(api)
    agent, environment = stranger.agent(), stranger.environment()
    with_agent = {"agent": ids["agent"], "environment_id": environment["id"]}
    with_environment = {"agent": agent["id"], "environment_id": ids["environment"]}
    with_file = {
        "agent": agent["id"],
        "environment_id": environment["id"],
        "resources": [{"type": "file", "file_id": ids["file"]}],
    }
    with_vault = {"agent": agent["id"], "environment_id": environment["id"], "vault_ids": [ids["vault"]]}
    for body in (with_agent, with_environment, with_file, with_vault):
        assert stranger.call("POST", "/v1/sessions", body).status_code == 404
    upload = {"filename": "b.txt", "content": "x", "media_type": "text/plain", "scope_id": ids["session"]}
    assert stranger.call("POST", "/v1/files", upload).status_code == 404


def test_lists_of_two_tenants_share_nothing(api: Api, stranger: Api) -> None:
    ids = _owned(api)
    for noun in ("agents", "environments", "sessions", "files", "api_keys"):
        mine = {one["id"] for one in api.get(f"/v1/{noun}")["data"]}
        theirs = {one["id"] for one in stranger.get(f"/v1/{noun}")["data"]}
        assert mine & set(ids.values()), noun
        assert not mine & theirs, noun
    assert stranger.get("/v1/files", scope_id=ids["session"])["data"] == []
    assert stranger.get("/v1/sessions", agent_id=ids["agent"])["data"] == []


def test_answers_tell_the_rate_limit(api: Api) -> None:
    for answer in (api.call("GET", "/v1/agents"), api.call("GET", "/v1/agents/agent_unknown")):
        assert int(answer.headers["x-ratelimit-limit"]) > 0
        assert int(answer.headers["x-ratelimit-remaining"]) > 0
        assert int(answer.headers["x-ratelimit-reset"]) > 1_600_000_000
