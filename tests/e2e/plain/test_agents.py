"""Agents of plain clients: defaults, updates and versions, limits, lists, removal."""

from typing import Any

import pytest

from tests.fakes.model_server import FakeModel
from tests.support.api import Api, Json, text_of


def test_a_name_and_a_model_are_enough(api: Api) -> None:
    made = api.call("POST", "/v1/agents", {"name": "A", "model": "m"})
    assert made.status_code == 201
    agent = made.json()
    assert agent["type"] == "agent"
    assert agent["version"] == 1
    assert [tool["type"] for tool in agent["tools"]] == ["agent_toolset_20260401"]
    assert agent["archived_at"] is None
    assert agent["archived"] is False
    assert agent["system"] is None
    assert agent["metadata"] == {}
    assert api.get(f"/v1/agents/{agent['id']}") == agent


def test_an_explicit_empty_tool_list_stays_empty(api: Api) -> None:
    assert api.post("/v1/agents", name="A", model="m", tools=[])["tools"] == []


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"model": "m"}, "name"),
        ({"name": "A"}, "model"),
        ({"name": "", "model": "m"}, "name"),
        ({"name": "A", "model": ""}, "model"),
        ({"name": "A" * 257, "model": "m"}, "name"),
        ({"name": 7, "model": "m"}, "name"),
        ({"name": "A", "model": "m", "metadata": {"k": "v" * 513}}, "metadata"),
        ({"name": "A", "model": "m", "metadata": {"k" * 65: "v"}}, "metadata"),
        ({"name": "A", "model": "m", "metadata": {f"k{i}": "v" for i in range(17)}}, "metadata"),
        ({"name": "A", "model": "m", "description": "d" * 2049}, "description"),
        ({"name": "A", "model": "m", "system": "s" * 100_001}, "system"),
    ],
)
def test_what_is_missing_or_too_long_is_refused_by_name(api: Api, body: Json, field: str) -> None:
    answer = api.call("POST", "/v1/agents", body)
    assert answer.status_code == 400
    assert field in answer.json()["error"]["message"]


def _custom(number: int) -> Json:
    return {"type": "custom", "name": f"tool_{number}", "description": "d", "input_schema": {"type": "object"}}


def _server(number: int) -> Json:
    return {"type": "url", "name": f"server{number}", "url": f"https://mcp{number}.example.com/mcp"}


def test_the_number_of_tools_and_servers_is_limited(api: Api) -> None:
    base = {"name": "A", "model": "m"}
    many = api.call("POST", "/v1/agents", base | {"tools": [_custom(i) for i in range(129)]})
    assert many.status_code == 201
    assert len(many.json()["tools"]) == 129
    too_many = base | {"tools": [_custom(i) for i in range(257)]}
    assert api.call("POST", "/v1/agents", too_many).status_code == 400
    servers = [_server(i) for i in range(21)]
    assert api.call("POST", "/v1/agents", base | {"mcp_servers": servers[:20]}).status_code == 201
    assert api.call("POST", "/v1/agents", base | {"mcp_servers": servers}).status_code == 400


def test_a_server_without_a_toolset_is_allowed_its_tools(api: Api) -> None:
    agent = api.post("/v1/agents", name="A", model="m", mcp_servers=[_server(1)])
    toolset = next(tool for tool in agent["tools"] if tool["type"] == "mcp_toolset")
    assert toolset["mcp_server_name"] == "server1"
    assert toolset["default_config"]["permission_policy"] == {"type": "always_allow"}


def test_a_model_by_name_is_shown_with_its_speed(api: Api) -> None:
    model = api.post("/v1/agents", name="A", model="m")["model"]
    assert model["id"] == "m"
    assert model["speed"] == "standard"
    assert all(value is None for key, value in model.items() if key not in ("id", "speed"))
    assert api.post("/v1/agents", name="A", model={"id": "m", "speed": "fast"})["model"]["speed"] == "fast"


