"""What of a chat is new to a session, what stands in front of it, and which session calls belong to."""

from typing import Any

import pytest
from pydantic import TypeAdapter

from chalicelib.core.errors import InvalidRequest
from chalicelib.core.ids import new_id
from chalicelib.doors.openai.chat import inputs, reading
from chalicelib.doors.openai.chat.call_ids import call_name, read_call
from chalicelib.doors.openai.schemas.chat import ChatMessage

_READ: TypeAdapter[list[Any]] = TypeAdapter(list[ChatMessage])


def read(*messages: dict[str, Any]) -> list[Any]:
    return _READ.validate_python(list(messages))


def said(role: str, content: str) -> dict[str, Any]:
    return {"role": role, "content": content}


def test_what_follows_the_assistants_last_word_is_fresh() -> None:
    chat = inputs.brought(
        read(said("system", "s"), said("user", "a"), said("assistant", "b"), said("user", "c"), said("user", "d"))
    )
    assert chat.system == "s"
    assert [message.content for message in chat.earlier] == ["a", "b"]
    assert [place for place, _ in chat.fresh] == [3, 4]
    items = inputs.inputs_of(chat, None, with_earlier=True)
    texts = [block["text"] for block in items[0].data["content"]]
    assert texts == ["<conversation>\nUser: a\nAssistant: b\n</conversation>", "c", "d"]
    assert len(inputs.inputs_of(chat, None, with_earlier=False)[0].data["content"]) == 2


@pytest.mark.parametrize(
    "messages", [[said("assistant", "x")], [said("system", "x")], [said("user", "a"), said("assistant", "b")]]
)
def test_a_chat_ends_with_something_to_answer(messages: list[dict[str, Any]]) -> None:
    with pytest.raises(InvalidRequest):
        inputs.brought(read(*messages))


def test_the_id_of_a_call_leads_to_its_session() -> None:
    session, event = new_id(), new_id()
    named = call_name(session, event)
    assert read_call(named) == (session, event)
    assert read_call("call_abc") is None
    call = {"id": named, "type": "function", "function": {"name": "f", "arguments": "{}"}}
    chat = inputs.brought(
        read(
            said("user", "a"),
            {"role": "assistant", "content": None, "tool_calls": [call]},
            {"role": "tool", "tool_call_id": named, "content": "done"},
            said("user", "and?"),
        )
    )
    assert chat.session_of_answers() == session
    answer, message = inputs.inputs_of(chat, "seed", with_earlier=False)
    assert (answer.type, answer.call_id) == ("user.custom_tool_result", event)
    assert message.type == "user.message"
    assert answer.id != message.id
    assert [item.id for item in inputs.inputs_of(chat, "seed", with_earlier=False)] == [answer.id, message.id]


def test_an_unknown_call_is_refused_by_its_place() -> None:
    chat = inputs.brought(read(said("user", "a"), {"role": "tool", "tool_call_id": "call_x", "content": "y"}))
    with pytest.raises(InvalidRequest) as refused:
        inputs.inputs_of(chat, None, with_earlier=True)
    assert refused.value.field == "messages.1.tool_call_id"


def test_neighbours_of_one_role_are_joined_for_a_model() -> None:
    call = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": "not json"}}
    made = reading.conversation(
        read(
            said("user", "a"),
            said("user", "b"),
            {"role": "assistant", "content": "c", "tool_calls": [call]},
            {"role": "tool", "tool_call_id": "c1", "content": "d"},
            said("user", "e"),
        )
    )
    assert [message["role"] for message in made] == ["user", "assistant", "user"]
    assert [block["type"] for block in made[1]["content"]] == ["text", "tool_use"]
    assert [block["type"] for block in made[2]["content"]] == ["tool_result", "text"]


@pytest.mark.parametrize("url", ["ftp://x/y", "data:image/png,plain", "file:///etc/passwd"])
def test_a_picture_has_an_address_or_is_base64(url: str) -> None:
    with pytest.raises(InvalidRequest):
        reading.image(url, "messages.0")
