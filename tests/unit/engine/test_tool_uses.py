"""What a model's tool calls mean."""

from types import SimpleNamespace
from typing import Any, cast

import pytest

from chalicelib.engine.job import Job
from chalicelib.engine.speech import Speech
from chalicelib.engine.tool_uses import Asked, asked_for
from chalicelib.models.chunks import INVALID_JSON, BlockDone
from chalicelib.tools.base import ToolContext, ToolOutput, text_output
from chalicelib.tools.offer import offer, offer_mcp

TOOLSET = {
    "type": "agent_toolset_20260401",
    "default_config": {"enabled": True, "permission_policy": {"type": "always_allow"}},
    "configs": [],
}
SCHEMA = {"type": "object", "properties": {}}
CUSTOM = {"type": "custom", "name": "mine", "description": "x", "input_schema": SCHEMA}

MCP = {"type": "mcp_toolset", "mcp_server_name": "my__site", "configs": []}


class Foreign:
    """A tool of an MCP server."""

    name = "echo.it"
    description = "x"
    input_schema = SCHEMA
    safe_to_repeat = False

    def run(self, context: ToolContext, arguments: dict[str, Any]) -> ToolOutput:
        return text_output("x")


def judged(name: str, arguments: dict[str, Any] | None = None, policy: str = "always_allow") -> Asked:
    default = {"enabled": True, "permission_policy": {"type": policy}}
    tools = [TOOLSET | {"default_config": default}, CUSTOM]
    agent = {"tools": tools, "mcp_servers": [{"type": "url", "name": "my__site", "url": "https://a.example"}]}
    foreign = offer_mcp({"tools": [{**MCP, "default_config": default}]}, {"my__site": [Foreign()]}, [])
    offers = [*offer(agent, "sdk"), *foreign]
    job = cast(Job, SimpleNamespace(offers=offers, run_id="run", spec=SimpleNamespace(agent=agent)))
    speech = Speech()
    speech.take(BlockDone(0, {"type": "tool_use", "id": "c", "name": name, "input": arguments or {}}))
    [asked] = asked_for(job, speech)
    return asked


def test_the_clients_own_tool_waits_for_the_client() -> None:
    asked = judged("mine", {"a": 1})
    assert asked.record.type == "agent.custom_tool_use"
    assert asked.record.data["input"] == {"a": 1}
    assert asked.call is not None
    assert asked.call.kind == "custom"


def test_an_allowed_tool_waits_for_nobody() -> None:
    asked = judged("web_fetch")
    assert (asked.record.data["evaluated_permission"], asked.call, asked.notes) == ("allow", None, [])


@pytest.mark.parametrize("policy", ["always_ask", "auto"])
def test_a_tool_under_watch_waits_for_a_decision(policy: str) -> None:
    asked = judged("web_fetch", policy=policy)
    assert asked.record.data["evaluated_permission"] == "ask"
    assert asked.call is not None
    assert asked.call.kind == "confirmation"
    assert [note.type for note in asked.notes] == ["permission.asked"]


def test_an_unknown_tool_is_answered_with_a_problem() -> None:
    asked = judged("nothing")
    assert asked.record.data["evaluated_permission"] == "deny"
    assert asked.record.private is not None
    assert "nothing" in asked.record.private["problem"]


@pytest.mark.parametrize("name", ["mine", "web_fetch"])
def test_arguments_that_are_no_object_reach_nobody(name: str) -> None:
    asked = judged(name, {INVALID_JSON: "{broken"})
    assert asked.call is None
    assert asked.record.private is not None
    assert "{broken" in asked.record.private["problem"]


@pytest.mark.parametrize(("policy", "permission"), [("always_allow", "allow"), ("always_ask", "ask")])
def test_a_foreign_tool_is_told_by_its_servers_names(policy: str, permission: str) -> None:
    [name] = [one.name for one in offer_mcp({"tools": [MCP]}, {"my__site": [Foreign()]}, [])]
    record, call = (asked := judged(name, policy=policy)).record, asked.call
    assert (record.type, record.private) == ("agent.mcp_tool_use", {"offered": name})
    assert (record.data["mcp_server_name"], record.data["name"]) == ("my__site", "echo.it")
    assert record.data["evaluated_permission"] == permission
    assert (call is not None and call.mcp) is (permission == "ask")


def test_a_foreign_tool_that_is_not_there_is_denied_as_one() -> None:
    record = judged("mcp__my__site__gone").record
    assert (record.type, record.data["mcp_server_name"], record.data["name"]) == (
        "agent.mcp_tool_use",
        "my__site",
        "gone",
    )
    assert (record.data["evaluated_permission"], record.data["evaluation"]) == ("deny", None)
