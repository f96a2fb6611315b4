"""Results of foreign tools as blocks for the model."""

import base64
from typing import Any

import pytest

from chalicelib.mcp.results import output_of

DATA = base64.b64encode(b"bytes").decode()


def blocks(*parts: Any, **more: Any) -> list[dict[str, Any]]:
    """The blocks of a result."""
    return output_of({"content": list(parts), **more}).content


def test_texts_stay_texts() -> None:
    assert blocks({"type": "text", "text": "hi"}) == [{"type": "text", "text": "hi"}]


@pytest.mark.parametrize(
    ("media_type", "kind"), [("image/png", "image"), ("IMAGE/JPEG", "image"), ("application/pdf", "document")]
)
def test_what_a_model_can_look_at_is_shown(media_type: str, kind: str) -> None:
    [block] = blocks({"type": "image", "mimeType": media_type, "data": DATA})
    source = {"type": "base64", "media_type": media_type.lower(), "data": DATA}
    assert block == {"type": kind, "source": source}


@pytest.mark.parametrize(
    "part",
    [
        {"type": "image", "mimeType": "image/tiff", "data": DATA},
        {"type": "image", "mimeType": "image/png", "data": "no base64!"},
        {"type": "audio", "mimeType": "audio/wav", "data": DATA},
        {"type": "image"},
    ],
)
def test_what_it_cannot_is_named(part: dict[str, Any]) -> None:
    [block] = blocks(part)
    assert block["type"] == "text"
    assert "cannot be shown" in block["text"]


def test_resources_are_given_with_their_address() -> None:
    text = {"type": "resource", "resource": {"uri": "file:///a", "text": "inside"}}
    blob = {"type": "resource", "resource": {"uri": "file:///b", "blob": DATA, "mimeType": "image/png"}}
    link = {"type": "resource_link", "uri": "file:///c", "name": "C"}
    found = blocks(text, blob, link)
    assert [block["type"] for block in found] == ["text", "text", "image", "text"]
    assert found[0]["text"] == '<resource uri="file:///a">\ninside\n</resource>'
    assert found[3]["text"] == "[C](file:///c)"


def test_structured_content_counts_where_there_is_no_other() -> None:
    assert blocks(structuredContent={"a": 1}) == [{"type": "text", "text": '{"a":1}'}]
    assert blocks({"type": "text", "text": "x"}, structuredContent={"a": 1}) == [{"type": "text", "text": "x"}]


def test_pictures_that_are_too_much_are_left_out() -> None:
    large = base64.b64encode(bytes(4 << 20)).decode()
    part = {"type": "image", "mimeType": "image/png", "data": large}
    assert [block["type"] for block in blocks(part, part)] == ["image", "text"]


def test_an_error_stays_one() -> None:
    assert output_of({"content": [], "isError": True}).is_error
    assert not output_of({"content": []}).is_error
