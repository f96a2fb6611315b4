"""The tools by which a model calls other agents."""

from chalicelib.agents.team import ADVISOR, GENERAL, INLINE
from chalicelib.tools.delegation import callee, delegates
from chalicelib.tools.offer import offer

AGENT = {
    "id": "11111111-1111-4111-8111-111111111111",
    "name": "Own",
    "multiagent": {
        "type": "multiagent_20261001",
        "advisor": {"type": "enabled", "model": "wise"},
        "subagents": {"type": "enabled", "inline_agents": {"type": "enabled"}, "predefined_agents": [{"type": "self"}]},
        "workflows": {"type": "disabled"},
    },
    "extra": {"enable_general_subagent": True},
}


def test_each_takes_the_text_that_is_handed_over() -> None:
    found = {one.name: one.spec.input_schema for one in delegates(AGENT)}
    assert found[GENERAL]["required"] == ["task"]
    assert found[ADVISOR]["required"] == found[INLINE]["required"] == ["message"]
    assert set(found[INLINE]["properties"]) == {"message", "name", "instructions"}
    assert all(one.runs == "agent" and one.policy == "always_allow" for one in delegates(AGENT))


def test_a_tool_of_the_same_name_goes_first() -> None:
    schema = {"type": "object", "properties": {}}
    custom = {"type": "custom", "name": ADVISOR, "description": "Mine.", "input_schema": schema}
    others = offer({"tools": [custom]}, "sdk")
    assert ADVISOR not in [one.name for one in delegates(AGENT, others)]
    assert len(delegates(AGENT, others)) == len(delegates(AGENT)) - 1


def test_an_offered_tool_leads_to_whom_it_calls() -> None:
    assert callee(AGENT, ADVISOR).who == {"type": "advisor", "model": "wise"}
