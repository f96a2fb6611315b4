"""Environments of plain clients: both shapes, updates, use and removal."""

from tests.support.api import Api


def test_a_name_is_needed_and_the_rest_is_filled_in(api: Api) -> None:
    assert api.call("POST", "/v1/environments", {"config": {}}).status_code == 400
    made = api.call("POST", "/v1/environments", {"name": "E"})
    assert made.status_code == 201
    assert made.json()["type"] == "environment"
    assert made.json()["config"]["type"] == "cloud"
    assert made.json()["config"]["networking"] == {"type": "unrestricted"}
    assert made.json()["state"] == "active"


def test_a_rename_keeps_packages_and_network(api: Api) -> None:
    config = {
        "type": "cloud",
        "packages": {"pip": ["requests"]},
        "networking": {"type": "limited", "allowed_hosts": ["example.com"], "allow_package_managers": True},
    }
    made = api.post("/v1/environments", name="E", config=config, metadata={"a": "1"})
    for method in ("PATCH", "POST", "PUT"):
        renamed = api.ok(method, f"/v1/environments/{made['id']}", {"name": f"F {method}"})
        assert renamed["name"] == f"F {method}"
        assert renamed["config"] == made["config"]
        assert renamed["metadata"] == {"a": "1"}
    assert renamed["config"]["packages"]["pip"] == ["requests"]


def test_the_flat_shape_is_kept_and_means_the_nested_one(api: Api) -> None:
    made = api.post(
        "/v1/environments",
        name="E",
        packages={"pip": ["requests"]},
        network={"allowlist": ["example.com"]},
        env={"MODE": "test"},
        base_image="python:3.12",
    )
    assert made["config"]["packages"]["pip"] == ["requests"]
    assert made["config"]["networking"]["type"] == "limited"
    assert made["config"]["networking"]["allowed_hosts"] == ["example.com"]
    assert made["config"]["networking"]["allow_package_managers"] is True
    assert made["packages"]["pip"] == ["requests"]
    assert made["network"]["allowlist"] == ["example.com"]
    assert made["env"] == {"MODE": "test"}
    assert made["base_image"] == "python:3.12"
    assert api.get(f"/v1/environments/{made['id']}") == made


def test_nested_packages_on_a_limited_network_need_the_package_managers(api: Api) -> None:
    config = {"packages": {"pip": ["requests"]}, "networking": {"type": "limited", "allowed_hosts": []}}
    assert api.call("POST", "/v1/environments", {"name": "E", "config": config}).status_code == 400


def test_the_kind_of_an_environment_is_known_and_fixed(api: Api) -> None:
    assert api.call("POST", "/v1/environments", {"name": "E", "config": {"type": "moon"}}).status_code == 400
    made = api.environment()
    changed = api.call("PATCH", f"/v1/environments/{made['id']}", {"config": {"type": "self_hosted"}})
    assert changed.status_code == 400
    too_many = {"packages": {"pip": [f"p{number}" for number in range(101)]}}
    assert api.call("POST", "/v1/environments", {"name": "E", "config": too_many}).status_code == 400


def test_an_environment_in_use_cannot_be_deleted(api: Api) -> None:
    made = api.environment()
    path = f"/v1/environments/{made['id']}"
    session = api.session(environment_id=made["id"])
    refused = api.call("DELETE", path)
    assert refused.status_code == 409
    assert refused.headers["x-should-retry"] == "false"
    api.ok("DELETE", f"/v1/sessions/{session}")
    assert api.ok("DELETE", path) == {"id": made["id"], "type": "environment_deleted"}
    assert api.call("GET", path).status_code == 404
    assert api.call("DELETE", path).status_code == 404


def test_an_archived_session_does_not_hold_its_environment(api: Api) -> None:
    made = api.environment()
    session = api.session(environment_id=made["id"])
    api.post(f"/v1/sessions/{session}/archive")
    assert api.call("DELETE", f"/v1/environments/{made['id']}").status_code == 200


def test_an_active_agents_default_environment_cannot_be_deleted(api: Api) -> None:
    made = api.environment()
    agent = api.agent(environment_id=made["id"])
    assert agent["environment_id"] == made["id"]
    assert api.call("DELETE", f"/v1/environments/{made['id']}").status_code == 409
    api.ok("DELETE", f"/v1/agents/{agent['id']}")
    assert api.call("DELETE", f"/v1/environments/{made['id']}").status_code == 200


def test_archiving_keeps_the_first_time_and_refuses_new_sessions(api: Api) -> None:
    made = api.environment()
    path = f"/v1/environments/{made['id']}"
    first = api.post(f"{path}/archive")
    assert api.post(f"{path}/archive")["archived_at"] == first["archived_at"] is not None
    body = {"agent": api.agent()["id"], "environment_id": made["id"]}
    assert api.call("POST", "/v1/sessions", body).status_code == 400


def test_lists_show_archived_environments_unless_told_otherwise(api: Api, sdk_api: Api) -> None:
    kept, gone = api.environment(name="Kept"), api.environment(name="Gone")
    api.post(f"/v1/environments/{gone['id']}/archive")

    def names(client: Api, **query: str) -> list[str]:
        return [one["name"] for one in client.get("/v1/environments", **query)["data"]]

    assert names(api) == ["Gone", kept["name"]]
    assert names(api, archived="true") == ["Gone"]
    assert names(api, archived="false") == names(sdk_api) == ["Kept"]
    assert api.call("GET", "/v1/environments", params={"status": "bogus"}).json()["error"]["code"] == "invalid_status"


def test_two_environments_may_share_a_name_unless_an_sdk_makes_them(api: Api, sdk_api: Api) -> None:
    for _ in range(2):
        assert api.call("POST", "/v1/environments", {"name": "Twin"}).status_code == 201
    assert sdk_api.call("POST", "/v1/environments", {"name": "Twin"}).status_code == 409
