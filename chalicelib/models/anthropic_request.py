"""A model request in the shape of Anthropic's Messages API."""

import re
from typing import Any

from chalicelib.models.errors import ModelControlUnsupported
from chalicelib.models.request import Block, Controls, Message, ModelRequest, blocks_of

_CACHE = {"type": "ephemeral"}
_UNCACHEABLE = ("thinking", "redacted_thinking")
_WITHOUT_EFFORT = re.compile(r"claude-(2|3|v1|instant|(opus|sonnet)-4(-[01])?(-\d{8})?$|(sonnet|haiku)-4-5)")
_EFFORT_ONLY = "claude-opus-4-5"
_HOTTEST = 1.0
_CHOICES = {"auto": "auto", "none": "none", "any": "any", "one": "tool"}
_WITHOUT_XHIGH = ("claude-opus-4-5", "claude-opus-4-6", "claude-sonnet-4-6")
FAST_BETA = "fast-mode-2026-02-01"


def body(request: ModelRequest) -> dict[str, Any]:
    """The request's JSON body. Raises ModelControlUnsupported.

    Cache breakpoints stand after tools and system, which every call of an agent shares, and after the two newest user
    messages: the newest for the next call to read, the one before because it was the newest at the last call.
    """
    messages, system = _messages(request.messages), request.system
    if system and not messages:
        # This wire has no request without messages: instructions alone are what is asked.
        messages, system = _messages([{"role": "user", "content": system}]), None
    made: dict[str, Any] = {
        "model": request.model,
        "max_tokens": request.max_tokens,
        "messages": messages,
        "stream": True,
        **_effort(request),
    }
    if request.tools:
        made["tools"] = _tools(request)
    if system:
        made["system"] = [{"type": "text", "text": system, "cache_control": _CACHE}]
    if request.speed == "fast":
        made["speed"] = "fast"
    return _controlled(made, request.controls)


def headers(request: ModelRequest) -> dict[str, str]:
    """The headers this request needs beside the client's own."""
    return {"anthropic-beta": FAST_BETA} if request.speed == "fast" else {}


def _controlled(made: dict[str, Any], wanted: Controls) -> dict[str, Any]:
    _check(wanted)
    if wanted.temperature is not None:
        made["temperature"] = wanted.temperature
    if wanted.top_p is not None:
        made["top_p"] = wanted.top_p
    if wanted.stop:
        made["stop_sequences"] = list(wanted.stop)
    if made.get("tools") and (choice := _tool_choice(wanted)):
        made["tool_choice"] = choice
    if wanted.answer_schema is not None:
        answer = {"type": "json_schema", "schema": wanted.answer_schema}
        made["output_config"] = made.get("output_config", {}) | {"format": answer}
    return made


def _check(wanted: Controls) -> None:
    if wanted.seed is not None:
        raise ModelControlUnsupported("seed", "The provider of this model takes no seed.")
    if wanted.json_only:
        raise ModelControlUnsupported(
            "response_format", "The provider of this model writes JSON only to a schema: use the type json_schema."
        )
    if wanted.temperature is not None and wanted.temperature > _HOTTEST:
        raise ModelControlUnsupported("temperature", "The provider of this model takes a temperature of at most 1.")


def _tool_choice(wanted: Controls) -> dict[str, Any]:
    choice: dict[str, Any] = {} if wanted.tool_choice is None else {"type": _CHOICES[wanted.tool_choice]}
    if wanted.tool_choice == "one":
        choice["name"] = wanted.tool
    if wanted.parallel_tools is not None and wanted.tool_choice != "none":
        choice = {"type": "auto"} | choice | {"disable_parallel_tool_use": not wanted.parallel_tools}
    return choice


def _tools(request: ModelRequest) -> list[dict[str, Any]]:
    tools: list[dict[str, Any]] = [
        {
            "name": tool.name,
            "description": tool.description,
            "input_schema": tool.input_schema,
            **({"strict": True} if tool.strict else {}),
        }
        for tool in request.tools
    ]
    if not request.system:
        tools[-1]["cache_control"] = _CACHE
    return tools


def _effort(request: ModelRequest) -> dict[str, Any]:
    model, effort = request.model, "low" if request.effort == "minimal" else request.effort
    if effort in (None, "none") or not model.startswith("claude") or _WITHOUT_EFFORT.match(model):
        return {}
    if effort == "xhigh" and model.startswith(_WITHOUT_XHIGH):
        effort = "high"
    if model.startswith(_EFFORT_ONLY):
        return {"output_config": {"effort": "high" if effort == "max" else effort}}
    return {"output_config": {"effort": effort}, "thinking": {"type": "adaptive"}}


def _messages(messages: list[Message]) -> list[Message]:
    made = [
        {"role": message["role"], "content": content}
        for message in messages
        if (content := _sendable(blocks_of(message["content"])))
    ]
    newest = [message for message in made if message["role"] == "user"][-2:]
    for message in newest:
        message["content"] = _with_breakpoint(message["content"])
    return made


def _sendable(blocks: list[Block]) -> list[Block]:
    return [_cleaned(block) for block in blocks if _is_sendable(block)]


def _cleaned(block: Block) -> Block:
    """A tool result without its empty texts."""
    if block["type"] != "tool_result" or not isinstance(block.get("content"), list):
        return block
    return {**block, "content": _sendable(block["content"])}


def _is_sendable(block: Block) -> bool:
    """Empty text is refused by the API, and so is thinking that another provider's model left unsigned."""
    if block["type"] == "text":
        return bool(block["text"].strip())
    return block["type"] != "thinking" or bool(block.get("signature"))


def _with_breakpoint(blocks: list[Block]) -> list[Block]:
    last = blocks[-1]
    return blocks if last["type"] in _UNCACHEABLE else [*blocks[:-1], {**last, "cache_control": _CACHE}]
