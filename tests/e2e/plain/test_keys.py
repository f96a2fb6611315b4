"""A tenant's API keys: shown once, listed without their secret, limited to their scopes, worthless once removed."""

import httpx2
import pytest

from tests.support.api import Api, Json, message
from tests.support.server import Server


def _with(server: Server, secret: str) -> Api:
    return Api(server.url, secret)


def test_a_key_is_shown_once_and_works_at_once(server: Server, api: Api) -> None:
    made = api.call("POST", "/v1/api_keys", {"name": "CI"})
    assert made.status_code == 201
    key = made.json()
    assert key["name"] == "CI"
    assert key["prefix"] == key["key"][:8]
    assert key["created_at"]
    agent = api.agent()
    other = _with(server, key["key"])
    assert other.get(f"/v1/agents/{agent['id']}") == agent
    other.close()
    listed = api.get("/v1/api_keys")["data"]
    shown = next(one for one in listed if one["id"] == key["id"])
    assert (shown["name"], shown["prefix"]) == ("CI", key["prefix"])
    assert "key" not in shown
    assert key["key"] not in str(listed)


def test_a_key_without_a_name_gets_one(api: Api) -> None:
    assert api.call("POST", "/v1/api_keys").json()["name"] == "Untitled key"


def test_a_removed_key_is_refused_at_once(server: Server, api: Api) -> None:
    key = api.post("/v1/api_keys", name="short-lived")
    other = _with(server, key["key"])
    assert other.call("GET", "/v1/agents").status_code == 200
    assert api.ok("DELETE", f"/v1/api_keys/{key['id']}") == {"id": key["id"], "type": "api_key_deleted"}
    assert other.call("GET", "/v1/agents").status_code == 401
    assert api.call("DELETE", f"/v1/api_keys/{key['id']}").status_code == 404
    assert key["id"] not in [one["id"] for one in api.get("/v1/api_keys")["data"]]
    other.close()


WRITES: list[tuple[str, str, Json | None]] = [
    ("POST", "/v1/agents", {"name": "A", "model": "m"}),
    ("PATCH", "/v1/agents/{agent}", {"name": "B"}),
    ("DELETE", "/v1/agents/{agent}", None),
    ("POST", "/v1/environments", {"name": "E"}),
    ("POST", "/v1/sessions", {"agent": "a"}),
    ("PATCH", "/v1/sessions/{session}", {"title": "t"}),
    ("DELETE", "/v1/sessions/{session}", None),
    ("POST", "/v1/sessions/{session}/archive", None),
    ("POST", "/v1/sessions/{session}/cancel", None),
    ("POST", "/v1/sessions/{session}/events", {"events": [message("x")]}),
    ("POST", "/v1/sessions/{session}/messages", {"content": "x"}),
    ("POST", "/v1/files", {"filename": "a", "content": "x", "media_type": "text/plain"}),
    ("POST", "/v1/api_keys", {"name": "more"}),
    ("GET", "/v1/api_keys", None),
]


def test_a_reading_key_reads_and_does_nothing_else(server: Server, api: Api) -> None:
    ids = {"agent": api.agent()["id"], "session": api.session()}
    reader = _with(server, api.post("/v1/api_keys", name="reader", scopes=["read"])["key"])
    for path in ("/v1/agents", f"/v1/sessions/{ids['session']}", f"/v1/sessions/{ids['session']}/log", "/v1/me"):
        assert reader.call("GET", path).status_code == 200
    for method, path, body in WRITES:
        answer = reader.call(method, path.format(**ids), body)
        assert answer.status_code == 403, f"{method} {path}: {answer.status_code}"
        assert answer.json()["error"]["type"] == "forbidden"
    assert api.status(ids["session"]) == "idle"
    assert api.log(ids["session"]) == []
    reader.close()


def test_a_key_cannot_give_what_it_does_not_have(server: Server, api: Api) -> None:
    keeper = _with(server, api.post("/v1/api_keys", name="keeper", scopes=["read", "keys"])["key"])
    assert keeper.post("/v1/api_keys", name="x")["scopes"] == ["read", "keys"]
    assert keeper.call("POST", "/v1/api_keys", {"name": "x", "scopes": ["write"]}).status_code == 403
    assert api.call("POST", "/v1/api_keys", {"name": "x", "scopes": ["internal"]}).status_code == 403
    keeper.close()


@pytest.mark.parametrize("scopes", [["fly"], [], "read"])
def test_unknown_scopes_are_refused(api: Api, scopes: object) -> None:
    assert api.call("POST", "/v1/api_keys", {"name": "x", "scopes": scopes}).status_code == 400


def test_a_key_tells_whom_it_acts_for(api: Api) -> None:
    me = api.get("/v1/me")
    assert me["user"] is None
    assert me["tenant"]["name"] == "Test"
    assert [one["id"] for one in me["tenants"]] == [me["tenant"]["id"]]
    assert api.get("/v1/me/tenants")["data"][0]["id"] == me["tenant"]["id"]
    assert "write" in me["api_key"]["scopes"]


def test_a_stream_needs_a_key_that_reads(server: Server, api: Api) -> None:
    session = api.session()
    writer = api.post("/v1/api_keys", name="writer", scopes=["write"])["key"]
    path = f"{server.url}/v1/sessions/{session}/events/stream"
    assert httpx2.get(path, headers={"x-api-key": writer}).status_code == 403
