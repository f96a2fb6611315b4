"""How a caller wants an answer made, on each wire: carried in its words, or refused by name."""

from typing import Any

import pytest

from chalicelib.models import anthropic_request, embedded_prompt, openai_request
from chalicelib.models.errors import ModelControlUnsupported
from chalicelib.models.request import Controls, ModelRequest, ToolSpec

TOOL = ToolSpec("look", "Looks.", {"type": "object"}, strict=True)
ASKED: dict[str, Any] = {"system": None, "messages": [{"role": "user", "content": "hi"}]}


def request(controls: Controls, model: str = "m", **more: Any) -> ModelRequest:
    return ModelRequest(model=model, **ASKED, controls=controls, **more)


def test_nothing_wanted_leaves_every_body_as_it_was() -> None:
    plain, wanted = ModelRequest(model="m", **ASKED, tools=(TOOL,)), request(Controls(), tools=(TOOL,))
    assert openai_request.body(plain, official=True) == openai_request.body(wanted, official=True)
    assert "tool_choice" not in anthropic_request.body(wanted)


@pytest.mark.parametrize(
    ("choice", "openai", "anthropic"),
    [
        ("auto", "auto", {"type": "auto"}),
        ("none", "none", {"type": "none"}),
        ("any", "required", {"type": "any"}),
        ("one", {"type": "function", "function": {"name": "look"}}, {"type": "tool", "name": "look"}),
    ],
)
def test_a_choice_of_tools_in_the_words_of_each_wire(choice: Any, openai: Any, anthropic: Any) -> None:
    wanted = request(Controls(tool_choice=choice, tool="look"), tools=(TOOL,))
    assert openai_request.body(wanted, official=True)["tool_choice"] == openai
    assert anthropic_request.body(wanted)["tool_choice"] == anthropic


def test_without_tools_nothing_is_chosen() -> None:
    wanted = request(Controls(tool_choice="none", parallel_tools=False))
    assert not {"tool_choice", "parallel_tool_calls"} & set(openai_request.body(wanted, official=True))
    assert "tool_choice" not in anthropic_request.body(wanted)


def test_strict_tools_are_marked() -> None:
    wanted = request(Controls(), tools=(TOOL,))
    assert openai_request.body(wanted, official=True)["tools"][0]["function"]["strict"] is True
    assert anthropic_request.body(wanted)["tools"][0]["strict"] is True


def test_a_schema_stands_beside_the_effort() -> None:
    made = anthropic_request.body(request(Controls(answer_schema={"type": "object"}), "claude-opus-5-5", effort="low"))
    assert made["output_config"] == {
        "effort": "low",
        "format": {"type": "json_schema", "schema": {"type": "object"}},
    }


@pytest.mark.parametrize("effort", ["none", "minimal"])
def test_small_efforts_are_understood(effort: str) -> None:
    made = anthropic_request.body(request(Controls(), "claude-opus-5-5", effort=effort))
    assert made.get("output_config") == (None if effort == "none" else {"effort": "low"})


@pytest.mark.parametrize(
    ("controls", "named"),
    [
        (Controls(seed=1), "seed"),
        (Controls(temperature=1.1), "temperature"),
        (Controls(json_only=True), "response_format"),
    ],
)
def test_what_a_wire_cannot_carry_is_refused_by_name(controls: Controls, named: str) -> None:
    with pytest.raises(ModelControlUnsupported) as refused:
        anthropic_request.body(request(controls))
    assert refused.value.control == named
    assert openai_request.body(request(controls), official=False)


def test_the_demo_model_takes_what_it_can() -> None:
    made = embedded_prompt.body(request(Controls(temperature=0.5, stop=("END",), seed=3)), 1000)
    assert (made["temperature"], made["stop"], made["seed"]) == (0.5, ["END"], 3)
    for controls, named in (
        (Controls(tool_choice="any"), "tool_choice"),
        (Controls(answer_schema={}), "response_format"),
    ):
        with pytest.raises(ModelControlUnsupported) as refused:
            embedded_prompt.body(request(controls), 1000)
        assert refused.value.control == named
