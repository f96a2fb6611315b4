"""Answers of chats, whole and in pieces."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from chalicelib.core.ids import new_id
from chalicelib.core.jsonio import dumps
from chalicelib.http import sse

DONE = sse.frame(None, "[DONE]")


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A call of a client's tool; ``arguments`` is JSON text."""

    id: str
    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class Printer:
    """Prints one answer. ``extra`` stands beside the usual fields of every object."""

    model: str
    extra: Mapping[str, Any] = field(default_factory=dict)
    id: str = field(default_factory=lambda: "chatcmpl-" + new_id().replace("-", ""))
    created: int = field(default_factory=lambda: int(time.time()))

    def whole(self, text: str, calls: Sequence[ToolCall], reason: str, usage: dict[str, Any]) -> dict[str, Any]:
        """The answer in one."""
        message: dict[str, Any] = {"role": "assistant", "content": None if calls else text, "refusal": None}
        if calls:
            message["tool_calls"] = [_call(call) for call in calls]
        choice = {"index": 0, "finish_reason": reason, "message": message, "logprobs": None}
        return self._object("chat.completion", [choice]) | {"usage": usage}

    def opening(self) -> bytes:
        """The first frame: the role alone."""
        return self._delta({"role": "assistant", "content": ""})

    def text(self, piece: str) -> bytes:
        """More text."""
        return self._delta({"content": piece})

    def call(self, index: int, call: ToolCall) -> bytes:
        """A call begins, with what is known of its arguments."""
        return self._delta({"tool_calls": [{"index": index, **_call(call)}]})

    def arguments(self, index: int, piece: str) -> bytes:
        """More of a call's arguments."""
        return self._delta({"tool_calls": [{"index": index, "function": {"arguments": piece}}]})

    def end(self, reason: str) -> bytes:
        """Nothing more follows, and why."""
        return self._delta({}, reason)

    def usage(self, usage: dict[str, Any]) -> bytes:
        """The counts, in a frame of their own."""
        return self._frame([], usage)

    def _delta(self, delta: dict[str, Any], reason: str | None = None) -> bytes:
        return self._frame([{"index": 0, "delta": delta, "finish_reason": reason, "logprobs": None}])

    def _frame(self, choices: list[dict[str, Any]], usage: dict[str, Any] | None = None) -> bytes:
        chunk = self._object("chat.completion.chunk", choices)
        return sse.frame(None, dumps(chunk if usage is None else chunk | {"usage": usage}))

    def _object(self, kind: str, choices: list[dict[str, Any]]) -> dict[str, Any]:
        named = {"id": self.id, "object": kind, "created": self.created, "model": self.model}
        return named | {"choices": choices, **self.extra}


def usage_of(counts: Mapping[str, Any]) -> dict[str, Any]:
    """Counted tokens: what was read from a cache is among the prompt's."""
    read, written = counts.get("cache_read_input_tokens") or 0, counts.get("cache_creation_input_tokens") or 0
    prompt = (counts.get("input_tokens") or 0) + read + written
    said = counts.get("output_tokens") or 0
    return {
        "prompt_tokens": prompt,
        "completion_tokens": said,
        "total_tokens": prompt + said,
        "prompt_tokens_details": {"cached_tokens": read},
    }


def _call(call: ToolCall) -> dict[str, Any]:
    return {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}
