"""What a model request says, whichever wire it came on."""

import json
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Asked:
    """The neutral reading of a request body."""

    model: str
    system: str
    count: int
    text: str
    rounds: int
    tools: dict[str, dict[str, Any]]
    tool_result: str | None
    stream: bool


def read(body: dict[str, Any]) -> Asked:
    """Reads both wires: their messages differ only in where tool calls and results are kept."""
    messages = body.get("messages") or []
    newest = max((i for i, m in enumerate(messages) if _is_users(m)), default=-1)
    results = [text for message in messages for text in _results(message)]
    return Asked(
        model=body.get("model", ""),
        system=_system(body),
        count=len(messages),
        text=text_of(messages[newest]["content"]) if newest >= 0 else "",
        rounds=sum(1 for m in messages[newest + 1 :] if _has_calls(m)),
        tools=dict(_tools(body)),
        tool_result=results[-1] if results else None,
        stream=bool(body.get("stream")),
    )


def text_of(content: Any) -> str:
    if isinstance(content, str):
        return content
    blocks = content if isinstance(content, list) else []
    return " ".join(block["text"] for block in blocks if block.get("type") == "text")


def _is_users(message: dict[str, Any]) -> bool:
    return message.get("role") == "user" and bool(text_of(message.get("content")))


def _has_calls(message: dict[str, Any]) -> bool:
    content = message.get("content")
    blocks = content if isinstance(content, list) else []
    return bool(message.get("tool_calls")) or any(block.get("type") == "tool_use" for block in blocks)


def _results(message: dict[str, Any]) -> list[str]:
    content = message.get("content")
    if message.get("role") == "tool":
        return [text_of(content)]
    blocks = content if isinstance(content, list) else []
    return [text_of(block.get("content")) for block in blocks if block.get("type") == "tool_result"]


def _system(body: dict[str, Any]) -> str:
    if "system" in body:
        return text_of(body["system"])
    first = (body.get("messages") or [{}])[0]
    return text_of(first.get("content")) if first.get("role") in ("system", "developer") else ""


def _tools(body: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    declared = [tool.get("function") or tool for tool in body.get("tools") or []]
    return [(tool["name"], tool.get("parameters") or tool.get("input_schema") or {}) for tool in declared]


def echo(asked: Asked) -> str:
    return json.dumps(
        {
            "model": asked.model,
            "system": asked.system,
            "messages": asked.count,
            "tools": list(asked.tools),
            "tool_result": asked.tool_result,
        }
    )
