"""What a model stream consists of.

Blocks are numbered from 0 in the order they start. Every started block ends with a ``BlockDone`` that carries it whole;
some (``redacted_thinking``) have only that. The last chunk of a stream is ``Finished``.
"""

from dataclasses import dataclass
from typing import Any

from chalicelib.core import jsonio
from chalicelib.models.usage import Usage

INVALID_JSON = "_invalid_json"


@dataclass(frozen=True, slots=True)
class TextStart:
    """A text block begins."""

    index: int


@dataclass(frozen=True, slots=True)
class TextDelta:
    """More of a text block."""

    index: int
    text: str


@dataclass(frozen=True, slots=True)
class ThinkingStart:
    """A thinking block begins."""

    index: int


@dataclass(frozen=True, slots=True)
class ThinkingDelta:
    """More of a thinking block."""

    index: int
    text: str


@dataclass(frozen=True, slots=True)
class ToolInputStart:
    """A tool call begins; ``call_id`` is the provider's."""

    index: int
    call_id: str
    name: str


@dataclass(frozen=True, slots=True)
class ToolInputDelta:
    """More of a tool call's arguments, as the provider spells them."""

    index: int
    partial_json: str


@dataclass(frozen=True, slots=True)
class BlockDone:
    """The complete block: ``text``, ``thinking`` with its signature, ``redacted_thinking`` or ``tool_use``."""

    index: int
    block: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Finished:
    """``stop_reason`` is end_turn, tool_use, max_tokens, refusal, stop_sequence or other.

    ``finish_detail`` says more where the provider did: its own word for another reason, or why it refused.
    """

    stop_reason: str
    usage: Usage
    response_id: str | None = None
    finish_detail: str | None = None


Chunk = TextStart | TextDelta | ThinkingStart | ThinkingDelta | ToolInputStart | ToolInputDelta | BlockDone | Finished


def tool_input(arguments: str) -> dict[str, Any]:
    """The input of a tool call from the JSON the model wrote.

    Text that is no JSON object becomes ``{"_invalid_json": text}``: still an object, so every provider takes the call
    back in the next request and the model sees what it wrote; ``invalid_input`` recognises it.
    """
    if not arguments.strip():
        return {}
    try:
        value = jsonio.loads(arguments)
    except ValueError:
        return {INVALID_JSON: arguments}
    return value if isinstance(value, dict) else {INVALID_JSON: arguments}


def invalid_input(block: dict[str, Any]) -> str | None:
    """What the model wrote as this ``tool_use`` block's input when it was no JSON object, else None."""
    value = block.get("input") or {}
    return value[INVALID_JSON] if set(value) == {INVALID_JSON} else None
