"""Agents: filled shapes, refused tool sets, versions, patches, archive."""

from typing import Any

import anthropic
import pytest
from anthropic import Anthropic

from tests.e2e.anthropic_sdk.helpers import custom_tool, make_agent, make_environment, make_session, turn, types

SERVER = {"type": "url", "name": "docs", "url": "https://mcp.example.com/mcp"}
SERVER_TOOLS = {"type": "mcp_toolset", "mcp_server_name": "docs"}
TOOLSET = {"type": "agent_toolset_20260401"}


def test_a_name_and_a_model_make_a_whole_agent(either: Anthropic) -> None:
    agent = either.beta.agents.create(name="Plain", model="claude-test")
    assert (agent.type, agent.name, agent.version) == ("agent", "Plain", 1)
    assert agent.id.startswith("agent_")
    assert agent.model.to_dict() == {"id": "claude-test", "speed": "standard", "effort": None, "inference_geo": None}
    assert (agent.tools, agent.mcp_servers, agent.skills, agent.metadata) == ([], [], [], {})
    assert (agent.system, agent.description, agent.multiagent, agent.archived_at) == (None, None, None, None)
    assert agent.execution_identity.type == "service_account"
    assert agent.created_at == agent.updated_at
    assert either.beta.agents.retrieve(agent.id).to_dict() == agent.to_dict()


def test_everything_given_comes_back(client: Anthropic) -> None:
    agent = client.beta.agents.create(
        name="Whole",
        model={"id": "claude-test", "effort": "high", "speed": "fast"},
        system="Be brief.",
        description="All fields.",
        metadata={"team": "a"},
        tools=[custom_tool()],  # type: ignore[list-item]
    )
    assert agent.model.effort is not None
    assert (agent.model.effort.type, agent.model.speed) == ("high", "fast")
    assert (agent.system, agent.description, agent.metadata) == ("Be brief.", "All fields.", {"team": "a"})
    assert agent.tools[0].to_dict() == custom_tool()


def test_a_toolset_without_settings_is_filled_in(client: Anthropic) -> None:
    tool = make_agent(client, tools=[TOOLSET]).tools[0]
    assert tool.configs == []
    assert tool.default_config.to_dict() == {"enabled": True, "permission_policy": {"type": "always_allow"}}


def test_a_setting_of_one_tool_is_filled_in(client: Anthropic) -> None:
    given = TOOLSET | {"default_config": {"enabled": False}, "configs": [{"name": "web_fetch", "enabled": True}]}
    tool = make_agent(client, tools=[given]).tools[0]
    assert tool.default_config.enabled is False
    config = tool.configs[0]
    assert (config.name, config.type, config.enabled) == ("web_fetch", "web_fetch", True)
    assert config.permission_policy.type == "always_allow"


def test_an_mcp_toolset_asks_unless_told_otherwise(client: Anthropic) -> None:
    tool = make_agent(client, tools=[SERVER_TOOLS], mcp_servers=[SERVER]).tools[0]
    assert tool.mcp_server_name == "docs"
    assert tool.default_config.permission_policy.type == "always_ask"


@pytest.mark.parametrize(
    ("fields", "names"),
    [
        pytest.param({"tools": [TOOLSET | {"configs": [{"name": "teleport"}]}]}, "tools.0.configs", id="unknown tool"),
        pytest.param(
            {"tools": [TOOLSET | {"default_config": {"permission_policy": {"type": "maybe"}}}]},
            "permission_policy",
            id="unknown policy",
        ),
        pytest.param(
            {"tools": [TOOLSET | {"configs": [{"name": "bash"}] * 2}]}, "tools.0.configs", id="repeated setting"
        ),
        pytest.param({"tools": [TOOLSET, TOOLSET]}, "tools", id="second toolset"),
        pytest.param({"tools": [SERVER_TOOLS]}, "docs", id="toolset of no server"),
        pytest.param({"mcp_servers": [SERVER]}, "docs", id="server without toolset"),
        pytest.param({"tools": [SERVER_TOOLS] * 2, "mcp_servers": [SERVER]}, "docs", id="second toolset of a server"),
        pytest.param({"tools": [SERVER_TOOLS], "mcp_servers": [SERVER, SERVER]}, "docs", id="two servers of one name"),
        pytest.param({"skills": [{"type": "custom", "skill_id": "skill_a"}] * 2}, "skills", id="repeated skill"),
        pytest.param({"tools": [custom_tool(), custom_tool()]}, "lookup", id="two custom tools of one name"),
        pytest.param({"tools": [custom_tool("no blanks")]}, "tools.0", id="custom tool with a bad name"),
        pytest.param(
            {"tools": [custom_tool(input_schema={"type": "array"})]}, "input_schema", id="schema of no object"
        ),
        pytest.param({"tools": [custom_tool(f"t{n}") for n in range(257)]}, "tools", id="too many tools"),
        pytest.param({"tools": [{"type": "mystery"}]}, "tools.0", id="unknown kind of tool"),
    ],
)
def test_tools_that_do_not_fit_together_are_refused(client: Anthropic, fields: dict[str, Any], names: str) -> None:
    with pytest.raises(anthropic.BadRequestError) as caught:
        make_agent(client, **fields)
    assert names in caught.value.message
    assert client.beta.agents.list().data == []


