"""Sent events turned into the core's inputs."""

from typing import Any

from chalicelib.core.errors import InvalidRequest
from chalicelib.core.ids import derive_id, undress
from chalicelib.doors.managed.schemas import events as sent
from chalicelib.doors.managed.scopes import thread_id
from chalicelib.events.event import CLIENT_MARK
from chalicelib.sessions.errors import ThreadNotFound
from chalicelib.sessions.inputs import Input, says_something

EVENT_PREFIX = "sevt"


def event_id(text: str) -> str:
    """The stored id of an event a client named: a core id, or the client's own text marked as such."""
    core = undress(EVENT_PREFIX, text) if text.lower().startswith(f"{EVENT_PREFIX}_") else None
    return core or CLIENT_MARK + text


def _use_id(text: str) -> str:
    return undress(EVENT_PREFIX, text) or CLIENT_MARK + text


def inputs_of(events: list[Any], seed: str | None) -> list[Input]:
    """The inputs of a request; ``seed`` (an idempotency key) gives those without an id one that a repeat meets again.

    Raises InvalidRequest naming the event at fault, NotFound for an unknown thread.
    """
    found = []
    for position, event in enumerate(events):
        chosen = event_id(event.id) if event.id else None
        if chosen is None and seed is not None:
            chosen = derive_id("event", seed, str(position))
        found.append(_input(event, chosen, position))
    _systems(found)
    return found


def _systems(found: list[Input]) -> None:
    places = [place for place, item in enumerate(found) if item.type == "system.message"]
    if places and (len(places) > 1 or places[0] != len(found) - 1):
        raise InvalidRequest(
            f"events.{places[0]}: a request may hold one system.message, as its last event",
            field=f"events.{places[0]}",
        )


def _input(event: Any, chosen: str | None, position: int) -> Input:
    if isinstance(event, sent.UserMessage):
        said = blocks(event.content)
        if not says_something(said):
            raise InvalidRequest(f"events.{position}.content: must not be blank", field=f"events.{position}.content")
        return Input(event.type, {"content": said}, chosen, thread=_thread(event.session_thread_id, position))
    if isinstance(event, sent.SystemMessage):
        return Input(event.type, {"content": blocks(event.content)}, chosen)
    if isinstance(event, sent.UserInterrupt):
        return Input(event.type, {}, chosen, thread=_thread(event.session_thread_id, position))
    if isinstance(event, sent.UserToolConfirmation):
        return _confirmation(event, chosen, position)
    if isinstance(event, sent.UserCustomToolResult):
        use = _use_id(event.custom_tool_use_id)
        data = {"custom_tool_use_id": use, "content": blocks(event.content), "is_error": bool(event.is_error)}
        return Input(event.type, data, chosen, use)
    if isinstance(event, sent.UserDefineOutcome):
        facts = event.model_dump(exclude_none=True, exclude={"type", "id"})
        return Input(event.type, facts, chosen)
    use = _use_id(event.tool_use_id)
    data = {"tool_use_id": use, "content": blocks(event.content), "is_error": bool(event.is_error)}
    return Input(event.type, data, chosen, use)


def _confirmation(event: sent.UserToolConfirmation, chosen: str | None, position: int) -> Input:
    if event.deny_message is not None and event.result != "deny":
        field = f"events.{position}.deny_message"
        raise InvalidRequest(f"{field}: only a denial has a message", field=field)
    use = _use_id(event.tool_use_id)
    data: dict[str, Any] = {"tool_use_id": use, "result": event.result}
    if event.deny_message is not None:
        data["deny_message"] = event.deny_message
    return Input(event.type, data, chosen, use)


def _thread(text: str | None, position: int) -> str | None:
    """The thread an event is for, None for the primary one. Raises ThreadNotFound."""
    try:
        return None if text is None else thread_id(text)
    except ThreadNotFound as error:
        place = f"events.{position}.session_thread_id"
        raise ThreadNotFound(f"{place}: {error.message}", field=place) from error


def blocks(content: Any) -> list[dict[str, Any]]:
    """Content as blocks, text given as a string included."""
    if isinstance(content, str):
        return [{"type": "text", "text": content}] if content else []
    return [block.model_dump(exclude_none=True) for block in content]
