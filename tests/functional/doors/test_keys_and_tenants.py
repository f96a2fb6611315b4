"""Keys, tenants, the operator, models, and what every answer carries."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.support.api import Api


def api_with(plain: Api, key: str, opened: list[Api]) -> Api:
    opened.append(Api(plain.url, key))
    return opened[-1]


@pytest.fixture
def opened() -> Any:
    clients: list[Api] = []
    yield clients
    for client in clients:
        client.close()


def test_a_new_tenant_comes_with_a_key_shown_once(root: Api) -> None:
    made = root.post("/admin/tenants", name="Acme", limits={"write": 5})
    secret = made["api_key"]["key"]
    assert made["id"].startswith("tn_")
    assert (made["type"], made["name"], made["status"]) == ("tenant", "Acme", "active")
    assert made["limits"] == {"read": None, "write": 5, "upload": None}
    assert made["api_key"]["id"].startswith("ak_")
    assert made["api_key"]["prefix"] == secret[:8]
    assert made["api_key"]["scopes"] == ["read", "write", "keys"]
    assert secret not in root.call("GET", f"/admin/tenants/{made['id']}").text
    assert secret not in root.call("GET", f"/admin/tenants/{made['id']}/keys").text


def test_only_the_operator_reaches_the_admin_side(plain: Api, url: str, opened: list[Api]) -> None:
    nobody = api_with(plain, "wrong", opened)
    for method, path in (("GET", "/admin/tenants"), ("POST", "/admin/tenants"), ("DELETE", "/admin/tenants/x")):
        assert plain.call(method, path, {} if method == "POST" else None).status_code in (401, 403)
        assert nobody.call(method, path, {} if method == "POST" else None).status_code == 401


def test_the_operator_suspends_resumes_and_closes(root: Api, opened: list[Api]) -> None:
    made = root.post("/admin/tenants", name="Acme")
    tenant, path = api_with(root, made["api_key"]["key"], opened), f"/admin/tenants/{made['id']}"
    assert tenant.call("GET", "/v1/me").status_code == 200
    assert root.ok("PATCH", path, {"status": "suspended", "name": "Renamed"})["status"] == "suspended"
    assert tenant.call("GET", "/v1/me").status_code == 401
    root.ok("PATCH", path, {"status": "active"})
    assert tenant.get("/v1/me")["tenant"] == {"id": made["id"], "name": "Renamed"}
    assert root.ok("PATCH", path, {"limits": {"read": 7}})["limits"]["read"] == 7
    assert root.ok("PATCH", path, {"limits": {"read": None}})["limits"]["read"] is None
    assert root.call("PATCH", path, {"limits": {"speed": 7}}).status_code == 400
    assert root.ok("DELETE", path)["status"] == "closed"
    assert root.ok("DELETE", path)["status"] == "closed"
    assert root.call("PATCH", path, {"status": "active"}).status_code == 409
    assert tenant.call("GET", "/v1/me").status_code == 401
    assert root.get("/admin/tenants")["data"][0]["status"] == "closed"
    for wrong in ("/admin/tenants/x", "/admin/tenants/tn_" + "0" * 32):
        assert root.call("GET", wrong).status_code == 404
        assert root.call("DELETE", wrong).status_code == 404


def test_the_operator_manages_a_tenants_keys(root: Api, opened: list[Api]) -> None:
    made = root.post("/admin/tenants", name="Acme")
    path = f"/admin/tenants/{made['id']}"
    minted = root.post(f"{path}/keys", name="reader", scopes=["read"])
    reader = api_with(root, minted["key"], opened)
    assert reader.call("GET", "/v1/agents").status_code == 200
    assert reader.call("POST", "/v1/agents", {"name": "A", "model": "m"}).status_code == 403
    assert reader.call("GET", "/v1/api_keys").status_code == 403
    assert {key["name"] for key in root.get(f"{path}/keys")["data"]} == {"First key", "reader"}
    assert root.ok("DELETE", f"{path}/keys/{minted['id']}")["type"] == "api_key_deleted"
    assert reader.call("GET", "/v1/agents").status_code == 401
    rotated = root.post(f"{path}/rotate")
    assert api_with(root, made["api_key"]["key"], opened).call("GET", "/v1/me").status_code == 401
    assert api_with(root, rotated["key"], opened).call("GET", "/v1/me").status_code == 200


def test_a_tenant_manages_its_own_keys(plain: Api, opened: list[Api]) -> None:
    made = plain.post("/v1/api_keys")
    assert (made["name"], made["scopes"]) == ("Untitled key", ["read", "write", "keys"])
    other = api_with(plain, made["key"], opened)
    assert other.get("/v1/me")["api_key"]["id"] == made["id"]
    listed = plain.get("/v1/api_keys")["data"]
    assert {key["id"] for key in listed} >= {made["id"]}
    assert all("key" not in key for key in listed)
    used = next(key for key in listed if key["id"] == made["id"])
    assert used["last_used_at"] is not None
    assert plain.ok("DELETE", f"/v1/api_keys/{made['id']}") == {"id": made["id"], "type": "api_key_deleted"}
    assert other.call("GET", "/v1/me").status_code == 401
    assert plain.call("DELETE", f"/v1/api_keys/{made['id']}").status_code == 404


def test_a_key_hands_out_no_more_than_it_has(plain: Api, opened: list[Api]) -> None:
    assert plain.call("POST", "/v1/api_keys", {"scopes": ["internal"]}).status_code == 403
    assert plain.call("POST", "/v1/api_keys", {"scopes": ["fly"]}).status_code == 400
    limited = api_with(plain, plain.post("/v1/api_keys", scopes=["read", "keys"])["key"], opened)
    assert limited.post("/v1/api_keys")["scopes"] == ["read", "keys"]
    assert limited.call("POST", "/v1/api_keys", {"scopes": ["write"]}).status_code == 403


def test_a_key_does_not_get_the_secret_that_one_with_other_scopes_was_given(plain: Api, opened: list[Api]) -> None:
    once: dict[str, Any] = {"headers": {"idempotency-key": "once"}}
    limited = api_with(plain, plain.post("/v1/api_keys", scopes=["keys"])["key"], opened)
    alike = api_with(plain, plain.post("/v1/api_keys")["key"], opened)
    given = plain.ok("POST", "/v1/api_keys", {"name": "CI"}, **once)
    assert given["scopes"] == ["read", "write", "keys"]
    own = limited.ok("POST", "/v1/api_keys", {"name": "CI"}, **once)
    assert (own["scopes"], own["key"] == given["key"]) == (["keys"], False)
    assert alike.ok("POST", "/v1/api_keys", {"name": "CI"}, **once) == given


def test_who_calls(plain: Api) -> None:
    me = plain.get("/v1/me")
    assert me["user"] is None
    assert me["tenants"] == [me["tenant"] | {"role": "owner"}]
    assert plain.get("/v1/me/tenants")["data"] == me["tenants"]


def test_a_tenant_sees_only_its_own(plain: Api, new_key: Callable[[], str], opened: list[Api]) -> None:
    stranger = api_with(plain, new_key(), opened)
    agent = plain.post("/v1/agents", name="A", model="m")["id"]
    environment = plain.post("/v1/environments", name="E")["id"]
    file = plain.post("/v1/files", filename="a.txt", content="x")["id"]
    key = plain.post("/v1/api_keys")["id"]
    for method, path in (
        ("GET", f"/v1/agents/{agent}"),
        ("PATCH", f"/v1/agents/{agent}"),
        ("DELETE", f"/v1/agents/{agent}"),
        ("GET", f"/v1/agents/{agent}/versions"),
        ("GET", f"/v1/environments/{environment}"),
        ("PATCH", f"/v1/environments/{environment}"),
        ("POST", f"/v1/environments/{environment}/archive"),
        ("DELETE", f"/v1/environments/{environment}"),
        ("GET", f"/v1/files/{file}"),
        ("GET", f"/v1/files/{file}/content"),
        ("DELETE", f"/v1/files/{file}"),
        ("DELETE", f"/v1/api_keys/{key}"),
    ):
        assert stranger.call(method, path).status_code == 404, path
    for path in ("/v1/agents", "/v1/environments", "/v1/files"):
        assert stranger.get(path)["data"] == []
    assert stranger.get("/v1/files", ids=file)["data"] == []
    assert plain.get(f"/v1/agents/{agent}")["archived"] is False


def test_limits_are_counted_told_and_kept(root: Api, opened: list[Api], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("chalicelib.tenants.limits.now_ms", lambda: 4_000_000_040_000)
    made = root.post("/admin/tenants", name="Acme", limits={"write": 2})
    tenant = api_with(root, made["api_key"]["key"], opened)
    told = [tenant.call("POST", "/v1/environments", {"name": "E"}).headers for _ in range(2)]
    assert [headers["x-ratelimit-limit"] for headers in told] == ["2", "2"]
    assert [headers["x-ratelimit-remaining"] for headers in told] == ["1", "0"]
    refused = tenant.call("POST", "/v1/environments", {"name": "E"})
    assert (refused.status_code, refused.json()["error"]["type"]) == (429, "rate_limited")
    assert 0 < int(refused.headers["retry-after"]) <= 60
    assert tenant.call("GET", "/v1/environments").status_code == 200


def test_errors_are_named_by_the_kind_of_client(plain: Api, raw_sdk: Api, opened: list[Api]) -> None:
    for path, status, names in (
        ("/v1/agents/agent_x", 404, ("not_found", "not_found_error")),
        ("/v1/nope", 404, ("not_found", "not_found_error")),
        ("/v1/agents?status=x", 400, ("invalid_request", "invalid_request_error")),
    ):
        for api, name in zip((plain, raw_sdk), names, strict=True):
            answer = api.call("GET", path)
            assert (answer.status_code, answer.json()["error"]["type"]) == (status, name)
    nobody = api_with(plain, "wrong", opened).call("GET", "/v1/agents")
    assert (nobody.status_code, nobody.json()["error"]["type"]) == (401, "unauthorized")
    broken = plain.client.post("/v1/agents", content=b"{", headers={"content-type": "application/json"})
    assert (broken.status_code, broken.json()["error"]["type"]) == (400, "invalid_request")


def test_models_in_both_shapes(plain: Api, raw_sdk: Api) -> None:
    listed = plain.get("/v1/models")
    assert listed["object"] == "list"
    first = listed["data"][0]
    assert set(first) == {"id", "object", "created", "owned_by"}
    assert plain.get(f"/v1/models/{first['id']}") == first
    page = raw_sdk.get("/v1/models")
    assert page["data"][0]["type"] == "model"
    assert [model["id"] for model in page["data"]] == [model["id"] for model in listed["data"]]
    assert raw_sdk.get("/v1/models", **{"lifecycle[]": "retired"})["data"] == []
    ids = [model["id"] for model in page["data"]]
    assert raw_sdk.get("/v1/models", after_id=ids[0], limit=1)["data"][0]["id"] == ids[1]
    assert raw_sdk.get("/v1/models", before_id=ids[1])["data"][-1]["id"] == ids[0]
    assert raw_sdk.call("GET", "/v1/models?after_id=x").status_code == 400
    assert plain.get("/v1/models/list")["data"][0]["id"] == ids[0]
    assert plain.call("GET", "/v1/models/some/unknown").status_code == 404
