"""A session's log as text, for those who judge or remember what was said and done."""

from collections.abc import Iterable, Iterator
from typing import Any

from chalicelib.core import jsonio
from chalicelib.events.event import Event

_SPEAKERS = {"user.message": "user", "agent.message": "agent", "system.message": "system"}
_MOST_OF_RESULT = 4000


def lines(events: Iterable[Event]) -> Iterator[str]:
    """One text for each thing that was said or done, in order; what tools gave back is cut short."""
    for event in events:
        text = _line(event)
        if text:
            yield text


def last_words(events: Iterable[Event]) -> str:
    """What the agent said last; empty when it said nothing."""
    said = ""
    for event in events:
        if event.type == "agent.message":
            said = text_of(event.data.get("content")) or said
    return said


def text_of(content: Any) -> str:
    """The text in content blocks."""
    if isinstance(content, str):
        return content
    blocks = content if isinstance(content, list) else []
    return "\n".join(str(block["text"]) for block in blocks if block.get("type") == "text")


def _line(event: Event) -> str:
    if event.type in _SPEAKERS:
        return f"{_SPEAKERS[event.type]}: {text_of(event.data.get('content'))}"
    if event.type.endswith("tool_use"):
        return f"agent uses {event.data.get('name')}: {jsonio.dumps(event.data.get('input'))[:_MOST_OF_RESULT]}"
    if event.type.endswith("tool_result"):
        return f"result: {text_of(event.data.get('content'))[:_MOST_OF_RESULT]}"
    return ""
