"""Messages of a chat in the core's terms."""

import re
from collections.abc import Iterable, Sequence
from typing import Any

from chalicelib.core.errors import InvalidRequest
from chalicelib.doors.openai.errors import Unsupported
from chalicelib.doors.openai.schemas import chat as schemas
from chalicelib.models.chunks import tool_input

Block = dict[str, Any]
_DATA_URL = re.compile(r"data:([\w.+-]+/[\w.+-]+)?(?:;[\w=.-]+)*;base64,(.+)", re.DOTALL)


def system_of(messages: Sequence[Any]) -> tuple[str | None, list[Any]]:
    """The instructions a chat begins with, and the messages after them."""
    count = 0
    while count < len(messages) and isinstance(messages[count], schemas.SystemMessage):
        count += 1
    text = "\n\n".join(plain(message.content) for message in messages[:count])
    return text or None, list(messages[count:])


def plain(content: str | list[Any] | None) -> str:
    """The text of a content."""
    if content is None or isinstance(content, str):
        return content or ""
    return "".join(part.refusal if isinstance(part, schemas.RefusalPart) else part.text for part in content)


def conversation(messages: Iterable[Any], offset: int = 0) -> list[dict[str, Any]]:
    """Messages for a model; neighbours of one role are joined. ``offset`` is the place of the first in the request.

    Raises Unsupported, InvalidRequest.
    """
    made: list[dict[str, Any]] = []
    for place, message in enumerate(messages, offset):
        role = "assistant" if isinstance(message, schemas.AssistantMessage) else "user"
        blocks = blocks_of(message, f"messages.{place}")
        if made and made[-1]["role"] == role:
            made[-1]["content"] += blocks
        elif blocks:
            made.append({"role": role, "content": blocks})
    return made


def blocks_of(message: Any, field: str) -> list[Block]:
    """A message's content as blocks. Raises Unsupported, InvalidRequest."""
    if isinstance(message, schemas.SystemMessage):
        return [_text(f"<system>\n{plain(message.content)}\n</system>")]
    if isinstance(message, schemas.ToolMessage):
        return [
            {"type": "tool_result", "tool_use_id": message.tool_call_id, "content": [_text(plain(message.content))]}
        ]
    if isinstance(message, schemas.AssistantMessage):
        return _assistant(message)
    if isinstance(message.content, str):
        return [_text(message.content)] if message.content else []
    return [_part(part, f"{field}.content.{place}") for place, part in enumerate(message.content)]


def _assistant(message: schemas.AssistantMessage) -> list[Block]:
    text = plain(message.content) or message.refusal or ""
    calls = [
        {
            "type": "tool_use",
            "id": call.id,
            "name": call.function.name,
            "input": tool_input(call.function.arguments),
        }
        for call in message.tool_calls or ()
    ]
    return ([_text(text)] if text else []) + calls


def _text(text: str) -> Block:
    return {"type": "text", "text": text}


def _part(part: Any, field: str) -> Block:
    if isinstance(part, schemas.TextPart):
        return _text(part.text)
    if isinstance(part, schemas.ImagePart):
        return image(part.image_url.url, f"{field}.image_url.url")
    return _document(part.file, f"{field}.file")


def image(url: str, field: str) -> Block:
    """A picture by address or data URL. Raises InvalidRequest."""
    if url.startswith("data:"):
        media, data = _data(url, field)
        return {"type": "image", "source": {"type": "base64", "media_type": media, "data": data}}
    if not url.startswith(("http://", "https://")):
        raise InvalidRequest(f"{field}: must be an http or data URL", field=field)
    return {"type": "image", "source": {"type": "url", "url": url}}


def _document(file: schemas.FileContent, field: str) -> Block:
    if file.file_data is None:
        raise Unsupported(f"{field}.file_id", "send the content as file_data")
    media, data = _data(file.file_data, f"{field}.file_data")
    block: Block = {"type": "document", "source": {"type": "base64", "media_type": media, "data": data}}
    return block | ({"title": file.filename} if file.filename else {})


def _data(url: str, field: str) -> tuple[str, str]:
    found = _DATA_URL.fullmatch(url)
    if found is None:
        raise InvalidRequest(f"{field}: must be a base64 data URL", field=field)
    return found[1] or "application/octet-stream", found[2]
