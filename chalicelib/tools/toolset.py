"""Reading the built-in toolset of an agent's snapshot."""

from typing import Any, Literal, cast

TOOLSET = "agent_toolset_20260401"
MCP_TOOLSET = "mcp_toolset"
WEB_SEARCH = frozenset(("web_search_20250305", "web_search_ddg", "web_search_tavily"))
Policy = Literal["always_allow", "always_ask", "auto"]


def toolset_of(agent: dict[str, Any]) -> dict[str, Any] | None:
    """The agent's built-in toolset, None when it has none."""
    return next((tool for tool in agent.get("tools") or [] if tool.get("type") == TOOLSET), None)


def config_of(toolset: dict[str, Any], name: str) -> dict[str, Any] | None:
    """What the toolset says about one tool by name."""
    return next((config for config in toolset.get("configs") or [] if config.get("name") == name), None)


def is_web_search(entry: dict[str, Any]) -> bool:
    """Whether an entry of an agent's tools is web search on its own, outside a toolset."""
    return entry.get("type") in WEB_SEARCH


def is_enabled(toolset: dict[str, Any], name: str) -> bool:
    """Whether the tool is switched on, by its own setting or the default."""
    return bool(_setting(toolset, name, "enabled", True))


def policy_of(toolset: dict[str, Any], name: str) -> Policy:
    """The tool's permission policy, by its own setting or the default: foreign tools are asked about."""
    otherwise = "always_ask" if toolset.get("type") == MCP_TOOLSET else "always_allow"
    policy = _setting(toolset, name, "permission_policy", {"type": otherwise})
    return cast(Policy, policy["type"])


def _setting(toolset: dict[str, Any], name: str, key: str, otherwise: Any) -> Any:
    for source in (config_of(toolset, name), toolset.get("default_config")):
        value = (source or {}).get(key)
        if value is not None:
            return value
    return otherwise
