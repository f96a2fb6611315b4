"""What of a chat is new to the agent's session, and what of it only tells what was said before."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from chalicelib.core.errors import InvalidRequest
from chalicelib.core.ids import derive_id
from chalicelib.doors.openai.chat import reading
from chalicelib.doors.openai.chat.call_ids import read_call
from chalicelib.doors.openai.schemas import chat as schemas
from chalicelib.sessions.inputs import Input, says_something

_SPEAKERS = {"user": "User", "assistant": "Assistant", "tool": "Tool", "system": "System", "developer": "System"}


@dataclass(slots=True)
class Brought:
    """A chat taken apart: ``earlier`` and ``fresh`` messages, the latter with their places in the request."""

    system: str | None
    earlier: list[Any] = field(default_factory=list)
    fresh: list[tuple[int, Any]] = field(default_factory=list)

    @property
    def answers(self) -> list[tuple[int, schemas.ToolMessage]]:
        """The results among the fresh messages."""
        return [(place, one) for place, one in self.fresh if isinstance(one, schemas.ToolMessage)]

    def session_of_answers(self) -> str | None:
        """The session whose calls are answered; None when nothing is, or nothing of a session here."""
        for _, answer in self.answers:
            if (known := read_call(answer.tool_call_id)) is not None:
                return known[0]
        return None


def brought(messages: Sequence[Any]) -> Brought:
    """Take a chat apart: what follows the last word of the assistant is fresh. Raises InvalidRequest."""
    system, rest = reading.system_of(messages)
    offset = len(messages) - len(rest)
    last = max((place for place, one in enumerate(rest) if isinstance(one, schemas.AssistantMessage)), default=-1)
    fresh = list(enumerate(rest[last + 1 :], offset + last + 1))
    if not any(isinstance(one, schemas.UserMessage | schemas.ToolMessage) for _, one in fresh):
        raise InvalidRequest("messages: the last message must be the user's or a tool's", field="messages")
    return Brought(system, rest[: last + 1], fresh)


def inputs_of(chat: Brought, seed: str | None, *, with_earlier: bool) -> list[Input]:
    """The inputs for the session: results first, then what the user said; with what was said before in front of it.

    Raises InvalidRequest, Unsupported.
    """
    items = [_answer(place, one) for place, one in chat.answers]
    blocks = [
        block
        for place, one in chat.fresh
        if not isinstance(one, schemas.ToolMessage)
        for block in reading.blocks_of(one, f"messages.{place}")
    ]
    if with_earlier and chat.earlier:
        blocks.insert(0, {"type": "text", "text": transcript(chat.earlier)})
    if says_something(blocks):
        items.append(Input("user.message", {"content": blocks}))
    if not items:
        raise InvalidRequest("messages: the last message says nothing", field="messages")
    if seed is None:
        return items
    return [
        Input(item.type, item.data, derive_id("event", seed, str(place)), item.call_id)
        for place, item in enumerate(items)
    ]


def transcript(messages: Sequence[Any]) -> str:
    """What was said before, as text: the same messages give the same text."""
    said = "\n".join(line for message in messages for line in _lines(message))
    return f"<conversation>\n{said}\n</conversation>"


def _lines(message: Any) -> list[str]:
    speaker = _SPEAKERS[message.role]
    if isinstance(message, schemas.AssistantMessage):
        said = [f"{speaker}: {text}"] if (text := reading.plain(message.content)) else []
        calls = message.tool_calls or ()
        return said + [f"{speaker} called {call.function.name}: {call.function.arguments}" for call in calls]
    if isinstance(message, schemas.UserMessage) and not isinstance(message.content, str):
        parts = [part.text if isinstance(part, schemas.TextPart) else f"[{part.type}]" for part in message.content]
        return [f"{speaker}: {' '.join(parts)}"]
    return [f"{speaker}: {reading.plain(message.content)}"]


def _answer(place: int, message: schemas.ToolMessage) -> Input:
    known = read_call(message.tool_call_id)
    if known is None:
        field = f"messages.{place}.tool_call_id"
        raise InvalidRequest(f"{field}: no call of an agent has this id", field=field)
    content = [{"type": "text", "text": reading.plain(message.content)}]
    data = {"custom_tool_use_id": known[1], "content": content, "is_error": False}
    return Input("user.custom_tool_result", data, None, known[1])
