"""What the operator does with tenants: make, list, rename, suspend, limit, close, and their keys."""

from collections.abc import Iterator

import pytest

from tests.fakes.model_server import FakeModel
from tests.support.api import Api, Json, wait_for
from tests.support.server import Server


@pytest.fixture
def root(server: Server) -> Iterator[Api]:
    """The operator."""
    client = Api(server.url, server.root_key)
    yield client
    client.close()


@pytest.fixture
def tenant(root: Api) -> Json:
    """A fresh tenant with its first key."""
    return root.post("/admin/tenants", name="Acme")


def test_a_new_tenant_comes_with_a_key_that_works(server: Server, root: Api) -> None:
    made = root.call("POST", "/admin/tenants", {"name": "Acme"})
    assert made.status_code == 201
    tenant = made.json()
    assert (tenant["type"], tenant["name"], tenant["status"]) == ("tenant", "Acme", "active")
    api = Api(server.url, tenant["api_key"]["key"])
    assert api.get("/v1/me")["tenant"] == {"id": tenant["id"], "name": "Acme"}
    assert api.get("/v1/agents")["data"] == []
    api.close()
    shown = root.get(f"/admin/tenants/{tenant['id']}")
    assert "api_key" not in shown
    assert tenant["api_key"]["key"] not in str(root.get("/admin/tenants"))
    assert tenant["id"] in [one["id"] for one in root.get("/admin/tenants")["data"]]


def test_tenants_are_listed_by_pages_newest_first(root: Api) -> None:
    made = [root.post("/admin/tenants", name=f"T{number}")["id"] for number in range(3)]
    first = root.get("/admin/tenants", limit=2)
    second = root.get("/admin/tenants", limit=2, page=first["next_page"])
    assert [one["id"] for one in [*first["data"], *second["data"]]][:3] == made[::-1]


def test_only_the_operator_may_manage_tenants(api: Api, root: Api, tenant: Json) -> None:
    one = f"/admin/tenants/{tenant['id']}"
    for method, path in (
        ("GET", "/admin/tenants"),
        ("POST", "/admin/tenants"),
        ("GET", one),
        ("PATCH", one),
        ("DELETE", one),
        ("POST", f"{one}/keys"),
        ("POST", f"{one}/rotate"),
    ):
        assert api.call(method, path, {"name": "x"}).status_code in (401, 403), path
    assert root.get(one)["name"] == "Acme"


def test_the_operators_key_opens_no_tenants_data(root: Api) -> None:
    assert root.call("GET", "/v1/agents").status_code in (401, 403)


def test_a_suspended_tenant_is_refused_until_it_is_resumed(server: Server, root: Api, tenant: Json) -> None:
    api = Api(server.url, tenant["api_key"]["key"])
    agent = api.agent()
    path = f"/admin/tenants/{tenant['id']}"
    assert root.ok("PATCH", path, {"status": "suspended"})["status"] == "suspended"
    assert api.call("GET", "/v1/agents").status_code == 401
    assert root.ok("PATCH", path, {"status": "active"})["status"] == "active"
    assert api.get(f"/v1/agents/{agent['id']}") == agent
    api.close()


@pytest.mark.parametrize("end", ["suspended", "closed"])
def test_what_is_at_work_for_a_tenant_stops_when_it_is_suspended_or_closed(
    server: Server, root: Api, tenant: Json, model: FakeModel, end: str
) -> None:
    api = Api(server.url, tenant["api_key"]["key"])
    path = f"/admin/tenants/{tenant['id']}"
    session = api.session()
    model.hold(at="stop", match=f"linger {end}")
    api.say(session, f"linger {end}")
    model.wait_held(1, 30)
    api.say(session, f"linger {end} and on")
    at_work = {"params": {"tenant_id": tenant["id"]}}
    assert [one["id"] for one in root.ok("GET", "/admin/running", **at_work)["data"]] == [session]
    if end == "closed":
        root.ok("DELETE", path)
    else:
        root.ok("PATCH", path, {"status": "suspended"})
    wait_for(lambda: root.ok("GET", "/admin/running", **at_work)["data"] == [], "the session to stop")
    model.release()
    assert len(model.requests) == 1
    if end == "suspended":
        root.ok("PATCH", path, {"status": "active"})
        assert api.wait_idle(session)["stop_reason"] == {"type": "end_turn"}
        assert "agent.message" in [one["type"] for one in api.turn(session, "tokens:1")]
    api.close()


