from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from chalicelib.agents.toolset import BUILT_IN, EXTENSIONS, McpToolset, Tool, Toolset, built_in_set

TOOL: TypeAdapter[Any] = TypeAdapter(Tool)
ALLOW, ASK = {"type": "always_allow"}, {"type": "always_ask"}


def toolset(**fields: Any) -> Toolset:
    return Toolset.model_validate({"type": "agent_toolset_20260401"} | fields)


def test_nothing_said_means_enabled_and_allowed() -> None:
    assert built_in_set().model_dump(exclude_none=True) == {
        "type": "agent_toolset_20260401",
        "default_config": {"enabled": True, "permission_policy": ALLOW},
        "configs": [],
    }


def test_named_tools_inherit_what_they_leave_out() -> None:
    made = toolset(
        default_config={"enabled": False, "permission_policy": ASK},
        configs=[{"name": "bash"}, {"name": "read", "enabled": True, "permission_policy": None}],
    )
    assert [config.model_dump(exclude_none=True) for config in made.configs] == [
        {"type": "bash", "name": "bash", "enabled": False, "permission_policy": ASK},
        {"type": "read", "name": "read", "enabled": True, "permission_policy": ASK},
    ]
    assert made.setting("bash") == made.configs[0]
    assert made.setting("write") == made.default_config


def test_mcp_tools_ask_unless_told_otherwise() -> None:
    made = McpToolset.model_validate({"type": "mcp_toolset", "mcp_server_name": "s", "configs": [{"name": "t"}]})
    assert made.default_config.permission_policy.type == "always_ask"
    assert made.configs[0].permission_policy.type == "always_ask"


@pytest.mark.parametrize("name", [*BUILT_IN, *EXTENSIONS])
def test_every_known_tool_can_be_configured(name: str) -> None:
    assert toolset(configs=[{"name": name}]).configs[0].type == name


@pytest.mark.parametrize(
    "fields",
    [
        {"configs": [{"name": "fly"}]},
        {"configs": [{"name": "bash"}, {"name": "bash"}]},
        {"configs": [{"name": "bash", "type": "read"}]},
        {"configs": [{}]},
        {"configs": {}},
        {"configs": ["bash"]},
        {"default_config": "on"},
        {"default_config": {"permission_policy": {"type": "sometimes"}}},
        {"configs": [{"name": "web_fetch", "allowed_domains": ["a.b"], "blocked_domains": ["c.d"]}]},
        {"configs": [{"name": "web_fetch", "allowed_domains": []}]},
        {"configs": [{"name": "web_fetch", "allowed_domains": ["https://a.b"]}]},
        {"configs": [{"name": "web_fetch", "allowed_domains": [f"a{n}.b" for n in range(65)]}]},
        {"configs": [{"name": "web_fetch", "allowed_domains": ["a.b/c"]}]},
        {"configs": [{"name": "web_fetch", "blocked_domains": ["a.b/c"]}]},
        {"configs": [{"name": "web_search", "allowed_domains": ["a.b/c d"]}]},
        {"configs": [{"name": "web_search", "allowed_domains": ["a.b:443/c"]}]},
        {"configs": [{"name": "web_fetch", "max_content_tokens": 0}]},
        {"configs": [{"name": "web_search", "user_location": {"type": "exact"}}]},
        {"configs": [{"name": "web_fetch", "url_sources": {"user_input": "only"}}]},
        {"configs": [{"name": "web_fetch", "url_sources": {"client_tool_results": {"type": "only", "tools": []}}}]},
        {
            "configs": [
                {
                    "name": "web_fetch",
                    "url_sources": {"server_tool_results": {"type": "except", "tools": [{"name": "bash"}]}},
                }
            ]
        },
    ],
)
def test_a_toolset_that_makes_no_sense_is_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        toolset(**fields)


def test_short_forms_are_written_out() -> None:
    sources = {"user_input": "none", "client_tool_results": "all"}
    made = toolset(configs=[{"name": "web_fetch", "url_sources": sources}]).configs[0].url_sources
    assert made is not None
    assert made.model_dump(exclude_none=True) == {
        "user_input": {"type": "none"},
        "client_tool_results": {"type": "all"},
    }


@pytest.mark.parametrize("setting", ["allowed_domains", "blocked_domains"])
def test_a_search_may_be_bound_to_a_part_of_a_site(setting: str) -> None:
    made = toolset(configs=[{"name": "web_search", setting: ["a.b/docs/x"]}]).configs[0]
    assert getattr(made, setting) == ["a.b/docs/x"]


def test_settings_of_the_web_do_not_stick_to_other_tools() -> None:
    made = toolset(configs=[{"name": "bash", "allowed_domains": ["a.b"]}, {"name": "web_search", "url_sources": "x"}])
    assert made.configs[0].allowed_domains is None
    assert made.configs[1].url_sources is None


@pytest.mark.parametrize(
    "tool",
    [
        {"type": "agent_toolset_20260401", "configs": [{"name": "web_fetch", "url_sources": {"user_input": "none"}}]},
        {"type": "mcp_toolset", "mcp_server_name": "s", "configs": [{"name": "t", "enabled": False}]},
        {"type": "custom", "name": "a", "description": "d", "input_schema": {"properties": {"x": {}}}},
        {"type": "web_search_tavily"},
    ],
)
def test_reading_a_normal_form_changes_nothing(tool: dict[str, Any]) -> None:
    once = TOOL.validate_python(tool)
    assert TOOL.validate_python(once.model_dump(mode="json")) == once


@pytest.mark.parametrize(
    "fields",
    [
        {"name": ""},
        {"name": "a b"},
        {"name": "a" * 129},
        {"description": ""},
        {"input_schema": []},
        {"input_schema": {"type": "string"}},
        {"input_schema": {"properties": []}},
        {"input_schema": {"required": "x"}},
        {"input_schema": {"required": [1]}},
        {"execution": {"type": "carrier_pigeon"}},
        {"execution": {"type": "http", "endpoint": "ftp://x"}},
        {"execution": {"type": "sandbox"}},
    ],
)
def test_a_custom_tool_that_makes_no_sense_is_refused(fields: dict[str, Any]) -> None:
    good = {"type": "custom", "name": "a", "description": "d", "input_schema": {"type": "object"}}
    TOOL.validate_python(good)
    with pytest.raises(ValidationError):
        TOOL.validate_python(good | fields)
