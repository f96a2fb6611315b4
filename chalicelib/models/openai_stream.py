"""The events of a chat completions stream as chunks."""

import secrets
from collections.abc import Iterator
from dataclasses import dataclass, field
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

_DONE = b"[DONE]"
_STOP_REASONS = {
    "stop": "end_turn",
    "tool_calls": "tool_use",
    "function_call": "tool_use",
    "length": "max_tokens",
    "content_filter": "refusal",
}


@dataclass(slots=True)
class _Prose:
    """The text or thinking block that is being written."""

    index: int
    thinking: bool
    parts: list[str] = field(default_factory=list)

    def block(self) -> dict[str, Any]:
        text = "".join(self.parts)
        return (
            {"type": "thinking", "thinking": text, "signature": ""} if self.thinking else {"type": "text", "text": text}
        )


@dataclass(slots=True)
class _Call:
    """A tool call; several may be written in turns."""

    index: int
    id: str
    name: str
    parts: list[str] = field(default_factory=list)

    def block(self) -> dict[str, Any]:
        return {"type": "tool_use", "id": self.id, "name": self.name, "input": tool_input("".join(self.parts))}


class OpenAIReader:
    """Reads one stream; ``finished`` once its end was said."""

    def __init__(self, scrub: Scrub) -> None:
        self.finished = False
        self._scrub = scrub
        self._prose: _Prose | None = None
        self._calls: dict[int, _Call] = {}
        self._started = 0
        self._reason: str | None = None
        self._refused = False
        self._usage = Usage()
        self._id: str | None = None

    def feed(self, payload: bytes) -> Iterator[Chunk]:
        """The chunks an event stands for. Raises ModelError when it tells of a failure."""
        if payload.startswith(_DONE):
            yield from self.end()
            return
        event = jsonio.loads(payload)
        if event.get("error"):
            raise failures.from_event(event, self._scrub)
        self._id = event.get("id") or self._id
        if event.get("usage"):
            self._usage = usage_of(event["usage"])
        for choice in event.get("choices") or ():
            yield from self._delta(choice.get("delta") or {})
            self._reason = choice.get("finish_reason") or self._reason

    def end(self) -> Iterator[Chunk]:
        """Closes the open blocks and finishes, provided the model said why it stopped."""
        if self._reason is None or self.finished:
            return
        yield from self._close_prose()
        for call in self._calls.values():
            yield BlockDone(call.index, call.block())
        self.finished = True
        yield self._finish()

    def _delta(self, delta: dict[str, Any]) -> Iterator[Chunk]:
        thought = delta.get("reasoning_content") or delta.get("reasoning")
        if thought:
            yield from self._write(thought, thinking=True)
        if delta.get("refusal"):
            self._refused = True
        text = delta.get("content") or delta.get("refusal")
        if text:
            yield from self._write(text, thinking=False)
        for call in delta.get("tool_calls") or ():
            yield from self._tool_call(call)

    def _write(self, text: str, *, thinking: bool) -> Iterator[Chunk]:
        prose = self._prose
        if prose is None or prose.thinking is not thinking:
            yield from self._close_prose()
            prose = self._prose = _Prose(self._next(), thinking)
            yield ThinkingStart(prose.index) if thinking else TextStart(prose.index)
        prose.parts.append(text)
        yield ThinkingDelta(prose.index, text) if thinking else TextDelta(prose.index, text)

    def _tool_call(self, delta: dict[str, Any]) -> Iterator[Chunk]:
        yield from self._close_prose()
        function = delta.get("function") or {}
        key = self._key(delta, function)
        call = self._calls.get(key)
        if call is None:
            identity = delta.get("id") or "call_" + secrets.token_hex(12)
            call = self._calls[key] = _Call(self._next(), identity, function.get("name") or "")
            yield ToolInputStart(call.index, call.id, call.name)
        arguments = function.get("arguments")
        if arguments:
            call.parts.append(arguments)
            yield ToolInputDelta(call.index, arguments)

    def _key(self, delta: dict[str, Any], function: dict[str, Any]) -> int:
        """Some compatible servers number no calls, or number them all 0: a new id with a name is a new call."""
        key = delta.get("index")
        newest = len(self._calls) - 1
        if key is None:
            return newest + 1 if function.get("name") else max(newest, 0)
        known = self._calls.get(key)
        is_other = known is not None and bool(function.get("name")) and delta.get("id") not in (None, "", known.id)
        return newest + 1 if is_other else int(key)

    def _next(self) -> int:
        self._started += 1
        return self._started - 1

    def _close_prose(self) -> Iterator[Chunk]:
        if self._prose is not None:
            prose, self._prose = self._prose, None
            yield BlockDone(prose.index, prose.block())

    def _finish(self) -> Finished:
        reason = self._reason or ""
        known = "refusal" if self._refused else _STOP_REASONS.get(reason, "other")
        if self._calls and known == "end_turn":
            known = "tool_use"
        return Finished(known, self._usage, self._id, reason if known == "other" else None)


def usage_of(usage: dict[str, Any]) -> Usage:
    """OpenAI counts cached tokens among the prompt's; here they are apart."""
    details = usage.get("prompt_tokens_details") or {}
    read, written = details.get("cached_tokens") or 0, details.get("cache_write_tokens") or 0
    prompt = usage.get("prompt_tokens") or 0
    return Usage(max(0, prompt - read - written), usage.get("completion_tokens") or 0, read, written)