def test_an_update_changes_one_field_and_makes_a_version(either: Anthropic) -> None:
    agent = make_agent(either, system="One", description="Kept", metadata={"a": "1"}, tools=[custom_tool()])
    second = either.beta.agents.update(agent.id, system="Two")
    assert (second.version, second.system) == (2, "Two")
    changed = ("version", "system", "updated_at")
    before, after = agent.to_dict(), second.to_dict()
    assert {k: v for k, v in before.items() if k not in changed} == {k: v for k, v in after.items() if k not in changed}
    again = either.beta.agents.update(agent.id, system="Two")
    assert again.to_dict() == second.to_dict()


def test_an_update_from_an_old_version_is_a_conflict_not_worth_repeating(client: Anthropic) -> None:
    agent = make_agent(client)
    client.beta.agents.update(agent.id, system="Two", version=1)
    with pytest.raises(anthropic.ConflictError) as caught:
        client.beta.agents.update(agent.id, system="Three", version=1)
    assert "version" in caught.value.message
    assert caught.value.response.headers["x-should-retry"] == "false"
    assert client.beta.agents.retrieve(agent.id).version == 2


def test_old_versions_stay_readable(client: Anthropic) -> None:
    agent = make_agent(client, system="One")
    client.beta.agents.update(agent.id, system="Two")
    client.beta.agents.update(agent.id, system="Three")
    old = client.beta.agents.retrieve(agent.id, version=1)
    assert (old.version, old.system) == (1, "One")
    assert client.beta.agents.retrieve(agent.id).system == "Three"
    assert [(one.version, one.system) for one in client.beta.agents.versions.list(agent.id)] == [
        (3, "Three"),
        (2, "Two"),
        (1, "One"),
    ]
    with pytest.raises(anthropic.NotFoundError, match="version"):
        client.beta.agents.retrieve(agent.id, version=4)


def test_null_clears_and_metadata_is_patched(client: Anthropic) -> None:
    agent = make_agent(client, system="S", description="D", metadata={"keep": "1", "drop": "2", "set": "3"})
    cleared = client.beta.agents.update(agent.id, system=None, description=None)
    assert (cleared.system, cleared.description) == (None, None)
    patched = client.beta.agents.update(agent.id, metadata={"drop": None, "set": "4", "new": ""})  # type: ignore[dict-item]
    assert patched.metadata == {"keep": "1", "set": "4", "new": ""}


def test_a_new_model_keeps_the_effort_unless_it_names_one(client: Anthropic) -> None:
    agents = client.beta.agents
    made = make_agent(client, model={"id": "claude-test", "effort": "high", "inference_geo": "eu", "speed": "fast"})
    moved = agents.update(made.id, model={"id": "claude-other"})
    assert moved.model.to_dict() == {
        "id": "claude-other",
        "speed": "standard",
        "effort": {"type": "high"},
        "inference_geo": None,
    }
    assert agents.update(made.id, model="claude-test").model.effort == moved.model.effort
    cleared = agents.update(made.id, model={"id": "claude-test", "effort": None})
    assert cleared.model.effort is None


def test_arrays_are_replaced_as_a_whole(client: Anthropic) -> None:
    agent = make_agent(client, tools=[custom_tool("a"), custom_tool("b")])
    changed = client.beta.agents.update(agent.id, tools=[custom_tool("c")])  # type: ignore[list-item]
    assert [tool.name for tool in changed.tools] == ["c"]  # type: ignore[union-attr]
    assert client.beta.agents.update(agent.id, tools=[]).tools == []


def test_an_archived_agent_is_kept_but_out_of_use(client: Anthropic) -> None:
    agent, environment = make_agent(client), make_environment(client)
    session = make_session(client, agent, environment_id=environment.id)
    client.beta.agents.update(agent.id, system="Two")
    archived = client.beta.agents.archive(agent.id)
    assert archived.archived_at is not None
    assert client.beta.agents.archive(agent.id).archived_at == archived.archived_at
    assert client.beta.agents.retrieve(agent.id, version=1).archived_at == archived.archived_at
    with pytest.raises(anthropic.BadRequestError, match="archived"):
        client.beta.agents.update(agent.id, name="x")
    with pytest.raises(anthropic.BadRequestError, match="archived"):
        make_session(client, agent, environment_id=environment.id)
    assert types(turn(client, session.id, "still there?"))[-1] == "session.status_idle"
    assert client.beta.agents.list().data == []
    assert [one.id for one in client.beta.agents.list(include_archived=True)] == [agent.id]
