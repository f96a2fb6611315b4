"""What both HTTP providers give, through the real SDKs."""

import asyncio
import json
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from chalicelib.models import chunks as c
from chalicelib.models.anthropic_provider import AnthropicProvider
from chalicelib.models.request import ToolSpec
from chalicelib.models.scrub import Scrubber
from chalicelib.models.transport import TimeLimits
from chalicelib.models.usage import Usage
from tests.functional.models.conftest import SECRET

WEATHER = ToolSpec(
    "get_weather",
    "Get the weather.",
    {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
)
BASH = ToolSpec("bash", "Run a command.", {"type": "object", "properties": {"command": {"type": "string"}}})


def blocks(found):
    return [chunk.block for chunk in found if isinstance(chunk, c.BlockDone)]


def test_text_comes_in_order_and_whole(ask, provider):
    found = ask(provider, "tokens:20")
    assert found[0] == c.TextStart(0)
    assert "".join(chunk.text for chunk in found if isinstance(chunk, c.TextDelta)) == blocks(found)[0]["text"]
    assert blocks(found) == [{"type": "text", "text": "hi" + " word" * 19}]
    assert found[-1].stop_reason == "end_turn"
    assert found[-1].usage == Usage(10, 20)
    assert found[-1].response_id
    assert len(found) == 23


def test_text_is_read_as_it_is_written(fake, open_stream, drain, provider):
    fake.hold(after_tokens=3)
    stream = open_stream(provider, "tokens:6")
    fake.wait_held()
    got = []
    while sum(isinstance(chunk, c.TextDelta) for chunk in got) < 3:
        got += stream.next_batch(5)
    assert stream.next(0.05) is None
    assert stream.next_batch(0) == []
    fake.release()
    assert blocks(drain(stream)) == [{"type": "text", "text": "hi word word word word word"}]


def test_unicode_survives(ask, provider):
    said = "Grüße 🌍 \u2028 „ok“"
    (block,) = blocks(ask(provider, f"say:{json.dumps(said)}"))
    assert block["text"] == said


def test_cached_tokens_are_counted_apart(ask, provider):
    assert ask(provider, "tokens:3 cached:70")[-1].usage == Usage(10, 3, 70)


def test_a_tool_call_and_its_result(fake, ask, provider):
    said = 'tool:get_weather input:{"city": "Paris"} say:"Sunny."'
    (call,) = blocks(found := ask(provider, said, tools=(BASH, WEATHER)))
    assert (call["type"], call["name"], call["input"]) == ("tool_use", "get_weather", {"city": "Paris"})
    assert found[0] == c.ToolInputStart(0, call["id"], "get_weather")
    written = "".join(chunk.partial_json for chunk in found if isinstance(chunk, c.ToolInputDelta))
    assert json.loads(written) == {"city": "Paris"}
    assert found[-1].stop_reason == "tool_use"
    result = {"type": "tool_result", "tool_use_id": call["id"], "content": [{"type": "text", "text": "21 degrees"}]}
    history = [{"role": "user", "content": said}, {"role": "assistant", "content": [call]}]
    found = ask(provider, [*history, {"role": "user", "content": [result]}], tools=(BASH, WEATHER))
    assert blocks(found) == [{"type": "text", "text": "Sunny."}]
    assert "21 degrees" in json.dumps(fake.requests[-1]["body"])
    assert call["id"] in json.dumps(fake.requests[-1]["body"])


def test_parallel_calls(ask, provider):
    found = blocks(ask(provider, "parallel:3", tools=(WEATHER,)))
    assert [(block["name"], block["input"]) for block in found] == [("get_weather", {"city": "x"})] * 3
    assert len({block["id"] for block in found}) == 3


def test_calls_with_invalid_json_are_given_as_such_and_can_be_sent_back(fake, ask, provider):
    (call,) = blocks(found := ask(provider, "badjson", tools=(BASH,)))
    assert c.invalid_input(call) == '{"broken": '
    assert found[-1].stop_reason == "tool_use"
    result = {"type": "tool_result", "tool_use_id": call["id"], "content": "not JSON", "is_error": True}
    history = [{"role": "user", "content": "badjson"}, {"role": "assistant", "content": [call]}]
    assert ask(provider, [*history, {"role": "user", "content": [result]}], tools=(BASH,))[-1].stop_reason == "end_turn"


def test_what_the_model_is_told(ask, provider):
    seen = json.loads(blocks(ask(provider, "echo", system="Be brief.", tools=(BASH, WEATHER)))[0]["text"])
    assert seen["system"] == "Be brief."
    assert seen["tools"] == ["bash", "get_weather"]


def test_refusals_and_limits_are_told(fake, ask, provider):
    assert ask(provider, "refuse")[-1].stop_reason == "refusal"
    fake.script({"blocks": [{"type": "text", "text": "cut"}], "stop_reason": "max_tokens"})
    assert ask(provider, "x")[-1].stop_reason == "max_tokens"


def test_the_connection_is_used_again(fake, ask, provider):
    for _ in range(4):
        ask(provider, "tokens:2")
    assert fake.connections() == 1


def test_the_credential_is_sent(fake, ask, make):
    for name in ("anthropic", "openai"):
        ask(make(name), "x")
        assert fake.requests[-1]["headers"]["authorization"] == f"Bearer {SECRET}"
    assert [record["headers"].get("x-api-key") for record in fake.requests] == [SECRET, None]


@pytest.mark.parametrize("token", [None, "a-token"])
def test_without_a_key_the_token_or_a_placeholder_is_sent(fake, ask, runner, token):
    limits = TimeLimits(30, 10)
    provider = AnthropicProvider(api_key=None, auth_token=token, base_url=fake.url, limits=limits, scrub=Scrubber())
    ask(provider, "x")
    asyncio.run_coroutine_threadsafe(provider.aclose(), runner.loop()).result(5)
    assert fake.requests[-1]["headers"]["authorization"] == f"Bearer {token or 'no-key'}"
    assert "x-api-key" not in fake.requests[-1]["headers"]


def test_fifty_streams_at_once(fake, open_stream, drain, provider):
    drain(open_stream(provider, "tokens:1"))
    began = time.monotonic()
    streams = [open_stream(provider, f"tokens:{20 + n} gap:5") for n in range(50)]
    with ThreadPoolExecutor(50) as pool:
        found = list(pool.map(drain, streams))
    assert [answer[-1].usage.output_tokens for answer in found] == [20 + n for n in range(50)]
    arrivals = [record["arrived"] for record in fake.requests[1:]]
    firsts = [record["ended"] for record in fake.requests[1:]]
    assert max(arrivals) < min(firsts), "they did not run at the same time"
    assert time.monotonic() - began < 15


def test_thinking_goes_there_and_back_signed(fake, ask, make):
    provider = make("anthropic")
    said = 'think:"Let me see." tool:bash'
    thought, call = blocks(found := ask(provider, said, tools=(BASH,)))
    assert found[0] == c.ThinkingStart(0)
    assert thought["thinking"] == "Let me see."
    assert thought["signature"]
    result = {"type": "tool_result", "tool_use_id": call["id"], "content": "ok"}
    history = [{"role": "user", "content": said}, {"role": "assistant", "content": [thought, call]}]
    ask(provider, [*history, {"role": "user", "content": [result]}], tools=(BASH,))
    assert fake.requests[-1]["body"]["messages"][1]["content"] == [thought, call]


def test_reasoning_of_compatible_servers_is_thinking(ask, make):
    thought, text = blocks(ask(make("openai"), 'think:"Let me see." say:"Yes."'))
    assert thought == {"type": "thinking", "thinking": "Let me see.", "signature": ""}
    assert text == {"type": "text", "text": "Yes."}


@pytest.mark.parametrize("suffix", ["", "/", "/v1", "/v1/"])
def test_anthropic_addresses_in_all_usual_forms(fake, ask, make, suffix):
    ask(make("anthropic", url=fake.url + suffix), "x")
    assert fake.requests[-1]["path"] == "/v1/messages"
