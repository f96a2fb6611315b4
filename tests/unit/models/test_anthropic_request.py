"""Model requests in the shape of the Messages API."""

import copy

import pytest

from chalicelib.models import anthropic_request
from chalicelib.models.request import ModelRequest, ToolSpec

TOOL = ToolSpec("bash", "Runs a command.", {"type": "object", "properties": {"command": {"type": "string"}}})
OTHER = ToolSpec("read", "Reads a file.", {"type": "object"})
CACHE = {"type": "ephemeral"}


def request(messages, **more):
    return ModelRequest("claude-opus-5", more.pop("system", "Be brief."), messages, **more)


def user(*blocks):
    return {"role": "user", "content": list(blocks)}


def text(words):
    return {"type": "text", "text": words}


def test_system_and_newest_user_messages_end_in_cache_breakpoints():
    messages = [user(text(f"q{n}")) if n % 2 == 0 else {"role": "assistant", "content": f"a{n}"} for n in range(5)]
    body = anthropic_request.body(request(messages, tools=(TOOL, OTHER)))
    assert body["system"] == [{"type": "text", "text": "Be brief.", "cache_control": CACHE}]
    assert ["cache_control" in m["content"][-1] for m in body["messages"]] == [False, False, True, False, True]
    assert not any("cache_control" in tool for tool in body["tools"])


def test_instructions_alone_are_the_users_words():
    body = anthropic_request.body(request([]))
    assert "system" not in body
    assert body["messages"] == [user(text("Be brief.") | {"cache_control": CACHE})]


def test_without_system_the_last_tool_ends_the_shared_part():
    body = anthropic_request.body(request([user(text("q"))], system=None, tools=(TOOL, OTHER)))
    assert "system" not in body
    assert [tool.get("cache_control") for tool in body["tools"]] == [None, CACHE]


def test_the_request_is_not_changed():
    messages = [user(text("q"), {"type": "tool_result", "tool_use_id": "t", "content": [text(""), text("r")]})]
    before = copy.deepcopy(messages)
    anthropic_request.body(request(messages))
    assert messages == before


def test_the_same_request_gives_the_same_body():
    asked = request([user(text("q"))], tools=(TOOL,), effort="low")
    assert anthropic_request.body(asked) == anthropic_request.body(asked)


def test_signed_thinking_goes_back_unchanged_and_unsigned_is_left_out():
    signed = {"type": "thinking", "thinking": "hm", "signature": "sig"}
    hidden = {"type": "redacted_thinking", "data": "xyz"}
    unsigned = {"type": "thinking", "thinking": "from elsewhere", "signature": ""}
    said = {"role": "assistant", "content": [signed, hidden, unsigned, text("done")]}
    body = anthropic_request.body(request([user(text("q")), said, user(text("next"))]))
    assert body["messages"][1]["content"] == [signed, hidden, text("done")]


def test_empty_texts_and_what_is_left_empty_are_dropped():
    result = {"type": "tool_result", "tool_use_id": "t", "content": [text(" "), text("out")]}
    body = anthropic_request.body(request([user(text("")), user(result, text("\n"))]))
    assert body["messages"] == [user({**result, "content": [text("out")], "cache_control": CACHE})]


@pytest.mark.parametrize(
    ("model", "effort", "sent", "thinks"),
    [
        ("claude-opus-5", "max", "max", True),
        ("claude-sonnet-5-5", "low", "low", True),
        ("claude-opus-4-6", "xhigh", "high", True),
        ("claude-opus-4-5-20251101", "max", "high", False),
        ("claude-sonnet-4-5-20250929", "high", None, False),
        ("claude-haiku-4-5", "high", None, False),
        ("claude-opus-4-20250514", "high", None, False),
        ("claude-3-5-haiku-latest", "high", None, False),
        ("glm-5", "high", None, False),
        ("claude-opus-5", None, None, False),
    ],
)
def test_effort_is_sent_as_far_as_the_model_knows_it(model, effort, sent, thinks):
    body = anthropic_request.body(ModelRequest(model, None, [user(text("q"))], effort=effort))
    assert body.get("output_config", {}).get("effort") == sent
    assert ("thinking" in body) is thinks


def test_fast_speed_brings_its_beta_header():
    fast = request([user(text("q"))], speed="fast")
    assert anthropic_request.body(fast)["speed"] == "fast"
    assert anthropic_request.headers(fast) == {"anthropic-beta": anthropic_request.FAST_BETA}
    assert anthropic_request.headers(request([user(text("q"))])) == {}
