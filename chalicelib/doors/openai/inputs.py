"""Inputs of this family in the core's terms."""

from collections.abc import Iterator, Sequence
from typing import Any

from chalicelib.core.errors import InvalidRequest
from chalicelib.core.ids import derive_id
from chalicelib.doors.openai.chat.reading import image
from chalicelib.doors.openai.common import DOOR, event_of
from chalicelib.doors.openai.schemas import sessions as schemas
from chalicelib.events.log import SessionRef
from chalicelib.http.route import Call
from chalicelib.runs import entry
from chalicelib.sessions.errors import CallNotOpen, WaitingForAnswers
from chalicelib.sessions.inputs import Input, Manner, says_something

_STEERING = Manner(policy="steer", drop_queued=True, door=DOOR)


class UnknownCall(InvalidRequest):
    """No call with this id waits. Clients look for these very words and repeat what came too early."""

    def __init__(self, called: str) -> None:
        super().__init__(f"Unknown pending tool call: {called}", code="invalid_request_error")


def send(call: Call, ref: SessionRef, events: Sequence[Any]) -> None:
    """Take inputs; they are durable when this returns, and a turn to be stopped has stopped.

    Raises SessionNotFound, SessionEnded, UnknownCall, InvalidRequest.
    """
    items = [item for place, event in enumerate(events) for item in _inputs(event, f"events.{place}")]
    if call.seed is not None:
        items = [
            Input(item.type, item.data, derive_id("event", call.seed, str(place)), item.call_id)
            for place, item in enumerate(items)
        ]
    try:
        receipt = call.services.sessions.send(ref, items, _STEERING)
    except CallNotOpen as error:
        raise UnknownCall(_unknown(events)) from error
    except WaitingForAnswers as error:
        raise InvalidRequest(
            f"{error.field}: the session waits for the results of its calls", field=error.field, code="calls_open"
        ) from error
    if receipt.interrupt is not None:
        entry.wait_until_stopped(ref, receipt.interrupt, call.services)


def _unknown(events: Sequence[Any]) -> str:
    """The first call that was answered; where several were, whichever it is, all of them are to be sent again."""
    for event in events:
        if isinstance(event, schemas.ToolResultInput):
            return event.call_id
        if isinstance(event, schemas.McpApprovalInput):
            return event.request_id
    return ""


def _inputs(event: Any, field: str) -> Iterator[Input]:
    if isinstance(event, schemas.MessageInput):
        yield from messages(event.input, f"{field}.input")
    elif isinstance(event, schemas.ToolResultInput):
        yield _result(event, field)
    elif isinstance(event, schemas.McpApprovalInput):
        use = event_of("call", event.request_id)
        answer = "allow" if event.response.decision == "approve" else "deny"
        yield Input("user.tool_confirmation", {"tool_use_id": use, "result": answer}, None, use)
    elif isinstance(event, schemas.CancelInput):
        yield Input("user.interrupt", {})
    else:
        raise InvalidRequest(f"{field}.request_id: nothing waits for this answer", field=f"{field}.request_id")


def messages(sent: str | Sequence[schemas.InputMessage], field: str) -> list[Input]:
    """Messages of the user. Raises InvalidRequest when one says nothing."""
    given = [schemas.InputMessage(role="user", content=sent)] if isinstance(sent, str) else sent
    return [
        Input("user.message", {"content": _blocks(message.content, f"{field}.{place}.content")})
        for place, message in enumerate(given)
    ]


def _blocks(content: str | Sequence[Any], field: str) -> list[dict[str, Any]]:
    if isinstance(content, str):
        content = [schemas.InputText(type="input_text", text=content)]
    blocks = [_block(part, f"{field}.{place}") for place, part in enumerate(content)]
    if not says_something(blocks):
        raise InvalidRequest(f"{field}: must not be empty", field=field)
    return blocks


def _block(part: Any, field: str) -> dict[str, Any]:
    if isinstance(part, schemas.InputText):
        return {"type": "text", "text": part.text}
    return image(part.image_url, f"{field}.image_url")


def _result(event: schemas.ToolResultInput, field: str) -> Input:
    use = event_of("call", event.call_id)
    given = event.output if event.success else event.error
    if isinstance(given, list):
        content = [_block(part, f"{field}.output.{place}") for place, part in enumerate(given)]
    else:
        content = [{"type": "text", "text": given}] if given else []
    data = {"custom_tool_use_id": use, "content": content, "is_error": not event.success}
    return Input("user.custom_tool_result", data, None, use)
