"""A guest of this machine as the sandbox of tools."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from chalicelib.sandbox.client import GuestClient
from chalicelib.sandbox.hosts.base import SandboxError
from chalicelib.tools.base import Tool, ToolContext, ToolOutput
from tests.functional.sandbox.guest.conftest import Guest
from tests.functional.tools.contexts import context


@dataclass
class Access:
    """The way to a guest; remembers what was made durable. ``start`` gives another guest when the first is lost."""

    guest: Guest
    start: Callable[[], Guest] | None = None
    persisted: list[Sequence[str] | None] = field(default_factory=list)
    trouble: SandboxError | None = None
    told: list[str] = field(default_factory=list)
    losses: int = 0

    def client(self) -> GuestClient:
        return self.guest.client

    def persist(self, paths: Sequence[str] | None = None) -> None:
        self.persisted.append(paths)
        if self.trouble is not None:
            raise self.trouble

    def lost(self) -> None:
        self.losses += 1
        if self.start is not None:
            self.guest = self.start()

    def notice(self) -> str | None:
        return self.told.pop() if self.told else None


class Sandbox:
    """Runs tools in a guest."""

    def __init__(self, access: Access) -> None:
        self.access = access
        self.guest = access.guest
        self.cancelled = threading.Event()
        self._calls = 0

    def context(self) -> ToolContext:
        self._calls += 1
        return context(sandbox=self.access, cancelled=self.cancelled, tool_use_id=f"use_{self._calls}")

    def run(self, tool: Tool, **arguments: Any) -> ToolOutput:
        return tool.run(self.context(), arguments)

    def says(self, tool: Tool, **arguments: Any) -> str:
        """The text of a result that is no error."""
        output = self.run(tool, **arguments)
        assert not output.is_error, output
        return text_of(output)

    def fails(self, tool: Tool, **arguments: Any) -> str:
        """The text of an error result."""
        output = self.run(tool, **arguments)
        assert output.is_error, output
        text = text_of(output)
        assert text.startswith("Error: ")
        return text


def text_of(output: ToolOutput) -> str:
    """The text of a result of one text block."""
    (block,) = output.content
    return str(block["text"])
