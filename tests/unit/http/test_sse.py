"""The framing of server-sent events."""

import pytest

from chalicelib.http.sse import comment, frame, retry


def test_a_frame_has_only_the_fields_it_was_given() -> None:
    assert frame(None, "x") == b"data: x\n\n"
    assert frame("tick", "{}", "7") == b"event: tick\nid: 7\ndata: {}\n\n"


@pytest.mark.parametrize("text", ["a\nb", "a\r\nb", "a\rb"])
def test_lines_of_data_stay_lines(text: str) -> None:
    assert frame(None, text) == b"data: a\ndata: b\n\n"


def test_only_line_ends_of_the_format_end_a_line() -> None:
    assert frame(None, "a\u2028b").count(b"data:") == 1


@pytest.mark.parametrize(("event", "ident"), [("a\nb", None), (None, "1\r2")])
def test_names_and_ids_are_one_line(event: str | None, ident: str | None) -> None:
    with pytest.raises(ValueError, match="line break"):
        frame(event, "", ident)


def test_comments_and_the_waiting_time() -> None:
    assert comment("ping") == b": ping\n\n"
    assert comment("a\nb") == b": a\n: b\n\n"
    assert retry(1000) == b"retry: 1000\n\n"
