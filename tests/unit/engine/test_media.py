"""Requests stay within what providers take: of many pictures and documents the newest are kept."""

from typing import Any

from chalicelib.engine.media import MOST_CHARACTERS, lightened

THIRD = MOST_CHARACTERS // 3


def picture(size: int, name: str = "a") -> dict[str, Any]:
    return {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": name * size}}


def asked(*content: dict[str, Any]) -> dict[str, Any]:
    return {"role": "user", "content": list(content)}


def shown(*content: dict[str, Any]) -> dict[str, Any]:
    return asked({"type": "tool_result", "tool_use_id": "x", "content": list(content)})


def test_what_fits_is_left_as_it_is() -> None:
    messages = [asked({"type": "text", "text": "look"}, picture(THIRD)), shown(picture(THIRD)), shown(picture(THIRD))]
    assert lightened(messages) == messages


def test_the_oldest_go_first_wherever_they_stand() -> None:
    messages = [asked(picture(10, "b"), picture(THIRD)), shown(picture(THIRD)), shown(picture(THIRD), picture(THIRD))]
    first, second, third = lightened(messages)
    assert [block["type"] for block in first["content"]] == ["text", "text"]
    assert "image" in first["content"][0]["text"]
    assert (second, third) == tuple(messages[1:])
    assert messages[0]["content"][0]["type"] == "image"


def test_the_newest_is_kept_however_large_it_is() -> None:
    messages = [shown(picture(10)), shown(picture(2 * MOST_CHARACTERS))]
    first, second = lightened(messages)
    assert first["content"][0]["content"][0]["type"] == "text"
    assert second == messages[1]


def test_texts_and_addresses_weigh_nothing() -> None:
    address = {"type": "image", "source": {"type": "url", "url": "https://a.test/" + "x" * MOST_CHARACTERS}}
    plain = {"type": "text", "text": "x" * MOST_CHARACTERS}
    document = {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": plain["text"]}}
    messages = [asked(picture(10), address, plain, document)]
    assert lightened(messages) == messages