def test_a_tenant_is_renamed(root: Api, tenant: Json) -> None:
    path = f"/admin/tenants/{tenant['id']}"
    assert root.ok("PATCH", path, {"name": "Acme & Sons"})["name"] == "Acme & Sons"
    assert root.get(path)["name"] == "Acme & Sons"
    for body in ({"name": ""}, {"status": "asleep"}, {"limits": {"read": -1}}, {"limits": {"dance": 1}}):
        assert root.call("PATCH", path, body).status_code == 400
    assert root.call("GET", "/admin/tenants/tn_unknown").status_code == 404
    assert root.call("POST", "/admin/tenants", {}).status_code == 400


def test_limits_of_a_tenant_hold_for_it_alone(server: Server, root: Api, api: Api) -> None:
    tenant = root.post("/admin/tenants", name="Small", limits={"write": 3})
    assert tenant["limits"]["write"] == 3
    small = Api(server.url, tenant["api_key"]["key"])
    answers = [small.call("POST", "/v1/environments", {"name": f"E{number}"}) for number in range(5)]
    assert [answer.status_code for answer in answers][:2] == [201, 201]
    assert answers[-1].status_code == 429
    assert answers[0].headers["x-ratelimit-limit"] == "3"
    assert small.call("GET", "/v1/agents").status_code == 200
    assert api.call("POST", "/v1/environments", {"name": "E"}).status_code == 201
    root.ok("PATCH", f"/admin/tenants/{tenant['id']}", {"limits": {"write": 0}})
    assert small.call("POST", "/v1/environments", {"name": "again"}).status_code == 201
    small.close()


def test_the_operator_makes_lists_and_revokes_keys_of_a_tenant(server: Server, root: Api, tenant: Json) -> None:
    path = f"/admin/tenants/{tenant['id']}/keys"
    key = root.call("POST", path, {"name": "reader", "scopes": ["read"]})
    assert key.status_code == 201
    api = Api(server.url, key.json()["key"])
    assert api.call("GET", "/v1/agents").status_code == 200
    assert api.call("POST", "/v1/agents", {"name": "A", "model": "m"}).status_code == 403
    assert {one["name"] for one in root.get(path)["data"]} >= {"reader"}
    assert root.call("DELETE", f"{path}/{key.json()['id']}").status_code == 200
    assert api.call("GET", "/v1/agents").status_code == 401
    assert root.call("DELETE", f"{path}/{key.json()['id']}").status_code == 404
    api.close()


def test_rotation_leaves_one_new_key(server: Server, root: Api, tenant: Json) -> None:
    new = root.call("POST", f"/admin/tenants/{tenant['id']}/rotate")
    assert new.status_code == 201
    old, fresh = Api(server.url, tenant["api_key"]["key"]), Api(server.url, new.json()["key"])
    assert old.call("GET", "/v1/agents").status_code == 401
    assert fresh.call("GET", "/v1/agents").status_code == 200
    assert len(root.get(f"/admin/tenants/{tenant['id']}/keys")["data"]) == 1
    old.close()
    fresh.close()


def test_a_closed_tenant_is_closed_for_good(server: Server, root: Api, tenant: Json) -> None:
    path = f"/admin/tenants/{tenant['id']}"
    assert root.ok("DELETE", path)["status"] == "closed"
    api = Api(server.url, tenant["api_key"]["key"])
    assert api.call("GET", "/v1/agents").status_code == 401
    api.close()
    assert root.call("PATCH", path, {"status": "active"}).status_code == 409
    assert root.get(path)["status"] == "closed"
