"""``read``: a file's lines, or an image or PDF for the model to look at."""

import base64
from typing import TYPE_CHECKING, Any

from chalicelib.tools import arguments as given
from chalicelib.tools.base import ToolContext, ToolOutput, failure, text_output
from chalicelib.tools.output import MAX_CHARS
from chalicelib.tools.sandboxed import in_sandbox, numbered

if TYPE_CHECKING:
    from chalicelib.sandbox.client import GuestClient

_NOTE_ROOM = 400
_MOST_TEXT = MAX_CHARS - _NOTE_ROOM
_MOST_BYTES = {"image": 3_750_000, "application/pdf": 12_000_000}


class Read:
    """Shows lines with their numbers. Images and PDF documents are given as content blocks."""

    name = "read"
    description = (
        "Reads a file: a text with numbered lines, or an image (PNG, JPEG, GIF, WebP) or PDF document to look at. "
        "Long files are read in parts."
    )
    input_schema: dict[str, Any] = {
        "type": "object",
        "properties": {
            "file_path": {"type": "string", "description": "The file; relative paths begin in /workspace."},
            "view_range": {
                "type": "array",
                "items": {"type": "integer"},
                "minItems": 2,
                "maxItems": 2,
                "description": "First and last line, counted from 1; a last line of 0 or less means the end.",
            },
            "offset": {"type": "integer", "minimum": 1, "description": "First line, instead of `view_range`."},
            "limit": {"type": "integer", "minimum": 1, "description": "How many lines, instead of `view_range`."},
        },
        "required": ["file_path"],
    }
    safe_to_repeat = True

    def run(self, context: ToolContext, arguments: dict[str, Any]) -> ToolOutput:
        """The file, or an error result when it is missing, a directory, or nothing a model can read."""
        try:
            path = given.text(arguments, "file_path")
            first, last = _range(arguments)
        except given.Unusable as error:
            return failure(str(error))
        return in_sandbox(context, lambda client: _shown(client, path, first, last), repeat=True)


def _range(arguments: dict[str, Any]) -> tuple[int, int]:
    """The first and the last line wanted; a last line of 0 is the end of the file."""
    span = arguments.get("view_range")
    if span is not None:
        if not isinstance(span, list) or len(span) != 2 or not all(type(one) is int for one in span):
            raise given.Unusable("`view_range` has to be two whole numbers.")
        first, last = max(span[0], 1), max(span[1], 0)
        if last and last < first:
            raise given.Unusable("`view_range` ends before it begins.")
        return first, last
    first = max(given.number(arguments, "offset") or 1, 1)
    limit = given.number(arguments, "limit", least=1)
    return first, first + limit - 1 if limit else 0


def _shown(client: "GuestClient", path: str, first: int, last: int) -> ToolOutput:
    found = client.call("/text/view", {"path": path, "first": first, "last": last, "maxBytes": MAX_CHARS * 4})
    if found["mediaType"]:
        return _media(client, found)
    if found["binary"]:
        return failure(f"'{found['path']}' is not a text ({found['size']} bytes). Look at it with bash.")
    total = found["totalLines"]
    if not total:
        return text_output("(the file is empty)")
    if first > total:
        return failure(f"'{found['path']}' has only {total} lines.")
    return text_output(_text(found, min(last or total, total)))


def _text(found: dict[str, Any], last: int) -> str:
    """The lines that fit, and how to get at those that do not."""
    kept: list[str] = []
    first, room = found["first"], _MOST_TEXT
    for line in numbered(found["text"], first):
        room -= len(line) + 1
        if room < 0 and kept:
            break
        kept.append(line)
    shown = "\n".join(kept)
    if len(shown) > _MOST_TEXT or (found["cut"] and len(kept) == 1):
        shown = f"{shown[:_MOST_TEXT]}\n[Line {first} is longer than this; the rest of it is left out.]"
    end = first + len(kept) - 1
    if end < last:
        shown += (
            f"\n[Lines {first} to {end} of {found['totalLines']} are shown. Go on with view_range [{end + 1}, -1].]"
        )
    return shown


def _media(client: "GuestClient", found: dict[str, Any]) -> ToolOutput:
    kind, size = found["mediaType"], found["size"]
    is_image = kind.startswith("image/")
    most = _MOST_BYTES["image" if is_image else kind]
    if size > most:
        return failure(f"'{found['path']}' has {size} bytes; to be looked at it may have {most} at most.")
    data = base64.b64encode(client.fetch("GET", "/files", most=most, params={"path": found["path"]})).decode()
    source = {"type": "base64", "media_type": kind, "data": data}
    return ToolOutput([{"type": "image" if is_image else "document", "source": source}])
