"""A model request in the shape of OpenAI's chat completions."""

import re
from collections.abc import Iterator
from typing import Any

from chalicelib.core import jsonio
from chalicelib.models.errors import ModelContentUnsupported
from chalicelib.models.request import Block, Controls, Message, ModelRequest, ToolSpec, blocks_of

_REASONS = re.compile(r"o\d|gpt-([5-9]|oss)")
_UP_TO_HIGH = re.compile(r"o\d|gpt-oss|gpt-5(\.1)?(-|$)")
_UP_TO_XHIGH = re.compile(r"gpt-5\.[2-5](-|$)")
_NO_REASONING_WITH_TOOLS = re.compile(r"gpt-(5\.[2-9]|[6-9])")


def body(request: ModelRequest, *, official: bool) -> dict[str, Any]:
    """The request's JSON body. ``official`` tells OpenAI's own address from that of a compatible server,
    which often knows only the older name of the token limit. Raises ModelContentUnsupported."""
    made: dict[str, Any] = {
        "model": request.model,
        "messages": list(_messages(request)),
        "stream": True,
        "stream_options": {"include_usage": True},
        "max_completion_tokens" if official else "max_tokens": request.max_tokens,
        **_effort(request, official),
    }
    if request.tools:
        made["tools"] = [_tool(tool) for tool in request.tools]
    if request.speed == "fast" and official:
        made["service_tier"] = "priority"
    return made | dict(_controls(request.controls, has_tools=bool(request.tools)))


def _controls(wanted: Controls, *, has_tools: bool) -> Iterator[tuple[str, Any]]:
    for name in ("temperature", "top_p", "seed"):
        if (value := getattr(wanted, name)) is not None:
            yield name, value
    if wanted.stop:
        yield "stop", list(wanted.stop)
    if has_tools and wanted.tool_choice is not None:
        yield "tool_choice", _tool_choice(wanted)
    if has_tools and wanted.parallel_tools is not None:
        yield "parallel_tool_calls", wanted.parallel_tools
    if wanted.answer_schema is not None:
        strict = {} if wanted.answer_strict is None else {"strict": wanted.answer_strict}
        schema = {"name": wanted.answer_name, "schema": wanted.answer_schema, **strict}
        yield "response_format", {"type": "json_schema", "json_schema": schema}
    elif wanted.json_only:
        yield "response_format", {"type": "json_object"}


def _tool_choice(wanted: Controls) -> str | dict[str, Any]:
    if wanted.tool_choice == "one":
        return {"type": "function", "function": {"name": wanted.tool}}
    return "required" if wanted.tool_choice == "any" else str(wanted.tool_choice)


def _effort(request: ModelRequest, official: bool) -> dict[str, Any]:
    """OpenAI's newer models take function tools on this wire only with their reasoning switched off."""
    model, effort = request.model, request.effort
    if official and request.tools and _NO_REASONING_WITH_TOOLS.match(model):
        return {"reasoning_effort": "none"}
    if effort is None or not _REASONS.match(model):
        return {}
    if effort in ("xhigh", "max") and _UP_TO_HIGH.match(model):
        return {"reasoning_effort": "high"}
    if effort == "max" and _UP_TO_XHIGH.match(model):
        return {"reasoning_effort": "xhigh"}
    return {"reasoning_effort": effort}


def _tool(tool: ToolSpec) -> dict[str, Any]:
    function = {"name": tool.name, "description": tool.description, "parameters": tool.input_schema}
    if tool.strict:
        return {"type": "function", "function": function | {"strict": True}}
    return {"type": "function", "function": function}


def _messages(request: ModelRequest) -> Iterator[dict[str, Any]]:
    if request.system:
        yield {"role": "system", "content": request.system}
    for message in request.messages:
        if message["role"] == "assistant":
            yield from _assistant(message)
        else:
            yield from _user(message)


def _assistant(message: Message) -> Iterator[dict[str, Any]]:
    """Thinking is left out: this wire has no place for what another call thought."""
    blocks = blocks_of(message["content"])
    text = "".join(block["text"] for block in blocks if block["type"] == "text")
    calls = [_call(block) for block in blocks if block["type"] == "tool_use"]
    if text or calls:
        yield {"role": "assistant", "content": text or None, **({"tool_calls": calls} if calls else {})}


def _call(block: Block) -> dict[str, Any]:
    function = {"name": block["name"], "arguments": jsonio.dumps(block["input"])}
    return {"id": block["id"], "type": "function", "function": function}


def _user(message: Message) -> Iterator[dict[str, Any]]:
    """Results come first and as text, each a message of its own; what they hold beside text follows as the user's."""
    blocks = blocks_of(message["content"])
    results = [block for block in blocks if block["type"] == "tool_result"]
    beside: list[dict[str, Any]] = []
    for result in results:
        parts = [_part(block) for block in blocks_of(result.get("content") or "")]
        yield {"role": "tool", "tool_call_id": result["tool_use_id"], "content": _result_text(result, parts)}
        beside += [part for part in parts if part["type"] != "text"]
    beside += [_part(block) for block in blocks if block["type"] != "tool_result" and block.get("text") != ""]
    if beside:
        yield {"role": "user", "content": _plain(beside)}


def _result_text(result: Block, parts: list[dict[str, Any]]) -> str:
    text = "\n".join(part["text"] for part in parts if part["type"] == "text")
    if not text and any(part["type"] != "text" for part in parts):
        text = "The result is in the next message."
    return f"Error: {text}" if result.get("is_error") else text


def _plain(parts: list[dict[str, Any]]) -> str | list[dict[str, Any]]:
    """Text alone is sent as a string, the only form that every compatible server takes."""
    return parts[0]["text"] if len(parts) == 1 and parts[0]["type"] == "text" else parts


def _part(block: Block) -> dict[str, Any]:
    kind = block["type"]
    if kind == "text":
        return {"type": "text", "text": block["text"]}
    if kind == "image":
        return {"type": "image_url", "image_url": {"url": _image_url(block["source"])}}
    if kind == "document":
        return _document(block)
    if kind == "search_result":
        return _text_part(block.get("source"), block.get("title"), _text(block.get("content")))
    raise ModelContentUnsupported(f"A {kind} block cannot be sent to an OpenAI-compatible model.")


def _image_url(source: dict[str, Any]) -> str:
    if source["type"] == "base64":
        return f"data:{source['media_type']};base64,{source['data']}"
    if source["type"] == "url":
        return str(source["url"])
    raise ModelContentUnsupported(f"An image of source {source['type']} cannot be sent to an OpenAI-compatible model.")


def _document(block: Block) -> dict[str, Any]:
    source = block["source"]
    if source["type"] == "text":
        return _text_part(None, block.get("title"), source["data"])
    if source["type"] == "content":
        return _text_part(None, block.get("title"), _text(source["content"]))
    if source["type"] == "base64":
        data = f"data:{source['media_type']};base64,{source['data']}"
        return {"type": "file", "file": {"filename": block.get("title") or "document.pdf", "file_data": data}}
    raise ModelContentUnsupported(
        f"A document of source {source['type']} cannot be sent to an OpenAI-compatible model: send its content."
    )


def _text_part(source: str | None, title: str | None, text: str) -> dict[str, Any]:
    head = "".join(f"{name}: {value}\n" for name, value in (("Source", source), ("Title", title)) if value)
    return {"type": "text", "text": f"<document>\n{head}{text}\n</document>"}


def _text(content: Any) -> str:
    return "\n".join(block["text"] for block in blocks_of(content or "") if block["type"] == "text")
