"""Which tools a model is offered for an agent, and who runs each of them."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from chalicelib.models.request import ToolSpec
from chalicelib.tools import catalogue
from chalicelib.tools.base import Tool
from chalicelib.tools.http_call import HttpCall
from chalicelib.tools.toolset import TOOLSET, Policy, config_of, is_enabled, policy_of


@dataclass(frozen=True, slots=True)
class Offered:
    """A tool as offered: ``tool`` is what this server runs, None when the client runs it."""

    name: str
    spec: ToolSpec
    runs: Literal["server", "client"]
    policy: Policy
    tool: Tool | None


def offer(agent: dict[str, Any], origin: str, runnable: Mapping[str, Tool] = catalogue.RUNNABLE) -> list[Offered]:
    """The tools for an agent's snapshot. ``origin`` is ``plain`` or ``sdk``, the kind of client that made the agent:
    for ``sdk`` no tool beyond the standard ones is offered unless the agent names it."""
    offers: dict[str, Offered] = {}
    for entry in agent.get("tools") or []:
        for offered in _of_entry(entry, origin, runnable):
            offers.setdefault(offered.name, offered)
    return list(offers.values())


def find(offers: Iterable[Offered], name: str) -> Offered | None:
    """The offered tool of that name."""
    return next((offered for offered in offers if offered.name == name), None)


def _of_entry(entry: dict[str, Any], origin: str, runnable: Mapping[str, Tool]) -> Iterator[Offered]:
    if entry.get("type") == TOOLSET:
        yield from _built_in(entry, origin, runnable)
    elif entry.get("type") == "custom":
        yield from _custom(entry)


def _built_in(toolset: dict[str, Any], origin: str, runnable: Mapping[str, Tool]) -> Iterator[Offered]:
    for name in catalogue.NAMES:
        tool = runnable.get(name)
        if tool is not None and is_enabled(toolset, name) and _included(toolset, name, origin):
            spec = ToolSpec(name, tool.description, tool.input_schema)
            yield Offered(name, spec, "server", policy_of(toolset, name), tool)


def _included(toolset: dict[str, Any], name: str, origin: str) -> bool:
    if name in catalogue.STANDARD or config_of(toolset, name) is not None:
        return True
    return origin == "plain" and name not in catalogue.OPT_IN


def _custom(entry: dict[str, Any]) -> Iterator[Offered]:
    name, execution = entry["name"], entry.get("execution")
    spec = ToolSpec(name, entry["description"], entry["input_schema"])
    if not execution:
        yield Offered(name, spec, "client", "always_allow", None)
    elif execution.get("type") == "http":
        yield Offered(name, spec, "server", "always_allow", HttpCall(entry))
