"""A name is called with an @ in front, as a word of its own."""

import pytest

from chalicelib.integrations.waking import mentions


@pytest.mark.parametrize(
    "text", ["@robin", "Hi @Robin, look", "(@robin)", "@robin: go", "line\n@ROBIN", "well,@robin", "@robin."]
)
def test_a_name_is_called(text: str) -> None:
    assert mentions(text, "Robin")


@pytest.mark.parametrize("text", ["robin", "@robinson", "@robin-bot", "mail@robin", "@@robin", "@ robin", ""])
def test_a_name_is_not_called(text: str) -> None:
    assert not mentions(text, "Robin")


def test_nobody_without_a_name_is_called() -> None:
    assert not mentions("@", "")


def test_a_name_is_no_pattern() -> None:
    assert mentions("@a.b", "a.b")
    assert not mentions("@axb", "a.b")
