"""The runtime's events as chunks, as plain text or as JSON that is either an answer or a tool call."""

import secrets
from collections.abc import Iterator
from typing import Any

from pydantic_core import from_json

from chalicelib.core import jsonio
from chalicelib.models.chunks import (
    INVALID_JSON,
    BlockDone,
    Chunk,
    Finished,
    TextDelta,
    TextStart,
    ToolInputDelta,
    ToolInputStart,
)
from chalicelib.models.errors import ModelStreamBroken
from chalicelib.models.openai_stream import usage_of
from chalicelib.models.usage import Usage


class EmbeddedReader:
    """Reads one answer; the answer is one block."""

    def __init__(self, *, structured: bool) -> None:
        self._structured = structured
        self._written = ""
        self._said = ""
        self._started = False
        self._reason: str | None = None
        self._usage = Usage()

    def feed(self, event: dict[str, Any]) -> Iterator[Chunk]:
        if event.get("usage"):
            self._usage = usage_of(event["usage"])
        for choice in event.get("choices") or ():
            self._reason = choice.get("finish_reason") or self._reason
            text = (choice.get("delta") or {}).get("content")
            if text:
                self._written += text
                yield from self._say(self._answer() if self._structured else self._written)

    def end(self) -> Iterator[Chunk]:
        """The block's end and the stream's. Raises ModelStreamBroken when the runtime gave no end."""
        if self._reason is None:
            raise ModelStreamBroken("The embedded model stopped before its end.")
        reply = self._parsed() if self._structured else {}
        if "tool" in reply:
            yield from self._call(reply)
        else:
            yield from self._say(self._said)
            yield BlockDone(0, {"type": "text", "text": self._said})
        usual = "tool_use" if "tool" in reply else "end_turn"
        yield Finished("max_tokens" if self._reason == "length" else usual, self._usage)

    def _say(self, text: str) -> Iterator[Chunk]:
        """What is new of a text that grows."""
        if not text and self._reason is None:
            return
        if not self._started:
            self._started = True
            yield TextStart(0)
        new, self._said = text[len(self._said) :], text
        if new:
            yield TextDelta(0, new)

    def _answer(self) -> str:
        answer = self._parsed().get("answer", "")
        return answer if isinstance(answer, str) else ""

    def _parsed(self) -> dict[str, Any]:
        try:
            value = from_json(self._written, allow_partial="trailing-strings")
        except ValueError:
            return {}
        return value if isinstance(value, dict) else {}

    def _call(self, reply: dict[str, Any]) -> Iterator[Chunk]:
        call_id = "call_" + secrets.token_hex(12)
        given = reply.get("input")
        complete = self._reason != "length" and isinstance(given, dict)
        value = given if complete else {INVALID_JSON: self._written}
        yield ToolInputStart(0, call_id, str(reply["tool"]))
        yield ToolInputDelta(0, jsonio.dumps(value))
        yield BlockDone(0, {"type": "tool_use", "id": call_id, "name": str(reply["tool"]), "input": value})