def test_all_three_verbs_update_and_each_change_is_a_version(api: Api) -> None:
    agent = api.agent()
    for number, method in enumerate(("PATCH", "POST", "PUT"), 2):
        changed = api.ok(method, f"/v1/agents/{agent['id']}", {"system": f"prompt {number}"})
        assert changed["version"] == number
        assert changed["system"] == f"prompt {number}"
        assert changed["name"] == agent["name"]


def test_an_update_that_changes_nothing_makes_no_version(api: Api) -> None:
    agent = api.agent(system="s", metadata={"a": "1"})
    path = f"/v1/agents/{agent['id']}"
    same: list[Json] = [{}, {"name": agent["name"], "system": "s", "metadata": {"a": "1"}}, {"model": agent["model"]}]
    for body in same:
        assert api.ok("PATCH", path, body)["version"] == 1
    assert len(api.get(f"{path}/versions")["data"]) == 1


def test_a_stale_version_is_refused_and_changes_nothing(api: Api) -> None:
    agent = api.agent()
    path = f"/v1/agents/{agent['id']}"
    api.ok("PATCH", path, {"system": "two"})
    refused = api.call("PATCH", path, {"system": "three", "version": 1})
    assert refused.status_code == 409
    assert refused.json()["error"]["type"] == "conflict"
    assert api.get(path)["system"] == "two"
    assert api.ok("PATCH", path, {"system": "three", "version": 2})["version"] == 3


def test_metadata_merges_and_null_or_blank_removes_a_key(api: Api) -> None:
    agent = api.agent(metadata={"a": "1", "b": "2", "c": "3"})
    changed = api.ok("PATCH", f"/v1/agents/{agent['id']}", {"metadata": {"a": None, "b": "", "d": "4"}})
    assert changed["metadata"] == {"c": "3", "d": "4"}


def test_null_clears_an_optional_field_and_cannot_clear_a_needed_one(api: Api) -> None:
    agent = api.agent(system="s", description="d")
    path = f"/v1/agents/{agent['id']}"
    cleared = api.ok("PATCH", path, {"system": None, "description": None})
    assert cleared["system"] is None
    assert cleared["description"] is None
    assert api.call("PATCH", path, {"name": None}).status_code == 400
    assert api.get(path)["name"] == agent["name"]


def test_every_version_stays_readable(api: Api) -> None:
    agent = api.agent(system="prompt 1")
    path = f"/v1/agents/{agent['id']}"
    for number in (2, 3, 4):
        api.ok("PATCH", path, {"system": f"prompt {number}"})
    shown = api.get(f"{path}/versions")["data"]
    assert [one["version"] for one in shown] == [4, 3, 2, 1]
    assert [one["version"] for one in api.get(f"{path}/versions", include_current="false")["data"]] == [3, 2, 1]
    assert api.get(f"{path}/versions/1")["system"] == api.get(path, version=1)["system"] == "prompt 1"
    for missing in ("/versions/99", "/versions/0", "/versions/abc", "?version=99"):
        assert api.call("GET", path + missing).status_code == 404, missing


def test_a_roster_is_shown_in_both_shapes(api: Api) -> None:
    helper = api.agent(name="Helper")
    reference = {"type": "agent", "id": helper["id"], "version": 1}
    roster = {"type": "coordinator", "agents": [helper["id"]]}
    for fields in ({"multiagent": roster}, {"callable_agents": [{"type": "agent", "id": helper["id"]}]}):
        agent = api.agent(**fields)
        assert agent["multiagent"] == {"type": "coordinator", "agents": [reference]}
        assert agent["callable_agents"] == [reference]


def test_an_agent_may_use_itself(api: Api) -> None:
    agent = api.agent(multiagent={"type": "coordinator", "agents": [{"type": "self"}]})
    assert agent["multiagent"]["agents"][0]["id"] == agent["id"]


