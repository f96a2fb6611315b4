"""A custom tool that is a command in the session's sandbox."""

import json
import shlex
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from chalicelib.tools.base import ToolContext, ToolOutput, text_output
from chalicelib.tools.bash import Bash
from chalicelib.tools.sandboxed import in_sandbox, put_file, result_path

if TYPE_CHECKING:
    from chalicelib.sandbox.client import GuestClient

_BASH = Bash()


class SandboxCall:
    """Runs the tool's command with the model's input as JSON on its standard input; what it prints is the result."""

    safe_to_repeat = False

    def __init__(self, definition: dict[str, Any]) -> None:
        """``definition`` is the custom tool as the agent has it, with an ``execution`` of type sandbox."""
        self.name: str = definition["name"]
        self.description: str = definition["description"]
        self.input_schema: dict[str, Any] = definition["input_schema"]
        self._command: str = definition["execution"]["command"]

    def longest_s(self, arguments: dict[str, Any]) -> float:  # noqa: ARG002 - the command is the author's
        """The usual time limit of commands."""
        return _BASH.longest_s({})

    def run(self, context: ToolContext, arguments: dict[str, Any]) -> ToolOutput:
        """The command's output; an exit code other than 0 is told at its end."""
        given = result_path(context, "json")
        text = json.dumps(arguments, ensure_ascii=False).encode()

        def hand_over(client: "GuestClient") -> ToolOutput:
            put_file(client, given, text)
            return text_output("")

        handed = in_sandbox(context, hand_over)
        if handed.is_error:
            return handed
        ran = _BASH.run(context, {"command": f"(\n{self._command}\n) < {shlex.quote(given)}"})
        return replace(ran, content=[*(block for block in handed.content if block.get("text")), *ran.content])
