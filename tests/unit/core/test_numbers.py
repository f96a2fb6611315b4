"""Whole numbers in texts."""

import pytest

from chalicelib.core.numbers import whole


@pytest.mark.parametrize(("text", "number"), [("0", 0), ("7", 7), (" 12 ", 12), ("007", 7), ("9" * 5000, 10**18)])
def test_digits_are_a_number(text: str, number: int) -> None:
    assert whole(text) == number


@pytest.mark.parametrize("text", [None, "", " ", "-1", "+1", "1.5", "1e3", "²", "٣", "1_000", "abc", "1 2"])
def test_anything_else_is_none(text: str | None) -> None:
    assert whole(text) is None
