"""Agents and environments as clients without SDK headers use them."""

from typing import Any

import pytest

from tests.support.api import Api

UNKNOWN_AGENT = "agent_" + "0" * 32


def refused(api: Api, method: str, path: str, body: Any = None, **options: Any) -> tuple[int, str]:
    answer = api.call(method, path, body, **options)
    shown = answer.json()
    assert shown["type"] == "error"
    assert shown["message"] == shown["error"]["message"]
    assert shown["request_id"] == answer.headers["request-id"] == answer.headers["x-request-id"]
    return answer.status_code, shown["error"]["type"]


def test_a_bare_agent_gets_every_key_and_the_built_in_tools(plain: Api) -> None:
    made = plain.post("/v1/agents", name="A", model="m")
    defaults = {"enabled": True, "permission_policy": {"type": "always_allow"}}
    assert made["model"] == {"id": "m", "speed": "standard", "effort": None, "inference_geo": None}
    assert made["tools"] == [{"type": "agent_toolset_20260401", "default_config": defaults, "configs": []}]
    rest = {
        key: value for key, value in made.items() if key not in ("id", "created_at", "updated_at", "model", "tools")
    }
    assert rest == {
        "type": "agent",
        "version": 1,
        "name": "A",
        "description": None,
        "system": None,
        "mcp_servers": [],
        "skills": [],
        "multiagent": None,
        "callable_agents": [],
        "execution_identity": {"type": "service_account"},
        "metadata": {},
        "environment_id": None,
        "memory_store_id": None,
        "harness": "default",
        "enable_general_subagent": False,
        "archived": False,
        "archived_at": None,
    }
    assert made["created_at"] == made["updated_at"]
    assert made["created_at"].endswith("Z")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"model": "m"}, "name"),
        ({"name": "A"}, "model"),
        ({"name": "", "model": "m"}, "name"),
        ({"name": "x" * 257, "model": "m"}, "name"),
        ({"name": "A", "model": ""}, "model"),
        ({"name": "A", "model": {"id": "m", "effort": "huge"}}, "model.effort"),
        ({"name": "A", "model": "m", "system": "x" * 100_001}, "system"),
        ({"name": "A", "model": "m", "description": "x" * 2049}, "description"),
        ({"name": "A", "model": "m", "tools": [{"type": "bash"}]}, "tools.0.type"),
        ({"name": "A", "model": "m", "tools": [{"type": "agent_toolset_20260401"}] * 2}, "tools"),
        (
            {"name": "A", "model": "m", "tools": [{"type": "agent_toolset_20260401", "configs": [{"name": "fly"}]}]},
            "tools.0.configs.0",
        ),
        ({"name": "A", "model": "m", "tools": [{"type": "custom", "name": "a b"}]}, "tools.0."),
        ({"name": "A", "model": "m", "mcp_servers": [{"name": "a"}]}, "mcp_servers.0"),
        (
            {"name": "A", "model": "m", "mcp_servers": [{"name": f"s{n}", "url": "https://a.b"} for n in range(21)]},
            "mcp",
        ),
        ({"name": "A", "model": "m", "skills": [f"s{n}" for n in range(21)]}, "skills"),
        ({"name": "A", "model": "m", "metadata": {f"k{n}": "v" for n in range(17)}}, "metadata"),
        ({"name": "A", "model": "m", "metadata": {"k" * 65: "v"}}, "metadata"),
        ({"name": "A", "model": "m", "metadata": {"k": "v" * 513}}, "metadata"),
        ({"name": "A", "model": "m", "metadata": {"k": 1}}, "metadata.k"),
        ({"name": "A", "model": "m", "execution_identity": {"type": "aws_role"}}, "execution_identity"),
    ],
)
def test_a_bad_agent_is_refused_with_the_path_of_its_fault(plain: Api, body: dict[str, Any], field: str) -> None:
    answer = plain.call("POST", "/v1/agents", body)
    assert answer.status_code == 400, answer.text
    assert answer.json()["error"]["type"] == "invalid_request"
    assert answer.json()["message"].startswith(field), answer.json()["message"]


def test_many_tools_are_taken_and_too_many_refused(plain: Api) -> None:
    def tools(count: int) -> list[dict[str, Any]]:
        schema = {"type": "object"}
        return [{"type": "custom", "name": f"t{n}", "description": "d", "input_schema": schema} for n in range(count)]

    assert plain.call("POST", "/v1/agents", {"name": "A", "model": "m", "tools": tools(129)}).status_code == 201
    assert plain.call("POST", "/v1/agents", {"name": "A", "model": "m", "tools": tools(257)}).status_code == 400


