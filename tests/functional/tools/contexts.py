"""Contexts to run tools in."""

import threading
from typing import Any

from chalicelib.outbound.guard import Outbound
from chalicelib.tools.base import ToolContext, ToolOutput
from tests.functional.outbound.calls import LOCAL, Names


def context(**overrides: Any) -> ToolContext:
    """A call of an agent with the whole toolset, every URL seen, this machine reachable."""
    names = Names(docs_test=[["127.0.0.1"]], api_docs_test=[["127.0.0.1"]], evil_test=[["127.0.0.1"]])
    settings: dict[str, Any] = {
        "tenant": "t",
        "session_id": "s",
        "tool_use_id": "use-1",
        "agent": toolset(),
        "environment": None,
        "outbound": Outbound(LOCAL, lookup=names),
        "cancelled": threading.Event(),
        "seen_urls": lambda _: True,
        "timeout_s": 5.0,
    }
    return ToolContext(**(settings | overrides))


def toolset(**web_fetch: Any) -> dict[str, Any]:
    """An agent whose ``web_fetch`` has these settings."""
    return {"tools": [{"type": "agent_toolset_20260401", "configs": [{"name": "web_fetch", **web_fetch}]}]}


def error_of(output: ToolOutput) -> str:
    """The text of an error result."""
    assert output.is_error
    (block,) = output.content
    assert block["text"].startswith("Error: ")
    return str(block["text"])
