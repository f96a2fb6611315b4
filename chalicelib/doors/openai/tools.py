"""Tools of this family in the core's terms, and back."""

from collections.abc import Mapping, Sequence
from typing import Any

from chalicelib.agents.parts import McpServer
from chalicelib.agents.toolset import CustomTool, McpToolset, Tool, Toolset
from chalicelib.doors.openai.errors import Unsupported
from chalicelib.doors.openai.schemas import agents as schemas

SANDBOX_TOOLS = ("bash", "read", "write", "edit", "glob", "grep")
_WEB_TOOLS = ("web_search", "web_fetch")
_SET = "agent_toolset_20260401"


def of_request(tools: Sequence[Any]) -> tuple[list[Tool], list[McpServer]]:
    """The tools and the MCP servers behind them. Raises Unsupported, ValueError for what the core refuses."""
    made: list[Tool] = []
    servers: list[McpServer] = []
    for place, tool in enumerate(tools):
        field = f"tools.{place}"
        if isinstance(tool, schemas.FunctionTool):
            made.append(_function(tool))
        elif isinstance(tool, schemas.McpTool):
            servers.append(_server(tool, field))
            made.append(_mcp(tool))
        elif isinstance(tool, schemas.WebSearchTool):
            made += [] if tool.mode == "disabled" else [_web(tool)]
        elif tool.enabled is not False:
            raise Unsupported(f"{field}.type", f"{tool.type} is not offered here")
    return made, servers


def _function(tool: schemas.FunctionTool) -> CustomTool:
    schema = {"type": "object", "properties": {}} | tool.parameters
    described = tool.description or tool.name
    return CustomTool(type="custom", name=tool.name, description=described, input_schema=schema)


def _server(tool: schemas.McpTool, field: str) -> McpServer:
    if isinstance(tool.transport, schemas.StdioTransport):
        raise Unsupported(f"{field}.transport.type", "only servers with an address can be used")
    for name in ("credential_id", "request_metadata", "required"):
        if getattr(tool, name):
            raise Unsupported(f"{field}.{name}", "cannot be set here")
    if tool.connection_origin == "environment":
        raise Unsupported(f"{field}.connection_origin", "servers are reached by the service")
    if tool.transport.headers:
        raise Unsupported(f"{field}.transport.headers", "put the credential into a vault")
    return McpServer(type="url", name=tool.server_label, url=tool.transport.server_url)


def _mcp(tool: schemas.McpTool) -> McpToolset:
    shown: dict[str, Any] = {"type": "mcp_toolset", "mcp_server_name": tool.server_label}
    if tool.allowed_tools is not None:
        shown["default_config"] = {"enabled": False}
        shown["configs"] = [{"name": name, "enabled": True} for name in tool.allowed_tools]
    return McpToolset.model_validate(shown)


def _web(tool: schemas.WebSearchTool) -> Toolset:
    domains = {"allowed_domains": tool.allowed_domains} if tool.allowed_domains else {}
    configs: list[dict[str, Any]] = [{"name": name, "enabled": True, **domains} for name in _WEB_TOOLS]
    if tool.location is not None:
        configs[0]["user_location"] = {"type": "approximate"} | tool.location.model_dump(exclude_none=True)
    return _toolset(configs)


def _toolset(configs: list[dict[str, Any]]) -> Toolset:
    return Toolset.model_validate({"type": _SET, "default_config": {"enabled": False}, "configs": configs})


def with_sandbox(tools: Sequence[Tool]) -> list[Tool]:
    """The tools and those that work in a sandbox, unless some of these are there already."""
    kept, configs = list(tools), list[dict[str, Any]]()
    for tool in tools:
        if isinstance(tool, Toolset):
            if any(tool.setting(name).enabled for name in SANDBOX_TOOLS):
                return kept
            kept.remove(tool)
            configs = [config.model_dump(exclude_none=True) for config in tool.configs]
    free = {tool.name for tool in tools if isinstance(tool, CustomTool)}
    named = {config["name"] for config in configs}
    configs = [config | ({"enabled": True} if config["name"] in SANDBOX_TOOLS else {}) for config in configs]
    configs += [{"name": name, "enabled": True} for name in SANDBOX_TOOLS if name not in named and name not in free]
    return [*kept, _toolset(configs)]


def shown(agent: Mapping[str, Any], *, saved: bool) -> list[dict[str, Any]]:
    """The tools of a stored agent as this family prints them; those it has no word for are left out."""
    servers = {server["name"]: server for server in agent["mcp_servers"]}
    printed = []
    for tool in agent["tools"]:
        if tool["type"] == "custom":
            printed.append(_shown_function(tool))
        elif tool["type"] == "mcp_toolset":
            printed.append(_shown_mcp(tool, servers[tool["mcp_server_name"]], saved=saved))
        elif tool["type"] == _SET:
            printed += [_shown_web(one) for one in tool["configs"] if one["name"] == "web_search" and one["enabled"]]
        else:
            printed.append(_shown_web(tool))
    return printed


def _shown_function(tool: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "type": "function",
        "name": tool["name"],
        "description": tool["description"],
        "parameters": tool["input_schema"],
        "defer_loading": False,
        "async": False,
    }


def _shown_mcp(tool: Mapping[str, Any], server: Mapping[str, Any], *, saved: bool) -> dict[str, Any]:
    allowed = [one["name"] for one in tool["configs"] if one["enabled"]]
    return {
        "type": "mcp",
        "server_label": tool["mcp_server_name"],
        "transport": _transport(server, saved=saved),
        "allowed_tools": None if tool["default_config"]["enabled"] else allowed,
        "connection_origin": "service" if server["type"] == "url" else "environment",
        "credential_id": None,
        "request_metadata": {},
        "required": False,
    }


def _transport(server: Mapping[str, Any], *, saved: bool) -> dict[str, Any]:
    if server["type"] == "url":
        return {"type": "http", "server_url": server["url"], **({"headers": {}} if saved else {})}
    program = server["stdio"]
    return {
        "type": "stdio",
        "command": program["command"],
        "args": program["args"],
        "cwd": "/workspace",
        "env_vars": sorted(program["env"]),
    }


def _shown_web(config: Mapping[str, Any]) -> dict[str, Any]:
    place = config.get("user_location")
    return {
        "type": "web_search",
        "allowed_domains": config.get("allowed_domains"),
        "context_size": "medium",
        "location": None if place is None else {key: value for key, value in place.items() if key != "type"},
        "mode": "live",
    }