@pytest.mark.parametrize("method", ["PATCH", "POST", "PUT"])
def test_every_update_verb_changes_only_what_is_sent(plain: Api, method: str) -> None:
    made = plain.post("/v1/agents", name="A", model="m", system="s", metadata={"a": "1", "b": "2", "c": "3"})
    path = f"/v1/agents/{made['id']}"
    changed = plain.ok(method, path, {"description": "d", "metadata": {"a": None, "b": ""}})
    assert (changed["version"], changed["system"], changed["description"]) == (2, "s", "d")
    assert changed["metadata"] == {"c": "3"}
    assert plain.ok(method, path, {"description": "d"})["version"] == 2
    assert refused(plain, method, path, {"name": "B", "version": 1}) == (409, "conflict")
    assert plain.call(method, path, {"name": "B", "version": 1}).headers["x-should-retry"] == "false"
    assert plain.ok(method, path, {"name": "B", "version": 2})["version"] == 3
    assert plain.call(method, path).json()["version"] == 3


def test_versions_are_listed_and_readable_one_by_one(plain: Api) -> None:
    path = f"/v1/agents/{plain.post('/v1/agents', name='A', model='m', system='one')['id']}"
    for text in ("two", "three", "four"):
        plain.ok("PATCH", path, {"system": text})
    assert [agent["version"] for agent in plain.get(f"{path}/versions")["data"]] == [4, 3, 2, 1]
    assert [a["version"] for a in plain.get(f"{path}/versions", include_current="false")["data"]] == [3, 2, 1]
    first = plain.get(f"{path}/versions", limit=3)
    assert first["has_more"] is True
    assert first["next_page"] == first["next_cursor"]
    last = plain.get(f"{path}/versions", limit=3, cursor=first["next_cursor"])
    assert [agent["version"] for agent in last["data"]] == [1]
    assert (last["next_page"], last["next_cursor"], last["has_more"]) == (None, None, False)
    assert plain.get(f"{path}/versions/1")["system"] == "one"
    assert plain.get(path, version=2)["system"] == "two"
    for wrong in ("99", "0", "x", "1.0", "9" * 30):
        assert refused(plain, "GET", f"{path}/versions/{wrong}") == (404, "not_found")
    assert refused(plain, "GET", f"{path}?version=99") == (404, "not_found")
    assert refused(plain, "GET", f"/v1/agents/{UNKNOWN_AGENT}/versions") == (404, "not_found")


def test_deleting_an_agent_archives_it(plain: Api) -> None:
    path = f"/v1/agents/{plain.post('/v1/agents', name='A', model='m')['id']}"
    gone = plain.ok("DELETE", path)
    assert (gone["type"], gone["archived"]) == ("agent", True)
    assert plain.get(path)["archived_at"] == gone["archived_at"]
    assert plain.ok("POST", f"{path}/archive")["archived_at"] == gone["archived_at"]
    assert refused(plain, "PATCH", path, {"name": "B"}) == (400, "invalid_request")


def test_ids_in_every_dress_and_out_of_shape(plain: Api) -> None:
    made = plain.post("/v1/agents", name="A", model="m")
    bare = made["id"].removeprefix("agent_")
    dashed = f"{bare[:8]}-{bare[8:12]}-{bare[12:16]}-{bare[16:20]}-{bare[20:]}"
    for spelling in (bare, dashed, made["id"].upper()):
        assert plain.get(f"/v1/agents/{spelling}")["id"] == made["id"]
    for wrong in (UNKNOWN_AGENT, "agent_1", "x", "%20", f"env_{bare}", "..%2F.."):
        assert refused(plain, "GET", f"/v1/agents/{wrong}") == (404, "not_found")


def test_pages_visit_every_agent_once_and_odd_limits_do_not_fail(plain: Api) -> None:
    made = [plain.post("/v1/agents", name=f"A{number}", model="m")["id"] for number in range(5)]
    seen: list[str] = []
    query: dict[str, Any] = {"limit": 2}
    sizes = []
    while True:
        page = plain.get("/v1/agents", **query)
        seen += [agent["id"] for agent in page["data"]]
        sizes.append(len(page["data"]))
        assert (page["first_id"], page["last_id"]) == (page["data"][0]["id"], page["data"][-1]["id"])
        if not page["has_more"]:
            break
        query["cursor"] = page["next_cursor"]
    assert (sorted(seen), sizes) == (sorted(made), [2, 2, 1])
    for limit in ("0", "-1", "abc", "9999", ""):
        assert len(plain.get("/v1/agents", limit=limit)["data"]) == 5
    assert len(plain.get("/v1/agents", cursor="garbage")["data"]) == 5
    ascending = [agent["id"] for agent in plain.get("/v1/agents", order="asc")["data"]]
    assert ascending == [agent["id"] for agent in plain.get("/v1/agents")["data"]][::-1]
    assert refused(plain, "GET", "/v1/agents?order=up")[0] == 400


