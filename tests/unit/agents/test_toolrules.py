from typing import Any

import pytest
from pydantic import TypeAdapter

from chalicelib.agents.parts import McpServer
from chalicelib.agents.policy import PLAIN, SDK
from chalicelib.agents.toolrules import settled
from chalicelib.agents.toolset import McpToolset, Tool
from chalicelib.core.errors import InvalidRequest

TOOLS: TypeAdapter[list[Any]] = TypeAdapter(list[Tool])
ALL = {"type": "agent_toolset_20260401"}


def tools(*given: dict[str, Any]) -> list[Any]:
    return TOOLS.validate_python(list(given))


def servers(*names: str) -> list[McpServer]:
    return [McpServer(name=name, url="https://a.test") for name in names]


def mcp(name: str) -> dict[str, Any]:
    return {"type": "mcp_toolset", "mcp_server_name": name}


def custom(name: str) -> dict[str, Any]:
    return {"type": "custom", "name": name, "description": "d", "input_schema": {}}


def fetching(*names: str) -> dict[str, Any]:
    sources = {"client_tool_results": {"type": "only", "tools": [{"name": name} for name in names]}}
    return ALL | {"configs": [{"name": "web_fetch", "url_sources": sources}]}


def test_tools_that_fit_together_stay_as_they_are() -> None:
    given = tools(ALL, mcp("a"), custom("x"))
    assert settled(given, servers("a"), SDK, tools_given=True) == given


@pytest.mark.parametrize(
    ("given", "declared", "path"),
    [
        ((ALL, ALL), (), "tools: "),
        ((mcp("a"),), (), "tools.0.mcp_server_name: "),
        ((ALL, mcp("b")), ("a",), "tools.1.mcp_server_name: "),
        ((mcp("a"), mcp("a")), ("a",), "tools: "),
        ((), ("a",), "mcp_servers: "),
        ((mcp("a"),), ("a", "a"), "mcp_servers: "),
        ((custom("x"), custom("x")), (), "tools: "),
        ((ALL | {"configs": [{"name": "bash"}]}, custom("bash")), (), "tools: "),
        ((fetching("missing"), custom("x")), (), "tools.0.configs.0.url_sources.client_tool_results: "),
    ],
)
def test_tools_that_do_not_fit_are_refused(given: tuple[Any, ...], declared: tuple[str, ...], path: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        settled(tools(*given), servers(*declared), SDK, tools_given=True)
    assert refused.value.message.startswith(path)


def test_a_server_without_toolset_gets_one_that_allows_everything() -> None:
    kept = settled(tools(ALL, mcp("a")), servers("a", "b"), PLAIN, tools_given=True)
    added = kept[-1]
    assert isinstance(added, McpToolset)
    assert (len(kept), added.mcp_server_name, added.default_config.permission_policy.type) == (3, "b", "always_allow")
    assert isinstance(kept[1], McpToolset)
    assert kept[1].default_config.permission_policy.type == "always_ask"


def test_toolsets_of_servers_that_are_gone_go_unless_named_just_now() -> None:
    given = tools(mcp("a"), mcp("b"))
    assert settled(given, servers("b"), PLAIN, tools_given=False) == given[1:]
    with pytest.raises(InvalidRequest):
        settled(given, servers("b"), PLAIN, tools_given=True)


def test_all_tools_are_counted() -> None:
    many = tools(*(custom(f"t{number}") for number in range(256)))
    assert len(settled(many, [], SDK, tools_given=True)) == 256
    with pytest.raises(InvalidRequest, match="256"):
        settled(many, servers("a"), PLAIN, tools_given=True)
