"""The tools that a customer's worker runs, as the model is offered them.

The server's own tools of these names take more arguments and speak of its sandbox; these are what every worker reads.
"""

from typing import Any

from chalicelib.models.request import ToolSpec


def _spec(name: str, description: str, required: tuple[str, ...], **properties: dict[str, Any]) -> ToolSpec:
    schema = {"type": "object", "properties": properties, "required": list(required)}
    return ToolSpec(name, description, schema)


_TEXT = {"type": "string"}
_FOLDER = {"type": "string", "description": "Folder to search; the working directory when left out."}
_RANGE = {
    "type": "array",
    "items": {"type": "integer"},
    "minItems": 2,
    "maxItems": 2,
    "description": "First and last line, counted from 1; a last line below 1 means the end.",
}

_SPECS = (
    _spec(
        "bash",
        "Run a command in a bash shell that stays alive between calls: folders and variables set by one call are "
        "there for the next.",
        (),
        command={"type": "string", "description": "The command line."},
        restart={"type": "boolean", "description": "Begin again with a fresh shell."},
        timeout_ms={"type": "integer", "description": "Give up after so many milliseconds."},
    ),
    _spec("read", "Read a file.", ("file_path",), file_path=_TEXT, view_range=_RANGE),
    _spec("write", "Create a file or replace its content.", ("file_path", "content"), file_path=_TEXT, content=_TEXT),
    _spec(
        "edit",
        "Replace a piece of text in a file. The text must occur exactly once unless all places are to be replaced.",
        ("file_path", "old_string", "new_string"),
        file_path=_TEXT,
        old_string=_TEXT,
        new_string=_TEXT,
        replace_all={"type": "boolean", "description": "Replace every occurrence."},
    ),
    _spec("glob", "Find files whose path matches a pattern.", ("pattern",), pattern=_TEXT, path=_FOLDER),
    _spec("grep", "Find the files that contain a regular expression.", ("pattern",), pattern=_TEXT, path=_FOLDER),
)
WORKER_TOOLS = {spec.name: spec for spec in _SPECS}