def test_archive_filters(plain: Api, raw_sdk: Api) -> None:
    kept, gone = (plain.post("/v1/agents", name=name, model="m")["id"] for name in ("kept", "gone"))
    plain.ok("DELETE", f"/v1/agents/{gone}")

    def listed(api: Api, **query: Any) -> set[str]:
        return {agent["id"] for agent in api.get("/v1/agents", **query)["data"]}

    assert (listed(plain), listed(raw_sdk)) == ({kept, gone}, {kept})
    for api in (plain, raw_sdk):
        assert listed(api, include_archived="true") == {kept, gone}
        assert listed(api, include_archived="false") == {kept}
        assert listed(api, archived="true", include_archived="false") == {gone}
        assert listed(api, archived="false") == {kept}
        assert listed(api, status="any", archived="true") == {kept, gone}
        assert listed(api, status="archived") == {gone}
        assert listed(api, status="active") == {kept}
        answer = api.call("GET", "/v1/agents?status=bogus")
        assert (answer.status_code, answer.json()["error"]["code"]) == (400, "invalid_status")
    assert listed(plain, q="KEP") == {kept}
    assert listed(plain, created_after="2999-01-01T00:00:00Z") == set()
    assert listed(plain, **{"created_at[gte]": "2020-01-01T00:00:00Z"}) == {kept, gone}
    answer = plain.call("GET", "/v1/agents?created_before=yesterday")
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "invalid_timestamp")


def test_a_roster_in_both_spellings_and_its_status_by_kind_of_client(plain: Api, raw_sdk: Api) -> None:
    helper = plain.post("/v1/agents", name="helper", model="m")
    made = plain.post("/v1/agents", name="A", model="m", callable_agents=[{"type": "agent", "id": helper["id"]}])
    reference = {"type": "agent", "id": helper["id"], "version": 1}
    assert made["callable_agents"] == [reference]
    assert made["multiagent"] == {"type": "coordinator", "agents": [reference]}
    again = plain.ok("PATCH", f"/v1/agents/{made['id']}", {"multiagent": made["multiagent"]})
    assert again["version"] == 1
    own = plain.post(
        "/v1/agents", name="B", model="m", multiagent={"type": "coordinator", "agents": [{"type": "self"}]}
    )
    assert own["callable_agents"] == [{"type": "agent", "id": own["id"], "version": 1}]
    round_trip = plain.ok("PATCH", f"/v1/agents/{own['id']}", {"multiagent": own["multiagent"], "name": "C"})
    assert round_trip["callable_agents"] == [{"type": "agent", "id": own["id"], "version": 2}]
    for body in ({"multiagent": {"type": "x"}}, {"callable_agents": "x"}):
        wrong = {"name": "A", "model": "m"} | body
        assert refused(plain, "POST", "/v1/agents", wrong) == (422, "invalid_request")
        assert refused(raw_sdk, "POST", "/v1/agents", wrong) == (400, "invalid_request_error")


def test_fields_only_some_clients_know(plain: Api) -> None:
    made = plain.post(
        "/v1/agents",
        name="A",
        model="m",
        harness="other",
        memory_store_id="memstore_1",
        enable_general_subagent=True,
        _oma={"appendable_prompts": ["p"], "aux_model": "small"},
        tools=[
            {
                "type": "custom",
                "name": "hook",
                "description": "d",
                "input_schema": {"type": "object"},
                "execution": {"type": "http", "endpoint": "https://hook.test/run"},
            },
            {"type": "web_search_ddg"},
        ],
        mcp_servers=[{"name": "local", "type": "stdio", "stdio": {"command": "serve", "port": 9000}}],
    )
    assert (made["harness"], made["memory_store_id"], made["enable_general_subagent"]) == ("other", "memstore_1", True)
    assert made["_oma"]["appendable_prompts"] == ["p"]
    assert made["_oma"]["aux_model"]["id"] == "small"
    assert made["tools"][0]["execution"] == {
        "type": "http",
        "endpoint": "https://hook.test/run",
        "method": "POST",
        "idempotent": False,
    }
    assert [tool["type"] for tool in made["tools"]] == ["custom", "web_search_ddg", "mcp_toolset"]
    assert made["mcp_servers"][0]["stdio"]["sse_path"] == "/sse"
    assert plain.get(f"/v1/agents/{made['id']}") == made
    secret = {"name": "x", "url": "https://x.test", "authorization_token": "s3cret"}
    answer = plain.call("POST", "/v1/agents", {"name": "A", "model": "m", "mcp_servers": [secret]})
    assert answer.status_code == 400
    assert "s3cret" not in answer.text


