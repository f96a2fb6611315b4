"""The tools by which a model calls other agents."""

from collections.abc import Iterable
from typing import Any

from chalicelib.agents.team import INLINE, Callee, callees
from chalicelib.models.request import ToolSpec
from chalicelib.tools.offer import Offered

SCHEDULING = frozenset({"schedule", "cancel_schedule", "list_schedules"})
"""What an agent that was called cannot use: it is gone when the time comes."""

_TEXT = {"type": "string", "minLength": 1}


def delegates(agent: dict[str, Any], others: Iterable[Offered] = ()) -> list[Offered]:
    """A tool for everybody the agent may call; one that has the name of an ``other`` tool is left out."""
    taken = {one.name for one in others}
    return [
        Offered(one.tool, _spec(one), "agent", "always_allow", None) for one in callees(agent) if one.tool not in taken
    ]


def callee(agent: dict[str, Any], tool: str) -> Callee:
    """Who is called by an offered tool of that name."""
    return next(one for one in callees(agent) if one.tool == tool)


def _spec(one: Callee) -> ToolSpec:
    properties: dict[str, Any] = {one.argument: _TEXT | {"description": "What the agent is told."}}
    if one.tool == INLINE:
        properties["name"] = {"type": "string", "description": "A short name for the helper."}
        properties["instructions"] = {"type": "string", "description": "Who the helper is and how it is to work."}
    return ToolSpec(one.tool, one.about, {"type": "object", "properties": properties, "required": [one.argument]})
