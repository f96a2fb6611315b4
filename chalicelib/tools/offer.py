"""Which tools a model is offered for an agent, and who runs each of them."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from chalicelib.mcp.naming import offered_name
from chalicelib.models.request import ToolSpec
from chalicelib.tools import catalogue
from chalicelib.tools.base import Tool
from chalicelib.tools.dreaming import DreamTool
from chalicelib.tools.http_call import HttpCall
from chalicelib.tools.sandbox_call import SandboxCall
from chalicelib.tools.toolset import (
    MCP_TOOLSET,
    TOOLSET,
    Policy,
    config_of,
    is_enabled,
    is_web_search,
    policy_of,
)
from chalicelib.tools.worker_tools import WORKER_TOOLS


@dataclass(frozen=True, slots=True)
class Offered:
    """A tool as offered: ``tool`` is what this server runs, None when somebody else runs it: the client, its worker,
    or another agent.

    ``server`` is the MCP server whose tool it is; ``tool`` has the name it has there.
    """

    name: str
    spec: ToolSpec
    runs: Literal["server", "client", "worker", "agent"]
    policy: Policy
    tool: Tool | None
    server: str | None = None


def offer(
    agent: dict[str, Any],
    origin: str,
    runnable: Mapping[str, Tool] = catalogue.RUNNABLE,
    *,
    self_hosted: bool = False,
) -> list[Offered]:
    """The tools for an agent's snapshot. ``origin`` is ``plain`` or ``sdk``, the kind of client that made the agent:
    for ``sdk`` no tool beyond the standard ones is offered unless the agent names it. ``self_hosted``: the tools that
    need a sandbox are run by a worker of the customer.

    A custom tool takes the place of the built-in one of its name, wherever it stands."""
    offers: dict[str, Offered] = {}
    for entry in agent.get("tools") or []:
        for offered in _of_entry(entry, origin, runnable, self_hosted):
            if entry.get("type") == "custom" or offered.name not in offers:
                offers[offered.name] = offered
    return list(offers.values())


def offer_mcp(agent: dict[str, Any], tools: Mapping[str, Iterable[Tool]], taken: Iterable[str]) -> list[Offered]:
    """The tools of MCP servers for an agent's snapshot. ``tools`` are by server, ``taken`` the names of other tools."""
    offers: dict[str, Offered] = {}
    names = set(taken)
    for entry in agent.get("tools") or []:
        if entry.get("type") != MCP_TOOLSET:
            continue
        server = entry["mcp_server_name"]
        for tool in {one.name: one for one in tools.get(server, ())}.values():
            name = offered_name(server, tool.name, names)
            if is_enabled(entry, tool.name) and name not in names:
                names.add(name)
                spec = ToolSpec(name, tool.description, tool.input_schema)
                offers[name] = Offered(name, spec, "server", policy_of(entry, tool.name), tool, server)
    return list(offers.values())


def find(offers: Iterable[Offered], name: str) -> Offered | None:
    """The offered tool of that name."""
    return next((offered for offered in offers if offered.name == name), None)


def _of_entry(entry: dict[str, Any], origin: str, runnable: Mapping[str, Tool], self_hosted: bool) -> Iterator[Offered]:
    if entry.get("type") == TOOLSET:
        yield from _built_in(entry, origin, runnable, self_hosted)
    elif entry.get("type") == "custom":
        yield from _custom(entry)
    elif is_web_search(entry):
        yield from _web_search(entry, runnable)


def _built_in(
    toolset: dict[str, Any], origin: str, runnable: Mapping[str, Tool], self_hosted: bool
) -> Iterator[Offered]:
    for name in catalogue.NAMES:
        if not is_enabled(toolset, name) or not _included(toolset, name, origin):
            continue
        tool, policy = runnable.get(name), policy_of(toolset, name)
        if self_hosted and name in WORKER_TOOLS:
            yield Offered(name, WORKER_TOOLS[name], "worker", policy, None)
        elif tool is not None:
            yield Offered(name, ToolSpec(name, tool.description, tool.input_schema), "server", policy, tool)


def _included(toolset: dict[str, Any], name: str, origin: str) -> bool:
    if name in catalogue.STANDARD or config_of(toolset, name) is not None:
        return True
    return origin == "plain" and name not in catalogue.OPT_IN


def _web_search(entry: dict[str, Any], runnable: Mapping[str, Tool]) -> Iterator[Offered]:
    tool = runnable.get("web_search")
    if tool is not None:
        name = entry.get("name") or tool.name
        yield Offered(name, ToolSpec(name, tool.description, tool.input_schema), "server", "always_allow", tool)


def _custom(entry: dict[str, Any]) -> Iterator[Offered]:
    name, execution = entry["name"], entry.get("execution")
    spec = ToolSpec(name, entry["description"], entry["input_schema"])
    if not execution:
        yield Offered(name, spec, "client", "always_allow", None)
    elif execution.get("type") == "http":
        yield Offered(name, spec, "server", "always_allow", HttpCall(entry))
    elif execution.get("type") == "sandbox":
        yield Offered(name, spec, "server", "always_allow", SandboxCall(entry))
    elif execution.get("type") == "dream":
        yield Offered(name, spec, "server", "always_allow", DreamTool(entry))