@pytest.mark.parametrize(
    "roster",
    [
        {"type": "choir", "agents": []},
        {"type": "coordinator", "agents": "nobody"},
        {"type": "coordinator", "agents": [7]},
        {"type": "coordinator", "agents": [{"type": "agent", "id": "agent_unknown"}]},
        "nobody",
    ],
)
def test_a_bad_roster_is_refused_as_unprocessable_here_and_as_invalid_to_sdks(
    api: Api, sdk_api: Api, roster: Any
) -> None:
    body = {"name": "A", "model": "m", "multiagent": roster}
    plain, marked = api.call("POST", "/v1/agents", body), sdk_api.call("POST", "/v1/agents", body)
    assert (plain.status_code, marked.status_code) == (422, 400)
    assert plain.json()["error"]["message"] == marked.json()["error"]["message"]
    assert plain.json()["error"]["type"] == "invalid_request"
    assert plain.json()["error"].get("details") == marked.json()["error"].get("details")


def test_pages_hold_every_agent_once(api: Api) -> None:
    made = [api.agent(name=f"Agent {number}")["id"] for number in range(5)]
    found, cursors, cursor = [], 0, None
    while True:
        page = api.get("/v1/agents", limit=2, **({"cursor": cursor} if cursor else {}))
        found += [one["id"] for one in page["data"]]
        cursors += 1
        assert page["next_cursor"] == page["next_page"]
        assert page["has_more"] is (page["next_cursor"] is not None)
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert cursors == 3
    assert found == made[::-1]
    assert [one["id"] for one in api.get("/v1/agents", order="asc")["data"]] == made


@pytest.mark.parametrize("limit", ["0", "-1", "abc", "9999", "", "²", "9" * 5000])
def test_a_strange_limit_is_not_an_error(api: Api, limit: str) -> None:
    api.agent()
    assert len(api.get("/v1/agents", limit=limit)["data"]) == 1


def test_archived_agents_are_shown_unless_the_filter_says_otherwise(api: Api) -> None:
    active, gone = api.agent(name="Active"), api.agent(name="Gone")
    api.post(f"/v1/agents/{gone['id']}/archive")

    def names(**query: str) -> set[str]:
        return {one["name"] for one in api.get("/v1/agents", **query)["data"]}

    both, only_gone, only_active = {active["name"], gone["name"]}, {"Gone"}, {"Active"}
    assert names() == names(status="any") == names(include_archived="true") == both
    assert names(archived="true") == names(status="archived") == only_gone
    assert names(archived="false") == names(status="active") == names(include_archived="false") == only_active
    assert names(status="active", archived="true") == only_active
    assert names(archived="true", include_archived="false") == only_gone
    assert names(q="ACT") == only_active
    assert names(q="  ") == both


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ({"status": "bogus"}, "invalid_status"),
        ({"created_after": "yesterday"}, "invalid_timestamp"),
        ({"order": "sideways"}, None),
    ],
)
def test_bad_filters_are_refused(api: Api, query: Json, code: str | None) -> None:
    answer = api.call("GET", "/v1/agents", params=query)
    assert answer.status_code == 400
    if code:
        assert answer.json()["error"]["code"] == code


def test_date_filters_bound_the_list(api: Api) -> None:
    agent = api.agent()
    assert api.get("/v1/agents", created_before=agent["created_at"])["data"] == []
    assert len(api.get("/v1/agents", created_after="2020-01-01T00:00:00Z")["data"]) == 1


def test_a_deleted_agent_is_archived_and_its_sessions_go_on(api: Api, model: FakeModel) -> None:
    agent = api.agent()
    session = api.session(agent)
    gone = api.call("DELETE", f"/v1/agents/{agent['id']}")
    assert gone.status_code == 200
    assert gone.json()["archived"] is True
    assert gone.json()["type"] == "agent"
    read = api.get(f"/v1/agents/{agent['id']}")
    assert read["archived_at"] == gone.json()["archived_at"] is not None
    assert api.call("DELETE", f"/v1/agents/{agent['id']}").json()["archived_at"] == read["archived_at"]
    assert text_of(api.turn(session, 'say:"still here"')) == ["still here"]
    body = {"agent": agent["id"], "environment_id": api.environment()["id"]}
    assert api.call("POST", "/v1/sessions", body).status_code == 400
    assert api.call("PATCH", f"/v1/agents/{agent['id']}", {"name": "B"}).status_code == 400
