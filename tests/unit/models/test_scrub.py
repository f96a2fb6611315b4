"""Secrets do not pass."""

import pytest

from chalicelib.models.scrub import HIDDEN, Scrubber


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        ("Incorrect API key provided: sk-proj-abcDEF123456789", "sk-proj-abcDEF123456789"),
        ("Incorrect API key provided: sk-abcd****************wxyz.", "wxyz"),
        ("sent sk-ant-api03-A1b2_C3d4-E5f6", "A1b2_C3d4"),
        ("Authorization: Bearer abc.def-123", "abc.def-123"),
        ("connect to https://user:hunter22@host.test/v1 failed", "hunter22"),
        ("GET /x?key=AIzaSyA-1234567890abc", "AIzaSyA"),
        ("api_key: 0123456789abcdef0123", "0123456789abcdef0123"),
        ("jwt eyJhbGciOiJIUzI1.eyJzdWIiOiIxMjM0.c2lnbmF0dXJl", "c2lnbmF0dXJl"),
        ("AWS AKIAIOSFODNN7EXAMPLE", "IOSFODNN7"),
    ],
)
def test_what_looks_like_a_key_is_hidden(text, secret):
    scrubbed = Scrubber()(text)
    assert secret not in scrubbed
    assert HIDDEN in scrubbed


def test_configured_secrets_are_hidden_the_longer_first():
    scrub = Scrubber(["plain-secret", "plain-secret-longer", None, ""])
    assert scrub("a plain-secret-longer b plain-secret c") == f"a {HIDDEN} b {HIDDEN} c"


@pytest.mark.parametrize(
    "text",
    [
        "model: claude-opus-5 not found",
        "max_tokens: 5 > 4, the key word is short",
        "prompt is too long: 210000 tokens > 200000 maximum",
        "https://host.test/v1/messages answered 404",
        "Your task-based skip-level risk",
    ],
)
def test_ordinary_texts_stay(text):
    assert Scrubber()(text) == text
