"""What an MCP server gives back for a call, as blocks for the model."""

import base64
import binascii
from collections.abc import Iterable
from typing import Any

from chalicelib.core import jsonio
from chalicelib.tools.base import ToolOutput
from chalicelib.tools.hiding import hide

Json = dict[str, Any]
_PICTURES = frozenset(("image/png", "image/jpeg", "image/gif", "image/webp"))
_MOST_CHARACTERS = 7 << 20


def output_of(result: Json, secrets: Iterable[str] = ()) -> ToolOutput:
    """The output of a ``tools/call`` result in its wire form. ``secrets`` that the server repeats are hidden."""
    blocks = [block for part in result.get("content") or [] for block in _blocks(part)]
    structured = result.get("structuredContent")
    if not blocks and structured is not None:
        blocks = [_text(jsonio.dumps(structured))]
    hidden = [hide(block, secrets) for block in _within(blocks)]
    return ToolOutput(hidden, is_error=result.get("isError") is True)


def _blocks(part: Json) -> list[Json]:
    kind = part.get("type")
    if kind == "text":
        return [_text(str(part.get("text") or ""))]
    if kind in ("image", "audio"):
        return [_media(str(part.get("mimeType") or ""), str(part.get("data") or ""), f"an {kind}")]
    if kind == "resource":
        return _resource(part.get("resource") or {})
    if kind == "resource_link":
        named = ": ".join(str(part[name]) for name in ("name", "description") if part.get(name))
        return [_text(f"[{named or 'resource'}]({part.get('uri', '')})")]
    return [_text(jsonio.dumps(part))]


def _resource(resource: Json) -> list[Json]:
    uri, kind = str(resource.get("uri") or ""), str(resource.get("mimeType") or "")
    if resource.get("text") is not None:
        return [_text(f'<resource uri="{uri}">\n{resource["text"]}\n</resource>')]
    return [_text(f"[resource {uri}]"), _media(kind, str(resource.get("blob") or ""), uri)]


def _media(media_type: str, data: str, what: str) -> Json:
    """A picture or a document; a note for anything a model cannot be shown."""
    kind = media_type.partition(";")[0].strip().lower()
    shown = {"application/pdf": "document"} | dict.fromkeys(_PICTURES, "image")
    if kind not in shown or not _sound(data):
        return _text(f"[{what} of type {kind or 'unknown'} cannot be shown]")
    return {"type": shown[kind], "source": {"type": "base64", "media_type": kind, "data": data}}


def _sound(data: str) -> bool:
    try:
        return bool(data) and bool(base64.b64decode(data, validate=True))
    except (binascii.Error, ValueError):
        return False


def _within(blocks: list[Json]) -> list[Json]:
    """The blocks with notes in place of pictures that would be too much."""
    kept, room = [], _MOST_CHARACTERS
    for block in blocks:
        size = len(block["source"]["data"]) if "source" in block else 0
        room -= size
        kept.append(block if not size or room >= 0 else _text(f"[{block['type']} left out: too large]"))
    return kept


def _text(text: str) -> Json:
    return {"type": "text", "text": text}
