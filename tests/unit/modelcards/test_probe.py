"""What is told of a provider's refusal: its words, without anything it was sent in confidence."""

import pytest

from chalicelib.modelcards.probe import _said

KEY = "sk-kanarienvogel-1"


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (b'{"error": {"type": "x", "message": "bad  key"}}', "bad key"),
        (b'{"error": "bad key"}', "bad key"),
        (b'{"message": "bad key"}', "bad key"),
        (b'{"detail": "no"}', "no"),
        (b"bad\nkey", "bad key"),
        (b"<html>bad key</html>", "no further word"),
        (b"", "no further word"),
        (b"[1, 2]", "no further word"),
        (f'{{"error": {{"message": "not {KEY}!"}}}}'.encode(), "not [hidden]!"),
        (b'{"error": "not sk-kanarienvogel\\u002d1"}', "not [hidden]"),
        (b"\xff\xfe", "\ufffd\ufffd"),
    ],
)
def test_the_words_of_a_provider(body: bytes, told: str) -> None:
    assert _said(body, [KEY]) == told


def test_a_key_at_the_cut_is_hidden_whole() -> None:
    for fill in range(280, 301):
        said = _said(b"x" * fill + b" " + KEY.encode(), [KEY])
        assert len(said) <= 300
        assert "sk-" not in said


def test_a_short_secret_hides_everything() -> None:
    assert _said(b"no such key: abc", ["abc"]) == "the message repeats a secret and is not shown"
