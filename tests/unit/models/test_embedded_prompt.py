"""What the demo model is shown, and how its replies are read."""

import json

import pytest

from chalicelib.models import chunks as c
from chalicelib.models import embedded_prompt
from chalicelib.models.embedded_stream import EmbeddedReader
from chalicelib.models.errors import ModelStreamBroken
from chalicelib.models.request import ModelRequest, ToolSpec
from chalicelib.models.usage import Usage

WEATHER = ToolSpec(
    "get_weather",
    "Get the weather of a city.\nLong explanation.",
    {"type": "object", "properties": {"city": {"type": "string"}, "unit": {"type": "string"}}, "required": ["city"]},
)
BASH = ToolSpec("bash", "Run a shell command.", {"type": "object", "properties": {}})


def request(*messages, system="Be brief.", tools=(WEATHER, BASH), **more):
    return ModelRequest("smollm2-135m", system, list(messages), tools=tools, **more)


def user(text):
    return {"role": "user", "content": text}


def test_only_tools_that_share_a_word_are_offered():
    assert embedded_prompt.offered(request(user("What is the WEATHER in Paris?"))) == [WEATHER]
    assert embedded_prompt.offered(request(user("Run a command, then the weather"))) == [BASH, WEATHER]
    assert embedded_prompt.offered(request(user("Say hello to the world"))) == []


def test_a_result_in_view_leaves_only_the_answer():
    result = {"type": "tool_result", "tool_use_id": "t", "content": "The weather is fine."}
    body = embedded_prompt.body(request(user("weather?"), {"role": "user", "content": [result]}), 1000)
    assert "response_format" not in body
    assert body["messages"][-1]["content"] == "The tool answered: The weather is fine."


def test_offered_tools_are_described_and_bind_the_reply():
    body = embedded_prompt.body(request(user("weather in Rome")), 1000)
    assert "- get_weather(city, unit): Get the weather of a city." in body["messages"][0]["content"]
    assert "Long explanation" not in body["messages"][0]["content"]
    call, answer = body["response_format"]["json_schema"]["schema"]["anyOf"]
    assert call["properties"]["tool"] == {"const": "get_weather"}
    assert call["properties"]["input"]["required"] == ["city"]
    assert answer["required"] == ["answer"]


def test_the_oldest_messages_go_first():
    messages = [user(f"{n}" * 100) for n in range(9)]
    body = embedded_prompt.body(request(*messages, tools=()), 350)
    assert [message["content"][0] for message in body["messages"][1:]] == ["6", "7", "8"]


def test_one_message_too_long_is_cut_at_its_beginning():
    body = embedded_prompt.body(request(user("a" * 500 + "end"), system=None, tools=()), 100)
    (message,) = body["messages"]
    assert len(message["content"]) == 100
    assert message["content"].endswith("end")


def test_content_it_cannot_see_is_named():
    blocks = [{"type": "image", "source": {}}, {"type": "text", "text": "look"}]
    body = embedded_prompt.body(request({"role": "user", "content": blocks}, tools=()), 1000)
    assert body["messages"][-1]["content"] == "[image]\nlook"


@pytest.mark.parametrize(
    ("schema", "simple"),
    [
        ({"type": ["string", "null"], "pattern": "^(a+)+$"}, {"type": "string", "maxLength": 200}),
        ({"enum": ["a", "b"], "type": "string"}, {"enum": ["a", "b"]}),
        ({"$ref": "#/x"}, {"type": "string", "maxLength": 200}),
        (
            {"type": "array", "items": {"type": "integer"}},
            {"type": "array", "items": {"type": "integer"}, "maxItems": 5},
        ),
    ],
)
def test_schemas_are_reduced_to_what_grammars_know(schema, simple):
    assert embedded_prompt.simple_schema(schema) == simple


def test_schemas_that_go_deep_come_to_an_end():
    schema: dict = {"type": "object", "required": ["x"]}
    schema["properties"] = {"x": schema}
    assert json.dumps(embedded_prompt.simple_schema(schema)).count('"x"') < 10


def feed(reader, *texts, finish="stop"):
    events = [{"choices": [{"delta": {"content": text}}]} for text in texts]
    events.append({"choices": [{"delta": {}, "finish_reason": finish}]})
    events.append({"choices": [], "usage": {"prompt_tokens": 9, "completion_tokens": 4}})
    return [*(chunk for event in events for chunk in reader.feed(event)), *reader.end()]


def test_a_structured_answer_streams_as_text():
    found = feed(EmbeddedReader(structured=True), '{"ans', 'wer": "Hel', "lo\\n", 'you"}')
    assert [chunk.text for chunk in found if isinstance(chunk, c.TextDelta)] == ["Hel", "lo\n", "you"]
    assert found[-2:] == [c.BlockDone(0, {"type": "text", "text": "Hello\nyou"}), c.Finished("end_turn", Usage(9, 4))]


def test_a_structured_call_is_a_tool_use():
    found = feed(EmbeddedReader(structured=True), '{"tool": "bash", "inp', 'ut": {"command": "ls"}}')
    assert isinstance(found[0], c.ToolInputStart)
    assert found[2].block["input"] == {"command": "ls"}
    assert found[2].block["id"] == found[0].call_id
    assert found[3].stop_reason == "tool_use"


def test_a_call_cut_off_has_no_valid_input():
    found = feed(EmbeddedReader(structured=True), '{"tool": "bash", "input": {"command": "l', finish="length")
    assert c.invalid_input(found[2].block) == '{"tool": "bash", "input": {"command": "l'
    assert found[3].stop_reason == "max_tokens"


def test_a_stream_without_end_is_broken():
    reader = EmbeddedReader(structured=False)
    assert len(list(reader.feed({"choices": [{"delta": {"content": "x"}}]}))) == 2
    with pytest.raises(ModelStreamBroken):
        list(reader.end())
