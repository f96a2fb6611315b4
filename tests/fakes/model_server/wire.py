"""What the two wires have in common: an answer becomes frames, some of which are tokens."""

import json
import uuid
from dataclasses import dataclass
from typing import Any, Protocol

from tests.fakes.model_server.plan import Answer, Failure, words
from tests.fakes.model_server.request import Asked

INPUT_TOKENS = 10
PIECES = 3


@dataclass(frozen=True, slots=True)
class Frame:
    """One event of a stream. A token is what `tokens:`, `gap:`, `drop:N` and the like count."""

    data: bytes
    token: bool = False


class Wire(Protocol):
    """One provider's shapes for one request."""

    def opening(self) -> list[Frame]: ...

    def body(self) -> list[Frame]: ...

    def closing(self) -> list[Frame]: ...

    def overloaded(self) -> Frame: ...

    def whole(self) -> dict[str, Any]: ...

    def refusal(self, failure: Failure, message: str) -> dict[str, Any]: ...


def sse(payload: dict[str, Any] | str, event: str | None = None) -> bytes:
    data = payload if isinstance(payload, str) else json.dumps(payload)
    return ((f"event: {event}\n" if event else "") + f"data: {data}\n\n").encode()


def identifier(prefix: str) -> str:
    return prefix + uuid.uuid4().hex[:24]


def with_ids(answer: Answer, prefix: str) -> list[dict[str, Any]]:
    """The answer's blocks; tool calls without an id are given one."""
    return [
        {"id": identifier(prefix), **block} if block["type"] == "tool_use" else dict(block) for block in answer.blocks
    ]


def arguments(block: dict[str, Any]) -> str:
    return str(block["raw_input"]) if "raw_input" in block else json.dumps(block["input"])


def pieces(text: str) -> list[str]:
    """Arguments arrive in several parts that end anywhere."""
    size = max(1, -(-len(text) // PIECES))
    return [text[i : i + size] for i in range(0, len(text), size)]


def output_tokens(answer: Answer) -> int:
    if "output_tokens" in answer.usage:
        return answer.usage["output_tokens"]
    return sum(_tokens(block) for block in answer.blocks)


def _tokens(block: dict[str, Any]) -> int:
    if block["type"] == "tool_use":
        return 1
    return len(words(block.get("text") or block.get("thinking") or ""))


def has_calls(answer: Answer) -> bool:
    return any(block["type"] == "tool_use" for block in answer.blocks)


def model_of(asked: Asked) -> str:
    return asked.model or "fake"
