"""What is asked of a model, in one form for all providers."""

from dataclasses import dataclass
from typing import Any

Block = dict[str, Any]
Message = dict[str, Any]


@dataclass(frozen=True, slots=True)
class ToolSpec:
    """A tool the model may call. ``input_schema`` is a JSON schema of type object."""

    name: str
    description: str
    input_schema: dict[str, Any]


@dataclass(frozen=True, slots=True)
class ModelRequest:
    """One model call.

    ``model`` is the provider's own id. ``messages`` are ``{"role": "user" | "assistant", "content": [block, …]}``
    (a plain string for content is allowed) with the block types ``text``, ``image``, ``document``, ``search_result``,
    ``tool_use``, ``tool_result``, ``thinking`` and ``redacted_thinking`` in the shapes of the Messages API.
    ``effort`` (``low`` … ``max``) and ``speed`` (``fast``) apply where the provider's model has such a control.
    Providers do not change the request.
    """

    model: str
    system: str | None
    messages: list[Message]
    tools: tuple[ToolSpec, ...] = ()
    max_tokens: int = 8192
    effort: str | None = None
    speed: str | None = None


def blocks_of(content: str | list[Block]) -> list[Block]:
    """A message's content as blocks."""
    return [{"type": "text", "text": content}] if isinstance(content, str) else content
