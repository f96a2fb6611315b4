"""``write``: a whole file."""

from typing import TYPE_CHECKING, Any

from chalicelib.tools import arguments as given
from chalicelib.tools.base import ToolContext, ToolOutput, failure, text_output
from chalicelib.tools.sandboxed import in_sandbox, put_file

if TYPE_CHECKING:
    from chalicelib.sandbox.client import GuestClient


class Write:
    """Creates a file or replaces it; missing folders are made."""

    name = "write"
    description = "Creates a file with this content, or replaces the file that is there. Missing folders are made."
    input_schema: dict[str, Any] = {
        "type": "object",
        "properties": {
            "file_path": {"type": "string", "description": "The file; relative paths begin in /workspace."},
            "content": {"type": "string", "description": "All of the file's text."},
        },
        "required": ["file_path", "content"],
    }
    safe_to_repeat = False

    def run(self, context: ToolContext, arguments: dict[str, Any]) -> ToolOutput:
        """How much was written, or an error result when the place cannot be written."""
        try:
            path = given.text(arguments, "file_path")
            content = given.text(arguments, "content", empty=True).encode()
        except given.Unusable as error:
            return failure(str(error))

        def work(client: "GuestClient") -> ToolOutput:
            return text_output(f"Wrote {len(content)} bytes to {put_file(client, path, content)}.")

        return in_sandbox(context, work, changes=[path])
