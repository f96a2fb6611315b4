"""Rules that look at all tools of an agent together, and at its MCP servers."""

from collections import Counter
from collections.abc import Iterable, Sequence

from chalicelib.agents.errors import invalid
from chalicelib.agents.parts import McpServer
from chalicelib.agents.policy import Policy
from chalicelib.agents.toolset import CustomTool, McpToolset, Tool, Toolset, allowed_mcp_set

MOST_TOOLS = 256


def settled(tools: Sequence[Tool], servers: Sequence[McpServer], policy: Policy, *, tools_given: bool) -> list[Tool]:
    """The tools that fit together with the servers. Raises InvalidRequest.

    Under a policy that serves all MCP servers, those without a toolset get one that allows everything, and toolsets of
    servers that are gone go too unless the caller named them just now (``tools_given``).
    """
    _check_names([server.name for server in servers], "mcp_servers", "server")
    kept = list(tools)
    if policy.serve_all_mcp:
        kept = _in_step(kept, servers, drop_orphans=not tools_given)
    _check_toolsets(kept)
    _check_mcp(kept, servers)
    _check_custom(kept)
    if len(kept) > MOST_TOOLS:
        raise invalid("tools", f"at most {MOST_TOOLS} entries")
    return kept


def _in_step(tools: list[Tool], servers: Sequence[McpServer], *, drop_orphans: bool) -> list[Tool]:
    names = [server.name for server in servers]
    if drop_orphans:
        tools = [tool for tool in tools if not isinstance(tool, McpToolset) or tool.mcp_server_name in names]
    served = {tool.mcp_server_name for tool in tools if isinstance(tool, McpToolset)}
    return tools + [allowed_mcp_set(name) for name in names if name not in served]


def _check_names(names: Iterable[str], field: str, noun: str) -> None:
    repeated = [name for name, times in Counter(names).items() if times > 1]
    if repeated:
        raise invalid(field, f"more than one {noun} is named {repeated[0]!r}")


def _check_toolsets(tools: Sequence[Tool]) -> None:
    if sum(isinstance(tool, Toolset) for tool in tools) > 1:
        raise invalid("tools", "at most one agent_toolset_20260401")


def _check_mcp(tools: Sequence[Tool], servers: Sequence[McpServer]) -> None:
    declared = {server.name for server in servers}
    named = [tool.mcp_server_name for tool in tools if isinstance(tool, McpToolset)]
    _check_names(named, "tools", "mcp_toolset")
    for position, tool in enumerate(tools):
        if isinstance(tool, McpToolset) and tool.mcp_server_name not in declared:
            field = f"tools.{position}.mcp_server_name"
            raise invalid(field, f"no MCP server named {tool.mcp_server_name!r} is declared")
    if unserved := declared.difference(named):
        raise invalid("mcp_servers", f"no mcp_toolset in tools refers to the server {min(unserved)!r}")


def _check_custom(tools: Sequence[Tool]) -> None:
    custom = [tool.name for tool in tools if isinstance(tool, CustomTool)]
    _check_names(custom, "tools", "custom tool")
    for position, tool in enumerate(tools):
        if not isinstance(tool, Toolset):
            continue
        enabled = {config.name for config in tool.configs if config.enabled}
        if taken := enabled.intersection(custom):
            raise invalid("tools", f"{min(taken)!r} is both a custom tool and a built-in one")
        _check_sources(tool, position, custom)


def _check_sources(toolset: Toolset, position: int, custom: Sequence[str]) -> None:
    for place, config in enumerate(toolset.configs):
        named = config.url_sources.client_tools() if config.url_sources else []
        if unknown := set(named).difference(custom):
            field = f"tools.{position}.configs.{place}.url_sources.client_tool_results"
            raise invalid(field, f"there is no custom tool named {min(unknown)!r}")
