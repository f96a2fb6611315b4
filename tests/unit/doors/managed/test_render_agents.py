from typing import Any

from chalicelib.agents.model import AgentVersion
from chalicelib.core.ids import dress, new_id
from chalicelib.doors.managed.render import agents as render
from chalicelib.doors.managed.schemas.agents import AgentAnswer


def version(**fields: Any) -> AgentVersion:
    base = {"id": new_id(), "version": 3, "origin": "sdk", "created_at": 0, "updated_at": 1000, "name": "A"}
    return AgentVersion.model_validate(base | {"model": {"id": "m"}} | fields)


def test_every_key_of_an_agent_is_always_there() -> None:
    shown = render.agent(version())
    AgentAnswer.model_validate(shown)
    assert set(shown) == set(AgentAnswer.model_fields) - {"extension"}
    assert (shown["created_at"], shown["updated_at"]) == ("1970-01-01T00:00:00.000Z", "1970-01-01T00:00:01.000Z")
    extended = version(extra={"extension": {"appendable_prompts": ["p"]}})
    assert render.agent(extended)["_oma"] == {"appendable_prompts": ["p"]}


def test_absent_settings_of_tools_are_left_out_and_schemas_stay_whole() -> None:
    schema = {"type": "object", "properties": {"x": {"default": None}}}
    tools = [
        {"type": "agent_toolset_20260401", "configs": [{"name": "bash"}]},
        {"type": "custom", "name": "c", "description": "d", "input_schema": schema},
    ]
    toolset, custom = render.agent(version(tools=tools))["tools"]
    assert set(toolset["configs"][0]) == {"type", "name", "enabled", "permission_policy"}
    assert custom == {"type": "custom", "name": "c", "description": "d", "input_schema": schema}


def test_a_sessions_agent_carries_full_definitions_where_they_are_known() -> None:
    known, unknown = version(name="known"), new_id()
    roster = [
        {"type": "self"},
        {"type": "agent", "id": known.id, "version": 3},
        {"type": "agent", "id": unknown, "version": 1},
        {"type": "advisor", "model": "m"},
    ]
    own = version(multiagent={"type": "coordinator", "agents": roster})
    pinned = own.model_dump(mode="json") | {"roster": {f"{known.id}@3": known.model_dump(mode="json")}}
    shown = render.snapshot(pinned)
    assert not {"metadata", "created_at", "archived_at"} & set(shown)
    mine, full, reference, advisor = shown["multiagent"]["agents"]
    assert (mine["id"], mine["name"]) == (dress("agent", own.id), "A")
    assert (full["name"], "multiagent" in full) == ("known", False)
    assert reference == {"type": "agent", "id": dress("agent", unknown), "version": 1}
    assert advisor == {"type": "advisor", "model": "m"}


def test_a_team_is_printed_with_its_members() -> None:
    member = new_id()
    spawning = {
        "inline_agents": {"type": "enabled"},
        "predefined_agents": [{"type": "agent", "id": member, "version": 1}],
    }
    team = {
        "type": "multiagent_20261001",
        "advisor": {"type": "disabled"},
        "subagents": {"type": "enabled", **spawning},
        "workflows": {"type": "disabled"},
    }
    shown = render.agent(version(multiagent=team))
    reference = {"type": "agent", "id": dress("agent", member), "version": 1}
    assert shown["multiagent"]["subagents"]["predefined_agents"] == [reference]
    assert shown["multiagent"]["workflows"] == {"type": "disabled"}
    assert shown["callable_agents"] == [reference]
