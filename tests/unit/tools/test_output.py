from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.tools.base import ToolOutput, failure
from chalicelib.tools.output import MAX_CHARS, as_blocks, bounded, finished, marker, preview, text_in, text_length

IMAGE = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "A" * 90_000}}


def _text(text: str) -> dict[str, Any]:
    return {"type": "text", "text": text}


def _document(data: str) -> dict[str, Any]:
    return {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": data}, "title": "t"}


@pytest.mark.parametrize(
    ("content", "blocks"),
    [
        (None, [_text("(no output)")]),
        ("", [_text("(no output)")]),
        ([], [_text("(no output)")]),
        ([_text(" "), {"type": "text"}], [_text("(no output)")]),
        ("x", [_text("x")]),
        (_text("x"), [_text("x")]),
        (["a", _text("b"), IMAGE, {"k": 1}, 5], [_text("a"), _text("b"), IMAGE, _text('{"k":1}'), _text("5")]),
    ],
)
def test_any_content_becomes_blocks(content: Any, blocks: list[dict[str, Any]]) -> None:
    assert as_blocks(content) == blocks


def test_text_is_cut_where_the_room_ends_and_the_rest_is_counted() -> None:
    cut = bounded([_text("a" * 6), IMAGE, _document("b" * 6), _text("c" * 6), IMAGE], limit=10)
    assert cut == [_text("a" * 6), IMAGE, _document("b" * 4), IMAGE, _text(marker(10, 8))]


def test_what_fits_stays_as_it_is() -> None:
    output = ToolOutput([_text("x" * MAX_CHARS)])
    assert finished(output) == output


def test_an_error_stays_one() -> None:
    assert finished(failure("no")) == ToolOutput([_text("Error: no")], is_error=True)
    assert finished(failure("x" * 2 * MAX_CHARS)).is_error


@given(st.lists(st.one_of(st.text(max_size=30).map(_text), st.text(max_size=30).map(_document))), st.integers(1, 60))
def test_no_character_is_lost_without_being_counted(blocks: list[dict[str, Any]], limit: int) -> None:
    def size(block: dict[str, Any]) -> int:
        return len(block["text"] if block["type"] == "text" else block["source"]["data"])

    total, cut = sum(map(size, blocks)), bounded(blocks, limit)
    if total <= limit:
        assert cut == blocks
    else:
        assert sum(map(size, cut[:-1])) == limit
        assert cut[-1] == _text(marker(limit, total - limit))


def test_text_and_its_length_over_all_blocks() -> None:
    blocks = [_text("ab"), IMAGE, _document("cde")]
    assert (text_length(blocks), text_in(blocks)) == (5, "ab\ncde")


def test_a_preview_has_both_ends_and_names_the_file() -> None:
    text = preview("a" * 50_000, "z" * 50_000, "9 bytes", "/p")
    assert text.startswith("aaa")
    assert text.endswith("zzz")
    assert "9 bytes. See /p for" in text
    assert len(text) < 20_000
