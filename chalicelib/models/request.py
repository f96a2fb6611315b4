"""What is asked of a model, in one form for all providers."""

from dataclasses import dataclass, field
from typing import Any, Literal

Block = dict[str, Any]
Message = dict[str, Any]


@dataclass(frozen=True, slots=True)
class ToolSpec:
    """A tool the model may call. ``input_schema`` is a JSON schema of type object; ``strict`` holds calls to it."""

    name: str
    description: str
    input_schema: dict[str, Any]
    strict: bool = False


@dataclass(frozen=True, slots=True)
class Controls:
    """How a caller wants a single answer made; None and empty leave it to the provider.

    ``tool`` is the name that the choice ``one`` demands. ``answer_schema`` holds the answer to a JSON schema
    (``answer_name`` is its name), ``json_only`` to any JSON. A provider refuses what its wire cannot carry with
    ModelControlUnsupported instead of leaving it out.
    """

    temperature: float | None = None
    top_p: float | None = None
    stop: tuple[str, ...] = ()
    seed: int | None = None
    tool_choice: Literal["auto", "none", "any", "one"] | None = None
    tool: str | None = None
    parallel_tools: bool | None = None
    json_only: bool = False
    answer_schema: dict[str, Any] | None = None
    answer_name: str = "answer"
    answer_strict: bool | None = None


@dataclass(frozen=True, slots=True)
class ModelRequest:
    """One model call.

    ``model`` is the provider's own id. ``messages`` are ``{"role": "user" | "assistant", "content": [block, …]}``
    (a plain string for content is allowed) with the block types ``text``, ``image``, ``document``, ``search_result``,
    ``tool_use``, ``tool_result``, ``thinking`` and ``redacted_thinking`` in the shapes of the Messages API.
    ``effort`` (``none``, ``minimal``, ``low`` … ``max``) and ``speed`` (``fast``) apply where the provider's model has
    such a control. Providers do not change the request.
    """

    model: str
    system: str | None
    messages: list[Message]
    tools: tuple[ToolSpec, ...] = ()
    max_tokens: int = 8192
    effort: str | None = None
    speed: str | None = None
    controls: Controls = field(default_factory=Controls)


def blocks_of(content: str | list[Block]) -> list[Block]:
    """A message's content as blocks."""
    return [{"type": "text", "text": content}] if isinstance(content, str) else content
