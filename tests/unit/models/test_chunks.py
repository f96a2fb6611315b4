"""Tool inputs and usage."""

import pytest

from chalicelib.models.chunks import INVALID_JSON, invalid_input, tool_input
from chalicelib.models.usage import Usage


@pytest.mark.parametrize(("text", "value"), [("", {}), (" ", {}), ("{}", {}), ('{"a": [1, null]}', {"a": [1, None]})])
def test_good_arguments(text, value):
    assert tool_input(text) == value
    assert invalid_input({"type": "tool_use", "input": value}) is None


@pytest.mark.parametrize("text", ['{"a": ', "[1]", '"x"', "nonsense", "null"])
def test_arguments_that_are_no_object_are_kept_as_text(text):
    made = tool_input(text)
    assert made == {INVALID_JSON: text}
    assert invalid_input({"type": "tool_use", "input": made}) == text


def test_usage_adds_up():
    assert Usage(1, 2, 3, 4) + Usage(10, 20, 30, 40) == Usage(11, 22, 33, 44)
    assert Usage(1, 2, 3, 4).context_tokens == 10
