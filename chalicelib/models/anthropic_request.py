"""A model request in the shape of Anthropic's Messages API."""

import re
from typing import Any

from chalicelib.models.request import Block, Message, ModelRequest, blocks_of

_CACHE = {"type": "ephemeral"}
_UNCACHEABLE = ("thinking", "redacted_thinking")
_WITHOUT_EFFORT = re.compile(r"claude-(2|3|v1|instant|(opus|sonnet)-4(-[01])?(-\d{8})?$|(sonnet|haiku)-4-5)")
_EFFORT_ONLY = "claude-opus-4-5"
_WITHOUT_XHIGH = ("claude-opus-4-5", "claude-opus-4-6", "claude-sonnet-4-6")
FAST_BETA = "fast-mode-2026-02-01"


def body(request: ModelRequest) -> dict[str, Any]:
    """The request's JSON body.

    Cache breakpoints stand after tools and system, which every call of an agent shares, and after the two newest user
    messages: the newest for the next call to read, the one before because it was the newest at the last call.
    """
    made: dict[str, Any] = {
        "model": request.model,
        "max_tokens": request.max_tokens,
        "messages": _messages(request.messages),
        "stream": True,
        **_effort(request),
    }
    if request.tools:
        made["tools"] = _tools(request)
    if request.system:
        made["system"] = [{"type": "text", "text": request.system, "cache_control": _CACHE}]
    if request.speed == "fast":
        made["speed"] = "fast"
    return made


def headers(request: ModelRequest) -> dict[str, str]:
    """The headers this request needs beside the client's own."""
    return {"anthropic-beta": FAST_BETA} if request.speed == "fast" else {}


def _tools(request: ModelRequest) -> list[dict[str, Any]]:
    tools: list[dict[str, Any]] = [
        {"name": tool.name, "description": tool.description, "input_schema": tool.input_schema}
        for tool in request.tools
    ]
    if not request.system:
        tools[-1]["cache_control"] = _CACHE
    return tools


def _effort(request: ModelRequest) -> dict[str, Any]:
    model, effort = request.model, request.effort
    if effort is None or not model.startswith("claude") or _WITHOUT_EFFORT.match(model):
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