def test_a_repeated_create_with_its_key_makes_one_agent(plain: Api) -> None:
    headers = {"idempotency-key": "once"}
    first = plain.call("POST", "/v1/agents", {"name": "A", "model": "m"}, headers=headers)
    again = plain.call("POST", "/v1/agents", {"name": "A", "model": "m"}, headers=headers)
    assert (again.status_code, again.json()) == (201, first.json())
    other = plain.call("POST", "/v1/agents", {"name": "B", "model": "m"}, headers=headers)
    assert (other.status_code, other.headers["x-should-retry"]) == (409, "false")
    assert len(plain.get("/v1/agents")["data"]) == 1


def test_environments_in_the_flat_shape(plain: Api) -> None:
    made = plain.post(
        "/v1/environments",
        name="E",
        packages={"pip": ["numpy"]},
        network={"allowlist": ["Example.com"], "denylist": ["bad.test"]},
        env={"A": "1"},
        base_image="python:3.12",
    )
    assert made["config"]["packages"] == {
        "type": "packages",
        **{manager: [] for manager in ("apt", "cargo", "gem", "go", "npm")},
        "pip": ["numpy"],
    }
    assert made["config"]["networking"] == {
        "type": "limited",
        "allowed_hosts": ["example.com"],
        "allow_mcp_servers": False,
        "allow_package_managers": True,
    }
    assert (made["packages"], made["env"], made["base_image"]) == ({"pip": ["numpy"]}, {"A": "1"}, "python:3.12")
    assert made["network"] == {"allowlist": ["example.com"], "denylist": ["bad.test"]}
    assert (made["state"], made["scope"], made["description"]) == ("active", None, None)
    renamed = plain.ok("PATCH", f"/v1/environments/{made['id']}", {"name": "F"})
    assert renamed["config"] == made["config"]
    bare = plain.post("/v1/environments", name="E")
    assert not {"packages", "network", "env", "base_image"} & set(bare)
    assert bare["config"]["type"] == "cloud"
    plain.post("/v1/environments", name="E")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "name"),
        ({"name": "E", "config": {"type": "moon"}}, "config.type"),
        ({"name": "E", "config": {"networking": {"type": "limited", "allowed_hosts": ["https://a.b"]}}}, "config"),
        ({"name": "E", "config": {"networking": {"type": "limited", "allowed_hosts": ["a.b:80"]}}}, "config"),
        ({"name": "E", "config": {"networking": {"type": "limited"}, "packages": {"pip": ["x"]}}}, "config.networking"),
        ({"name": "E", "config": {"packages": {"pip": ["x"] * 101}}}, "config.packages.pip"),
        ({"name": "E", "config": {"dockerfile": "FROM scratch"}}, "config.dockerfile"),
        ({"name": "E", "config": {"dockerfile": "RUN " + "x" * 100_000}}, "config.dockerfile"),
        ({"name": "E", "metadata": {"k" * 65: "v"}}, "metadata"),
    ],
)
def test_a_bad_environment_is_refused_with_the_path_of_its_fault(plain: Api, body: dict[str, Any], field: str) -> None:
    answer = plain.call("POST", "/v1/environments", body)
    assert answer.status_code == 400, answer.text
    assert answer.json()["message"].startswith(field), answer.json()["message"]


def test_an_environment_in_use_cannot_be_deleted(plain: Api) -> None:
    environment = plain.post("/v1/environments", name="E")
    path = f"/v1/environments/{environment['id']}"
    agent = plain.post("/v1/agents", name="A", model="m", environment_id=environment["id"])
    assert agent["environment_id"] == environment["id"]
    assert refused(plain, "DELETE", path) == (409, "conflict")
    plain.ok("DELETE", f"/v1/agents/{agent['id']}")
    session = plain.session(environment_id=environment["id"])
    assert refused(plain, "DELETE", path) == (409, "conflict")
    plain.ok("DELETE", f"/v1/sessions/{session}")
    assert plain.ok("DELETE", path) == {"id": environment["id"], "type": "environment_deleted"}
    assert refused(plain, "GET", path) == (404, "not_found")
    assert refused(plain, "DELETE", path) == (404, "not_found")
