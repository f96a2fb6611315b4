"""Model requests in the shape of chat completions."""

import copy
import json

import pytest

from chalicelib.models import openai_request
from chalicelib.models.errors import ModelContentUnsupported
from chalicelib.models.request import ModelRequest, ToolSpec

TOOL = ToolSpec("bash", "Runs a command.", {"type": "object", "properties": {"command": {"type": "string"}}})
PNG = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AAAA"}}
PDF = {"type": "document", "source": {"type": "base64", "media_type": "application/pdf", "data": "JVBE"}}


def text(words):
    return {"type": "text", "text": words}


def body(*messages, official=True, **more):
    asked = ModelRequest(more.pop("model", "gpt-4.1"), more.pop("system", None), list(messages), **more)
    return openai_request.body(asked, official=official)


def user(*blocks):
    return {"role": "user", "content": list(blocks)}


def test_system_text_and_tools():
    made = body(user(text("q")), system="Be brief.", tools=(TOOL,))
    assert made["messages"] == [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "q"}]
    assert made["tools"] == [
        {
            "type": "function",
            "function": {"name": "bash", "description": "Runs a command.", "parameters": TOOL.input_schema},
        }
    ]
    assert made["stream_options"] == {"include_usage": True}


def test_calls_and_results_of_several_tools():
    calls = [{"type": "tool_use", "id": f"c{n}", "name": "bash", "input": {"command": str(n)}} for n in range(2)]
    said = {"role": "assistant", "content": [{"type": "thinking", "thinking": "hm"}, text("I look."), *calls]}
    good = {"type": "tool_result", "tool_use_id": "c0", "content": [text("out"), text("more")]}
    bad = {"type": "tool_result", "tool_use_id": "c1", "content": "no such file", "is_error": True}
    sent = body(said, user(good, bad, text("and now?")))["messages"]
    assert sent[0]["content"] == "I look."
    assert [json.loads(call["function"]["arguments"]) for call in sent[0]["tool_calls"]] == [
        {"command": "0"},
        {"command": "1"},
    ]
    assert sent[1:] == [
        {"role": "tool", "tool_call_id": "c0", "content": "out\nmore"},
        {"role": "tool", "tool_call_id": "c1", "content": "Error: no such file"},
        {"role": "user", "content": "and now?"},
    ]


def test_an_image_in_a_result_follows_all_results():
    results = [{"type": "tool_result", "tool_use_id": f"c{n}", "content": [PNG]} for n in range(2)]
    sent = body(user(*results))["messages"]
    assert [message["role"] for message in sent] == ["tool", "tool", "user"]
    assert sent[2]["content"] == [{"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}] * 2


def test_documents_are_inlined_or_attached():
    plain = {"type": "document", "title": "Notes", "source": {"type": "text", "data": "remember"}}
    found = {"type": "search_result", "source": "https://x.test", "title": "Found", "content": [text("it")]}
    sent = body(user(plain, found, PDF))["messages"][0]["content"]
    assert "Title: Notes\nremember" in sent[0]["text"]
    assert "Source: https://x.test\nTitle: Found\nit" in sent[1]["text"]
    assert sent[2]["file"] == {"filename": "document.pdf", "file_data": "data:application/pdf;base64,JVBE"}


@pytest.mark.parametrize(
    "block",
    [
        {"type": "image", "source": {"type": "file", "file_id": "f"}},
        {"type": "document", "source": {"type": "url", "url": "https://x.test/a.pdf"}},
        {"type": "mystery"},
    ],
)
def test_what_the_wire_cannot_carry_is_said_clearly(block):
    with pytest.raises(ModelContentUnsupported, match="cannot be sent to an OpenAI-compatible model"):
        body(user(block))


def test_the_request_is_not_changed():
    message = user({"type": "tool_result", "tool_use_id": "c", "content": [PNG, text("x")]}, text("y"))
    before = copy.deepcopy(message)
    body(message)
    assert message == before


@pytest.mark.parametrize(
    ("model", "effort", "sent"),
    [
        ("gpt-4.1", "high", None),
        ("gpt-5", "max", "high"),
        ("gpt-5-mini", "low", "low"),
        ("gpt-5.2", "max", "xhigh"),
        ("gpt-6.1-sol", "max", "max"),
        ("o3", "xhigh", "high"),
        ("llama-4", "high", None),
        ("gpt-6.1-sol", None, None),
    ],
)
def test_effort_is_sent_as_far_as_the_model_knows_it(model, effort, sent):
    assert body(user(text("q")), model=model, effort=effort).get("reasoning_effort") == sent


def test_tools_switch_reasoning_off_where_openai_demands_it():
    asked = {"tools": (TOOL,), "effort": "high"}
    assert body(user(text("q")), model="gpt-6.1-sol", **asked)["reasoning_effort"] == "none"
    assert body(user(text("q")), model="gpt-5", **asked)["reasoning_effort"] == "high"
    assert body(user(text("q")), model="gpt-6.1-sol", official=False, **asked)["reasoning_effort"] == "high"


def test_compatible_servers_get_the_older_token_limit():
    assert "max_completion_tokens" in body(user(text("q")))
    compatible = body(user(text("q")), official=False, speed="fast")
    assert compatible["max_tokens"] == 8192
    assert "service_tier" not in compatible
    assert body(user(text("q")), speed="fast")["service_tier"] == "priority"
