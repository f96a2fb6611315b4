"""``edit``: one passage of a file put in the place of another."""

from typing import TYPE_CHECKING, Any

from chalicelib.tools import arguments as given
from chalicelib.tools.base import ToolContext, ToolOutput, failure, text_output
from chalicelib.tools.sandboxed import in_sandbox, numbered

if TYPE_CHECKING:
    from chalicelib.sandbox.client import GuestClient


class Edit:
    """Replaces text that occurs once, or everywhere it occurs. A file that does not fit stays as it is."""

    name = "edit"
    description = (
        "Replaces a passage of a file. The passage has to occur exactly once, with all its blanks and line ends, "
        "unless every occurrence is to be replaced."
    )
    input_schema: dict[str, Any] = {
        "type": "object",
        "properties": {
            "file_path": {"type": "string", "description": "The file; relative paths begin in /workspace."},
            "old_string": {"type": "string", "description": "The passage as it stands there."},
            "new_string": {"type": "string", "description": "What stands there afterwards."},
            "replace_all": {"type": "boolean", "description": "Replace every occurrence."},
        },
        "required": ["file_path", "old_string", "new_string"],
    }
    safe_to_repeat = False

    def run(self, context: ToolContext, arguments: dict[str, Any]) -> ToolOutput:
        """The lines around the change, or an error result when the passage is missing or not unique."""
        try:
            path = given.text(arguments, "file_path")
            body = {
                "path": path,
                "old": given.text(arguments, "old_string"),
                "new": given.text(arguments, "new_string", empty=True),
                "all": given.flag(arguments, "replace_all"),
            }
        except given.Unusable as error:
            return failure(str(error))
        return in_sandbox(context, lambda client: _edited(client, body), changes=[path])


def _edited(client: "GuestClient", body: dict[str, Any]) -> ToolOutput:
    done = client.call("/text/edit", body)
    times = "once" if done["replaced"] == 1 else f"{done['replaced']} times"
    lines = "\n".join(numbered(done["snippet"], done["firstLine"]))
    return text_output(f"Replaced {times} in {done['path']}. It now reads:\n{lines}")
