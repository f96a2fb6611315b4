"""The tools that wake a session, without a session to wake."""

import threading
from typing import Any

import pytest

from chalicelib.outbound.guard import Outbound
from chalicelib.tools.base import ToolContext
from chalicelib.tools.catalogue import SCHEDULING
from chalicelib.tools.offer import offer

NAMES = ["schedule", "cancel_schedule", "list_schedules"]
TOOLSET: dict[str, Any] = {"type": "agent_toolset_20260401", "default_config": {}, "configs": []}


def context() -> ToolContext:
    """A call by an agent that may not wake its session."""
    return ToolContext("t", "s", "use", {}, None, Outbound(()), threading.Event(), lambda _: False)


@pytest.mark.parametrize("tool", SCHEDULING, ids=lambda tool: tool.name)
def test_an_agent_that_may_not_wake_the_session_is_told(tool: Any) -> None:
    output = tool.run(context(), {"prompt": "x", "delay_seconds": 5, "id": "sched_x"})
    assert output.is_error
    assert output.content[0]["text"] == "Error: schedules cannot be used here."
    assert output.records == ()


@pytest.mark.parametrize(("origin", "expected"), [("plain", NAMES), ("sdk", [])])
def test_the_origin_of_an_agent_decides_unless_it_names_them(origin: str, expected: list[str]) -> None:
    offers = offer({"tools": [TOOLSET]}, origin)
    assert [one.name for one in offers if one.name in NAMES] == expected
    named = TOOLSET | {"configs": [{"name": "list_schedules"}]}
    assert "list_schedules" in [one.name for one in offer({"tools": [named]}, origin)]
    off = TOOLSET | {"configs": [{"name": name, "enabled": False} for name in NAMES]}
    assert [one.name for one in offer({"tools": [off]}, origin) if one.name in NAMES] == []
