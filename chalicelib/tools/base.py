"""What a tool is: something the model may call and this server runs."""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from chalicelib.outbound.guard import Outbound


@dataclass(frozen=True, slots=True)
class ToolContext:
    """The call a tool is run for.

    ``agent`` and ``environment`` are the session's snapshots; ``seen_urls`` tells whether a URL has occurred in the
    conversation; ``cancelled`` is set by another thread when the result is no longer wanted.
    """

    tenant: str
    session_id: str
    tool_use_id: str
    agent: dict[str, Any]
    environment: dict[str, Any] | None
    outbound: Outbound
    cancelled: threading.Event
    seen_urls: Callable[[str], bool]
    timeout_s: float = 120


@dataclass(frozen=True, slots=True)
class ToolOutput:
    """Content blocks for the model."""

    content: list[dict[str, Any]]
    is_error: bool = False


class Tool(Protocol):
    """A tool never raises for what the model or the world did wrong: that is an error result.

    ``safe_to_repeat`` says that running a call a second time does no harm, so that one cut off may be run again.
    """

    @property
    def name(self) -> str: ...
    @property
    def description(self) -> str: ...
    @property
    def input_schema(self) -> dict[str, Any]: ...
    @property
    def safe_to_repeat(self) -> bool: ...

    def run(self, context: ToolContext, arguments: dict[str, Any]) -> ToolOutput:
        """Do it and tell the model what came of it."""
        ...


def text_output(text: str) -> ToolOutput:
    """A result of one text."""
    return ToolOutput([{"type": "text", "text": text}])


def failure(reason: str) -> ToolOutput:
    """An error result; its text starts with ``Error``."""
    return ToolOutput([{"type": "text", "text": f"Error: {reason}"}], is_error=True)
