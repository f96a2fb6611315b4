"""``glob``: files by the pattern of their names."""

from typing import TYPE_CHECKING, Any

from chalicelib.tools import arguments as given
from chalicelib.tools.base import ToolContext, ToolOutput, failure, text_output
from chalicelib.tools.sandboxed import in_sandbox

if TYPE_CHECKING:
    from chalicelib.sandbox.client import GuestClient

_USUAL = 100
_MOST = 250
NONE_FOUND = "No files found."


class Glob:
    """Finds files in a folder and below it, those changed last first."""

    name = "glob"
    description = (
        "Finds files whose path fits a pattern such as *.py, src/**/*.ts or {a,b}*, in a folder and all folders below "
        "it, hidden ones too. The files changed last come first."
    )
    input_schema: dict[str, Any] = {
        "type": "object",
        "properties": {
            "pattern": {"type": "string"},
            "path": {"type": "string", "description": "The folder to search; /workspace if left out."},
            "limit": {
                "type": "integer",
                "minimum": 1,
                "description": f"How many paths at most; {_USUAL} if left out, never more than {_MOST}.",
            },
        },
        "required": ["pattern"],
    }
    safe_to_repeat = True

    def run(self, context: ToolContext, arguments: dict[str, Any]) -> ToolOutput:
        """The paths, one a line. That there is none is no error."""
        try:
            pattern, path = given.text(arguments, "pattern"), given.optional_text(arguments, "path")
            limit = min(given.number(arguments, "limit", least=1) or _USUAL, _MOST)
        except given.Unusable as error:
            return failure(str(error))
        body = {"pattern": pattern, "path": path or "", "limit": limit}
        return in_sandbox(context, lambda client: _found(client, body), repeat=True)


def _found(client: "GuestClient", body: dict[str, Any]) -> ToolOutput:
    found = client.call("/search/glob", body)
    lines = list(found["paths"]) or [NONE_FOUND]
    if found["total"] > len(found["paths"]):
        lines.append(f"[{len(found['paths'])} of {found['total']} files are shown.]")
    if not found["whole"]:
        lines.append("[There are too many files to look at all of them; search in a smaller folder.]")
    return text_output("\n".join(lines))
