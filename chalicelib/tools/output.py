"""Tool results as the log keeps them: always blocks, never longer than a model should have to read."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from chalicelib.core import jsonio
from chalicelib.tools.base import ToolOutput

MAX_CHARS = 50_000
EMPTY = "(no output)"
_PREVIEW_HEAD = 12_000
_PREVIEW_TAIL = 4_000


def finished(output: ToolOutput) -> ToolOutput:
    """The output with its blocks in order and its text within MAX_CHARS, a marker standing for what was cut."""
    return replace(output, content=bounded(as_blocks(output.content)))


def as_blocks(content: Any) -> list[dict[str, Any]]:
    """Content of any form as a non-empty list of blocks, none of them an empty text."""
    blocks = [block for part in _parts(content) for block in _block(part)]
    return blocks or [_text(EMPTY)]


def bounded(blocks: Iterable[dict[str, Any]], limit: int = MAX_CHARS) -> list[dict[str, Any]]:
    """The blocks with at most ``limit`` characters of text kept in all; blocks that are not text stay whole."""
    kept: list[dict[str, Any]] = []
    room, lost = limit, 0
    for block in blocks:
        text = _text_of(block)
        if text is None or len(text) <= room:
            kept.append(block)
            room -= len(text or "")
            continue
        if room:
            kept.append(_with_text(block, text[:room]))
        lost, room = lost + len(text) - room, 0
    return [*kept, _text(marker(limit, lost))] if lost else kept


def marker(limit: int, lost: int) -> str:
    """What stands in for the text that was cut."""
    return f"[Cut here: {limit} characters are shown, {lost} more were left out.]"


def text_length(blocks: Iterable[dict[str, Any]]) -> int:
    """How many characters of text the blocks hold in all."""
    return sum(len(_text_of(block) or "") for block in blocks)


def text_in(blocks: Iterable[dict[str, Any]]) -> str:
    """All text of the blocks, one after the other."""
    return "\n".join(text for block in blocks if (text := _text_of(block)) is not None)


def preview(head: str, tail: str, size: str, path: str) -> str:
    """The two ends of a text that is kept whole in a file; ``size`` says how long it is."""
    note = f"[Cut here: the output has {size}. See {path} for the rest; only the beginning and the end are shown.]"
    return f"{head[:_PREVIEW_HEAD]}\n\n{note}\n\n{tail[-_PREVIEW_TAIL:]}"


def without_text(blocks: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """The blocks that are something else than text."""
    return [block for block in blocks if _text_of(block) is None]


def _parts(content: Any) -> list[Any]:
    if content is None:
        return []
    return content if isinstance(content, list) else [content]


def _block(part: Any) -> list[dict[str, Any]]:
    if isinstance(part, dict) and isinstance(part.get("type"), str):
        return [] if part["type"] == "text" and not str(part.get("text") or "").strip() else [part]
    text = part if isinstance(part, str) else jsonio.dumps(part)
    return [_text(text)] if text.strip() else []


def _text(text: str) -> dict[str, Any]:
    return {"type": "text", "text": text}


def _text_of(block: dict[str, Any]) -> str | None:
    source = block.get("source")
    if block["type"] == "document" and isinstance(source, dict) and source.get("type") == "text":
        return str(source.get("data", ""))
    return str(block.get("text", "")) if block["type"] == "text" else None


def _with_text(block: dict[str, Any], text: str) -> dict[str, Any]:
    if block["type"] == "text":
        return {**block, "text": text}
    return {**block, "source": {**block["source"], "data": text}}
