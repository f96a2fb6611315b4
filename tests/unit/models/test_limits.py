"""Context windows."""

import pytest

from chalicelib.models.limits import context_window


@pytest.mark.parametrize(
    ("model", "window"),
    [
        ("claude-opus-5-5", 1_000_000),
        ("claude-haiku-4-5-20251001", 200_000),
        ("anthropic/claude-sonnet-5", 1_000_000),
        ("gpt-4", 8_192),
        ("gpt-4o-mini", 128_000),
        ("gpt-5-mini", 400_000),
        ("gpt-6.2-sol", 1_050_000),
        ("smollm2-135m", 4_096),
        ("embedded/smollm2-135m", 4_096),
        ("something-else", 128_000),
    ],
)
def test_the_longest_known_beginning_decides(model, window):
    assert context_window(model) == window
