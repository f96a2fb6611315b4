"""Chat completion events as chunks, with the habits of compatible servers."""

import json

import pytest

from chalicelib.models import chunks as c
from chalicelib.models.errors import ModelOverloaded, ModelStreamBroken
from chalicelib.models.openai_stream import OpenAIReader, usage_of
from chalicelib.models.reading import read
from chalicelib.models.scrub import Scrubber
from chalicelib.models.usage import Usage


def delta(finish=None, **content):
    return {"id": "r1", "choices": [{"index": 0, "delta": content, "finish_reason": finish}]}


def call(index=None, identity=None, name=None, arguments=""):
    made = {"function": {"arguments": arguments} | ({"name": name} if name else {})}
    if index is not None:
        made["index"] = index
    return delta(tool_calls=[made | ({"id": identity} if identity else {})])


def chunks(*events, done=True):
    reader = OpenAIReader(Scrubber())
    payloads = [json.dumps(event).encode() for event in events] + ([b"[DONE]"] if done else [])
    return [*read(reader, payloads), *([] if reader.finished else read(reader, []))]


def blocks(found):
    return [chunk.block for chunk in found if isinstance(chunk, c.BlockDone)]


def test_text_starts_grows_ends():
    assert chunks(delta(content="Hi "), delta(content="you"), delta("stop")) == [
        c.TextStart(0),
        c.TextDelta(0, "Hi "),
        c.TextDelta(0, "you"),
        c.BlockDone(0, {"type": "text", "text": "Hi you"}),
        c.Finished("end_turn", Usage(), "r1"),
    ]


def test_reasoning_becomes_an_unsigned_thinking_block():
    found = chunks(delta(reasoning="a"), delta(reasoning_content="b"), delta(content="c"), delta("stop"))
    assert found[:3] == [c.ThinkingStart(0), c.ThinkingDelta(0, "a"), c.ThinkingDelta(0, "b")]
    assert blocks(found) == [
        {"type": "thinking", "thinking": "ab", "signature": ""},
        {"type": "text", "text": "c"},
    ]


def test_calls_written_in_turns_are_kept_apart():
    found = chunks(
        call(0, "x", "f", '{"a"'),
        call(1, "y", "g", "{"),
        call(0, arguments=":1}"),
        call(1, arguments="}"),
        delta("tool_calls"),
    )
    assert [(b["id"], b["name"], b["input"]) for b in blocks(found)] == [("x", "f", {"a": 1}), ("y", "g", {})]
    assert found[-1].stop_reason == "tool_use"


@pytest.mark.parametrize("index", [0, None])
def test_calls_that_the_server_numbers_badly_are_kept_apart(index):
    found = chunks(call(index, "x", "f", "{}"), call(index, "y", "f", '{"b":2}'), delta("stop"))
    assert [(b["id"], b["input"]) for b in blocks(found)] == [("x", {}), ("y", {"b": 2})]
    assert found[-1].stop_reason == "tool_use"


def test_a_call_without_id_is_given_one():
    (block,) = blocks(chunks(call(0, None, "f", "{}"), delta("tool_calls")))
    assert block["id"].startswith("call_")


@pytest.mark.parametrize(
    ("finish", "reason", "detail"),
    [
        ("length", "max_tokens", None),
        ("content_filter", "refusal", None),
        ("function_call", "tool_use", None),
        ("weird", "other", "weird"),
    ],
)
def test_stop_reasons(finish, reason, detail):
    last = chunks(delta(content="x"), delta(finish))[-1]
    assert (last.stop_reason, last.finish_detail) == (reason, detail)


def test_a_refusal_is_text_and_a_stop_reason():
    found = chunks(delta(refusal="No."), delta("stop"))
    assert blocks(found) == [{"type": "text", "text": "No."}]
    assert found[-1].stop_reason == "refusal"


def test_the_end_without_done_is_good_when_the_reason_was_given():
    assert chunks(delta(content="x"), delta("stop"), done=False)[-1].stop_reason == "end_turn"


@pytest.mark.parametrize("done", [True, False])
def test_the_end_without_a_reason_is_a_broken_stream(done):
    with pytest.raises(ModelStreamBroken, match="broke off"):
        chunks(delta(content="x"), done=done)


def test_an_error_event_ends_the_stream_after_what_came_before():
    error = {"error": {"message": "busy", "code": "server_overloaded"}}
    steps = read(OpenAIReader(Scrubber()), [json.dumps(event).encode() for event in (delta(content="x"), error)])
    assert [next(steps), next(steps)] == [c.TextStart(0), c.TextDelta(0, "x")]
    with pytest.raises(ModelOverloaded, match="busy"):
        next(steps)


@pytest.mark.parametrize("payload", [b"not json", b"[]", b'{"choices": [1]}'])
def test_nonsense_is_a_broken_stream(payload):
    with pytest.raises(ModelStreamBroken, match="cannot be read"):
        list(read(OpenAIReader(Scrubber()), [payload]))


def test_usage_keeps_cached_tokens_apart():
    details = {"cached_tokens": 60, "cache_write_tokens": 30}
    assert usage_of({"prompt_tokens": 100, "completion_tokens": 7, "prompt_tokens_details": details}) == Usage(
        10, 7, 60, 30
    )
    assert usage_of({"prompt_tokens": 5, "completion_tokens": 1, "prompt_tokens_details": None}) == Usage(5, 1)
