"""The events of Anthropic's stream as chunks."""

from collections.abc import Iterator
from typing import Any

from chalicelib.core import jsonio
from chalicelib.models import failures
from chalicelib.models.chunks import (
    BlockDone,
    Chunk,
    Finished,
    TextDelta,
    TextStart,
    ThinkingDelta,
    ThinkingStart,
    ToolInputDelta,
    ToolInputStart,
    tool_input,
)
from chalicelib.models.failures import Scrub
from chalicelib.models.usage import Usage

_STOP_REASONS = {
    "end_turn": "end_turn",
    "tool_use": "tool_use",
    "max_tokens": "max_tokens",
    "model_context_window_exceeded": "max_tokens",
    "stop_sequence": "stop_sequence",
    "refusal": "refusal",
}
_COUNTS = ("input_tokens", "output_tokens", "cache_read_input_tokens", "cache_creation_input_tokens")


class AnthropicReader:
    """Reads one stream; ``finished`` once its last event was seen."""

    def __init__(self, scrub: Scrub) -> None:
        self.finished = False
        self._scrub = scrub
        self._blocks: dict[int, dict[str, Any]] = {}
        self._parts: dict[int, list[str]] = {}
        self._counts: dict[str, int] = {}
        self._id: str | None = None
        self._stop: dict[str, Any] = {}

    def feed(self, payload: bytes) -> Iterator[Chunk]:
        """The chunks an event stands for. Raises ModelError when it tells of a failure."""
        event = jsonio.loads(payload)
        kind = event.get("type")
        if kind == "content_block_delta":
            yield from self._delta(event["index"], event["delta"])
        elif kind == "content_block_start":
            yield from self._start(event["index"], event["content_block"])
        elif kind == "content_block_stop":
            yield self._done(event["index"])
        elif kind == "message_start":
            self._id = event["message"].get("id")
            self._count(event["message"].get("usage"))
        elif kind == "message_delta":
            self._stop = event["delta"]
            self._count(event.get("usage"))
        elif kind == "message_stop":
            yield self._finish()
        elif kind == "error":
            raise failures.from_event(event, self._scrub)

    def end(self) -> Iterator[Chunk]:
        """Nothing: this wire says its end with an event."""
        return iter(())

    def _start(self, index: int, block: dict[str, Any]) -> Iterator[Chunk]:
        self._blocks[index], self._parts[index] = block, []
        if block["type"] == "text":
            yield TextStart(index)
        elif block["type"] == "thinking":
            yield ThinkingStart(index)
        elif block["type"] == "tool_use":
            yield ToolInputStart(index, block["id"], block["name"])

    def _delta(self, index: int, delta: dict[str, Any]) -> Iterator[Chunk]:
        kind = delta["type"]
        if kind == "text_delta":
            self._parts[index].append(delta["text"])
            yield TextDelta(index, delta["text"])
        elif kind == "thinking_delta":
            self._parts[index].append(delta["thinking"])
            yield ThinkingDelta(index, delta["thinking"])
        elif kind == "input_json_delta":
            self._parts[index].append(delta["partial_json"])
            yield ToolInputDelta(index, delta["partial_json"])
        elif kind == "signature_delta":
            self._blocks[index]["signature"] = self._blocks[index].get("signature", "") + delta["signature"]

    def _done(self, index: int) -> BlockDone:
        block, text = self._blocks.pop(index), "".join(self._parts.pop(index))
        if block["type"] == "text":
            return BlockDone(index, {"type": "text", "text": block.get("text", "") + text})
        if block["type"] == "thinking":
            whole = block.get("thinking", "") + text
            return BlockDone(index, {"type": "thinking", "thinking": whole, "signature": block.get("signature", "")})
        if block["type"] == "tool_use":
            made = tool_input(text) if text else block.get("input") or {}
            return BlockDone(index, {"type": "tool_use", "id": block["id"], "name": block["name"], "input": made})
        return BlockDone(index, block)

    def _count(self, usage: dict[str, Any] | None) -> None:
        """Counts are cumulative; a later event replaces what it names."""
        for key in _COUNTS:
            if usage and usage.get(key) is not None:
                self._counts[key] = usage[key]

    def _finish(self) -> Finished:
        self.finished = True
        reason = self._stop.get("stop_reason") or "end_turn"
        known = _STOP_REASONS.get(reason, "other")
        explained = (self._stop.get("stop_details") or {}).get("explanation")
        detail = explained or (None if known == reason else reason)
        return Finished(known, Usage(**self._counts), self._id, detail)
