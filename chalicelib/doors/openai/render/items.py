"""Records of the log as items: messages, reasoning, calls and their results."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from chalicelib.core.ids import dress
from chalicelib.doors.openai.common import event_name
from chalicelib.events.event import Event

Item = dict[str, Any]
RESULTS = {
    "agent.tool_result": "tool_use_id",
    "agent.mcp_tool_result": "mcp_tool_use_id",
    "user.custom_tool_result": "custom_tool_use_id",
    "user.tool_result": "tool_use_id",
}
"""Records that end a tool use, and the field that names it."""
USES = frozenset({"agent.tool_use", "agent.mcp_tool_use", "agent.custom_tool_use"})
OUTPUT = USES | {"agent.message", "agent.thinking"}
"""Records whose items are what the agent puts out."""
_TASK = "agent.thread_message_received"
"""What one agent hears from another; for one that was called it is what a user's message is for the other."""
_SEARCH, _FETCH, _SHELL = "web_search", "web_fetch", "bash"
_OWN = "environment"
"""The label under which tools of the session's sandbox are shown."""


def answered(event: Event) -> str | None:
    """The tool use that a record ends."""
    field = RESULTS.get(event.type)
    return None if field is None else event.data[field]


def is_item(event: Event) -> bool:
    """Whether a record is shown as an item."""
    if event.type == "agent.thinking":
        return bool((event.private or {}).get("text"))
    if event.type == _TASK:
        return event.thread is not None
    return event.type in OUTPUT or event.type in ("user.message", "user.custom_tool_result")


def item(event: Event, result: Event | None = None) -> Item:
    """The item of a record; ``result`` is what ended it, where it is a tool use."""
    return _PRINTERS[event.type](event, result) | {"turn_id": turn_name(event)}


def turn_name(event: Event) -> str:
    """The turn of a record, as printed."""
    return dress("turn", event.run or "")


def text_of(blocks: Any) -> str:
    """The text of a content."""
    if isinstance(blocks, str):
        return blocks
    return "\n".join(block.get("text") or f"[{block.get('type')}]" for block in blocks or ())


def _user(event: Event, _result: Event | None) -> Item:
    return {
        "type": "message",
        "id": event_name("msg", event.id),
        "role": "user",
        "status": "completed",
        "phase": None,
        "content": [_input(block) for block in event.data["content"]],
    }


def _input(block: Mapping[str, Any]) -> dict[str, Any]:
    source = block.get("source") or {}
    if block["type"] == "image" and source.get("type") == "url":
        return {"type": "input_image", "image_url": source["url"]}
    if block["type"] == "image" and source.get("type") == "base64":
        return {"type": "input_image", "image_url": f"data:{source['media_type']};base64,{source['data']}"}
    return {"type": "input_text", "text": text_of([block])}


def _assistant(event: Event, _result: Event | None) -> Item:
    return message(event.id, [block.get("text", "") for block in event.data["content"]], "completed")


def message(event_id: str, texts: Sequence[str], status: str) -> Item:
    """What the agent says; the turn is still to be added."""
    return {
        "type": "message",
        "id": event_name("msg", event_id),
        "role": "assistant",
        "status": status,
        "phase": None,
        "content": [{"type": "output_text", "text": text} for text in texts],
    }


def _thought(event: Event, _result: Event | None) -> Item:
    return reasoning(event.id, [str((event.private or {}).get("text", ""))], "completed")


def reasoning(event_id: str, texts: Sequence[str], status: str) -> Item:
    """What the agent thinks; the turn is still to be added."""
    summary = [{"type": "summary_text", "text": text} for text in texts]
    return {"type": "reasoning", "id": event_name("rs", event_id), "status": status, "summary": summary}


def _function(event: Event, result: Event | None) -> Item:
    return {
        "type": "function_call",
        "id": event_name("fc", event.id),
        "call_id": event_name("call", event.id),
        "name": event.data["name"],
        "arguments": event.data["input"],
        "status": _status(result),
    }


def _function_output(event: Event, _result: Event | None) -> Item:
    failed = bool(event.data.get("is_error"))
    content = event.data.get("content") or []
    plain = all(block["type"] == "text" for block in content)
    return {
        "type": "function_call_output",
        "id": event_name("fco", event.id),
        "call_id": event_name("call", event.data["custom_tool_use_id"]),
        "status": "failed" if failed else "completed",
        "output": None if failed else (text_of(content) if plain else [_input(block) for block in content]),
        "error": text_of(content) if failed else None,
    }


def _own_tool(event: Event, result: Event | None) -> Item:
    given, name = event.data["input"], event.data["name"]
    if name == _SHELL and isinstance(given.get("command"), str):
        return _command(event, result, given["command"])
    if name in (_SEARCH, _FETCH):
        return _web(event, result, name, given)
    return _mcp(event, result)


def _command(event: Event, result: Event | None, command: str) -> Item:
    return {
        "type": "command_execution",
        "id": event_name("cmd", event.id),
        "command": command,
        "cwd": None,
        "duration_ms": None if result is None else max(result.at - event.at, 0),
        "exit_code": None,
        "output": None if result is None else text_of(result.data.get("content")),
        "status": _status(result),
    }


def _web(event: Event, result: Event | None, name: str, given: Mapping[str, Any]) -> Item:
    action = {"type": "search", "query": given.get("query"), "queries": None}
    if name == _FETCH:
        action = {"type": "open_page", "url": given.get("url")}
    status = {"in_progress": "in_progress", "completed": "completed"}.get(_status(result), "incomplete")
    return {"type": "web_search_call", "id": event_name("ws", event.id), "action": action, "status": status}


def _mcp(event: Event, result: Event | None) -> Item:
    failed = result is not None and bool(result.data.get("is_error"))
    said = None if result is None else text_of(result.data.get("content"))
    return {
        "type": "mcp_call",
        "id": event_name("mcp", event.id),
        "server_label": event.data.get("mcp_server_name") or _OWN,
        "name": event.data["name"],
        "arguments": event.data["input"],
        "output": None if failed else said,
        "error": said if failed else None,
        "status": _status(result),
    }


def _status(result: Event | None) -> str:
    if result is None:
        return "in_progress"
    return "failed" if result.data.get("is_error") else "completed"


_PRINTERS: dict[str, Callable[[Event, Event | None], Item]] = {
    _TASK: _user,
    "user.message": _user,
    "agent.message": _assistant,
    "agent.thinking": _thought,
    "agent.custom_tool_use": _function,
    "user.custom_tool_result": _function_output,
    "agent.tool_use": _own_tool,
    "agent.mcp_tool_use": _mcp,
}
