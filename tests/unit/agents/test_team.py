"""Whom an agent may call, and who answers."""

from typing import Any

import pytest

from chalicelib.agents.team import ADVISOR, GENERAL, INLINE, callees, definition, models, spawned, tool_name

OWN, OTHER = "11111111-1111-4111-8111-111111111111", "22222222-2222-4222-8222-222222222222"
ROSTER = {f"{OTHER}@3": {"id": OTHER, "version": 3, "name": "Other", "description": "Digs.", "model": {"id": "m2"}}}
REF = {"type": "agent", "id": OTHER, "version": 3}
TEAM = {
    "type": "multiagent_20261001",
    "advisor": {"type": "enabled", "model": "wise"},
    "subagents": {"type": "enabled", "inline_agents": {"type": "enabled"}, "predefined_agents": [REF]},
    "workflows": {"type": "disabled"},
}


def agent(**fields: Any) -> dict[str, Any]:
    """A snapshot."""
    model = {"id": "m1", "speed": "standard", "effort": None}
    return {"id": OWN, "version": 1, "name": "Own", "system": "Lead.", "model": model, "tools": [1], **fields}


@pytest.mark.parametrize(
    ("fields", "tools"),
    [
        ({}, []),
        ({"multiagent": None, "extra": {"enable_general_subagent": False}}, []),
        ({"extra": {"enable_general_subagent": True}}, [GENERAL]),
        (
            {"multiagent": {"type": "coordinator", "agents": [{"type": "self"}, REF]}},
            [tool_name(OWN), tool_name(OTHER)],
        ),
        ({"multiagent": {"type": "coordinator", "agents": [{"type": "advisor", "model": "w"}]}}, [ADVISOR]),
        ({"multiagent": TEAM}, [tool_name(OTHER), ADVISOR, INLINE]),
        ({"multiagent": TEAM | {"advisor": {"type": "disabled"}, "subagents": {"type": "disabled"}}}, []),
    ],
)
def test_everybody_in_the_roster_has_a_tool(fields: dict[str, Any], tools: list[str]) -> None:
    assert [one.tool for one in callees(agent(roster=ROSTER, **fields))] == tools


def test_a_tool_is_named_by_the_printed_id() -> None:
    assert tool_name(OWN) == "call_agent_agent_" + OWN.replace("-", "")


@pytest.mark.parametrize(
    ("multiagent", "expected"),
    [
        (None, ["m1"]),
        ({"type": "coordinator", "agents": [{"type": "self"}, REF]}, ["m1", "m2"]),
        ({"type": "coordinator", "agents": [{"type": "advisor", "model": "wise"}]}, ["m1", "wise"]),
        (TEAM, ["m1", "m2", "wise"]),
        (TEAM | {"advisor": {"type": "disabled"}, "subagents": {"type": "disabled"}}, ["m1"]),
        (TEAM | {"advisor": {"type": "enabled", "model": "m1"}}, ["m1", "m2"]),
    ],
)
def test_the_models_are_those_of_all_who_may_be_called(multiagent: Any, expected: list[str]) -> None:
    assert models(agent(roster=ROSTER, multiagent=multiagent, extra={"enable_general_subagent": True})) == expected


def test_advisers_do_not_count() -> None:
    found = {one.tool: one.counted for one in callees(agent(roster=ROSTER, multiagent=TEAM))}
    assert found == {tool_name(OTHER): True, ADVISOR: False, INLINE: True}


@pytest.mark.parametrize(
    ("who", "expected"),
    [
        (REF, {"id": OTHER, "name": "Other", "model": {"id": "m2"}}),
        ({"type": "self"}, {"id": OWN, "name": "Own", "system": "Lead.", "tools": [1]}),
        ({"type": "inline", "name": "Scout", "system": "Look."}, {"name": "Scout", "system": "Look.", "tools": [1]}),
        ({"type": "general"}, {"name": GENERAL, "tools": [1]}),
        ({"type": "advisor", "model": "wise"}, {"tools": [], "skills": [], "mcp_servers": []}),
    ],
)
def test_whoever_is_called_calls_nobody(who: dict[str, Any], expected: dict[str, Any]) -> None:
    caller = agent(roster=ROSTER, multiagent=TEAM, extra={"enable_general_subagent": True})
    found = definition(caller, who)
    assert callees(found) == []
    assert {key: found[key] for key in expected} == expected


def test_an_adviser_has_a_model_of_its_own() -> None:
    assert definition(agent(), {"type": "advisor", "model": "wise"})["model"]["id"] == "wise"


def test_an_agent_made_on_the_spot_is_kept_by_its_arguments() -> None:
    assert spawned({"name": "Scout", "instructions": "Look."}) == {"type": "inline", "name": "Scout", "system": "Look."}
    assert spawned({})["name"] == "helper"
    assert len(spawned({"name": "x" * 999})["name"]) == 256
