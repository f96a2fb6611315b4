"""``grep``: where a regular expression occurs."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from chalicelib.tools import arguments as given
from chalicelib.tools.base import ToolContext, ToolOutput, failure, text_output
from chalicelib.tools.sandboxed import in_sandbox

if TYPE_CHECKING:
    from chalicelib.sandbox.client import GuestClient

_USUAL = 1000
_MOST = 10_000
_MOST_CONTEXT = 100
_MODES = ("content", "files_with_matches", "count")
NONE_FOUND = "No matches found."


class Grep:
    """Finds lines of text files that fit a regular expression."""

    name = "grep"
    description = (
        "Searches text files for a regular expression (Python's syntax), in one file or in a folder and all folders "
        "below it, hidden ones too. Returns path:line:text for each line that fits."
    )
    input_schema: dict[str, Any] = {
        "type": "object",
        "properties": {
            "pattern": {"type": "string"},
            "path": {"type": "string", "description": "The file or folder to search; /workspace if left out."},
            "glob": {"type": "string", "description": "Search only files whose path fits this pattern, as *.py."},
            "context": {"type": "integer", "minimum": 0, "description": "How many lines to show around each line."},
            "head_limit": {"type": "integer", "minimum": 1, "description": f"How many at most; {_USUAL} if left out."},
            "ignore_case": {"type": "boolean"},
            "output_mode": {
                "type": "string",
                "enum": list(_MODES),
                "description": "The lines (if left out), only the paths, or the number of lines by path.",
            },
        },
        "required": ["pattern"],
    }
    safe_to_repeat = True

    def run(self, context: ToolContext, arguments: dict[str, Any]) -> ToolOutput:
        """What was found, one a line. That there is nothing is no error; an expression that is none is one."""
        try:
            mode = given.optional_text(arguments, "output_mode") or _MODES[0]
            if mode not in _MODES:
                raise given.Unusable(f"`output_mode` has to be one of {', '.join(_MODES)}.")
            body = _body(arguments, mode)
        except given.Unusable as error:
            return failure(str(error))
        return in_sandbox(context, lambda client: _found(client, body, mode), repeat=True)


def _body(arguments: dict[str, Any], mode: str) -> dict[str, Any]:
    return {
        "pattern": given.text(arguments, "pattern"),
        "path": given.optional_text(arguments, "path") or "",
        "glob": given.optional_text(arguments, "glob") or "",
        "context": min(given.number(arguments, "context", least=0) or 0, _MOST_CONTEXT),
        "limit": min(given.number(arguments, "head_limit", least=1) or _USUAL, _MOST),
        "ignoreCase": given.flag(arguments, "ignore_case") or given.flag(arguments, "-i"),
        "filesOnly": mode != "content",
    }


def _found(client: "GuestClient", body: dict[str, Any], mode: str) -> ToolOutput:
    found = client.call("/search/grep", body)
    if mode == "content":
        lines = list(_lines(found["lines"], apart=body["context"] > 0))
    else:
        lines = [f"{path}:{count}" if mode == "count" else path for path, count in found["files"]]
    lines = lines or [NONE_FOUND]
    if not found["whole"]:
        lines.append(f"[Not everything is shown: {found['why']}.]")
    return text_output("\n".join(lines))


def _lines(found: list[list[Any]], *, apart: bool) -> Iterator[str]:
    """The lines as grep writes them, with a mark between those that do not follow each other if ``apart``."""
    before: tuple[str, int] | None = None
    for path, number, text, matches in found:
        if apart and before is not None and before != (path, number - 1):
            yield "--"
        before = (path, number)
        mark = ":" if matches else "-"
        yield f"{path}{mark}{number}{mark}{text}"
