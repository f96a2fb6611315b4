"""Messages API events as chunks."""

import json

import pytest

from chalicelib.models import chunks as c
from chalicelib.models.anthropic_stream import AnthropicReader
from chalicelib.models.errors import ModelOverloaded, ModelStreamBroken
from chalicelib.models.reading import read
from chalicelib.models.scrub import Scrubber
from chalicelib.models.usage import Usage


def start(index, **block):
    return {"type": "content_block_start", "index": index, "content_block": block}


def delta(index, **fields):
    return {"type": "content_block_delta", "index": index, "delta": fields}


def stop(index):
    return {"type": "content_block_stop", "index": index}


def ending(reason, usage=None, **more):
    return [
        {"type": "message_delta", "delta": {"stop_reason": reason, **more}, "usage": usage or {}},
        {"type": "message_stop"},
    ]


def chunks(*events):
    reader = AnthropicReader(Scrubber())
    found = list(read(reader, [json.dumps(event).encode() for event in events]))
    return found if reader.finished else [*found, *read(reader, [])]


def test_thinking_is_given_whole_with_its_signature():
    found = chunks(
        start(0, type="thinking", thinking="", signature=""),
        delta(0, type="thinking_delta", thinking="a"),
        delta(0, type="thinking_delta", thinking="b"),
        delta(0, type="signature_delta", signature="sig"),
        stop(0),
        start(1, type="redacted_thinking", data="xyz"),
        stop(1),
        *ending("end_turn"),
    )
    assert found[:-1] == [
        c.ThinkingStart(0),
        c.ThinkingDelta(0, "a"),
        c.ThinkingDelta(0, "b"),
        c.BlockDone(0, {"type": "thinking", "thinking": "ab", "signature": "sig"}),
        c.BlockDone(1, {"type": "redacted_thinking", "data": "xyz"}),
    ]


def test_a_call_without_arguments_has_empty_input():
    found = chunks(start(0, type="tool_use", id="t", name="f", input={}), stop(0), *ending("tool_use"))
    assert found[0] == c.ToolInputStart(0, "t", "f")
    assert found[1].block == {"type": "tool_use", "id": "t", "name": "f", "input": {}}


def test_usage_is_what_the_latest_event_says():
    first = {"input_tokens": 10, "output_tokens": 1, "cache_read_input_tokens": 5, "cache_creation_input_tokens": None}
    head = {"type": "message_start", "message": {"id": "m1", "usage": first}}
    last = chunks(head, *ending("end_turn", {"output_tokens": 9, "cache_creation_input_tokens": 3}))[-1]
    assert last == c.Finished("end_turn", Usage(10, 9, 5, 3), "m1")


@pytest.mark.parametrize(
    ("said", "reason", "detail"),
    [
        ("model_context_window_exceeded", "max_tokens", "model_context_window_exceeded"),
        ("stop_sequence", "stop_sequence", None),
        ("pause_turn", "other", "pause_turn"),
        ("brand_new", "other", "brand_new"),
    ],
)
def test_stop_reasons(said, reason, detail):
    last = chunks(*ending(said))[-1]
    assert (last.stop_reason, last.finish_detail) == (reason, detail)


def test_a_refusal_says_why():
    last = chunks(*ending("refusal", stop_details={"explanation": "Not this."}))[-1]
    assert (last.stop_reason, last.finish_detail) == ("refusal", "Not this.")


def test_unknown_events_and_deltas_are_passed_over():
    found = chunks(
        {"type": "brand_new"},
        start(0, type="text", text=""),
        delta(0, type="citations_delta", citation={}),
        stop(0),
        *ending("end_turn"),
    )
    assert found[1] == c.BlockDone(0, {"type": "text", "text": ""})


def test_an_error_event_is_raised():
    with pytest.raises(ModelOverloaded):
        chunks({"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}})


def test_an_end_without_message_stop_is_a_broken_stream():
    with pytest.raises(ModelStreamBroken, match="broke off"):
        chunks(start(0, type="text", text=""), stop(0))


def test_a_delta_for_no_block_is_a_broken_stream():
    with pytest.raises(ModelStreamBroken, match="cannot be read"):
        chunks(delta(3, type="text_delta", text="x"))
