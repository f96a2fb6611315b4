"""The demo model with its real weights."""

import subprocess
import sys
import threading
import time
from importlib import metadata

import pytest

from chalicelib.models import chunks as c
from chalicelib.models.embedded_provider import EmbeddedProvider
from chalicelib.models.embedded_runtime import WEIGHTS_PACKAGE, EmbeddedRuntime
from chalicelib.models.errors import ModelNotServed, ModelServerFailed
from chalicelib.models.request import ToolSpec
from chalicelib.models.runner import StreamEnded


def is_installed() -> bool:
    try:
        metadata.distribution(WEIGHTS_PACKAGE)
    except metadata.PackageNotFoundError:
        return False
    return True


real = pytest.mark.skipif(not is_installed(), reason=f"the weights' package {WEIGHTS_PACKAGE} is not installed")
WEATHER = ToolSpec(
    "get_weather",
    "Get the weather of a city.",
    {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
)
HELPFUL = "You are a helpful assistant."


@pytest.fixture(scope="module")
def embedded():
    return EmbeddedProvider()


def blocks(found):
    return [chunk.block for chunk in found if isinstance(chunk, c.BlockDone)]


@real
@pytest.mark.slow
def test_it_answers(ask, embedded):
    found = ask(embedded, "What is the capital of France?", system=HELPFUL, max_tokens=30)
    assert "Paris" in blocks(found)[0]["text"]
    assert found[-1].stop_reason == "end_turn"
    assert found[-1].usage.output_tokens > 3
    assert found[-1].usage.input_tokens + found[-1].usage.cache_read_input_tokens > 10


@real
@pytest.mark.slow
def test_it_streams_in_order(open_stream, embedded):
    stream, arrivals, texts = open_stream(embedded, "Count to ten.", max_tokens=30), [], []
    found = []
    while not found or not isinstance(found[-1], c.Finished):
        chunk = stream.next(20)
        found.append(chunk)
        if isinstance(chunk, c.TextDelta):
            arrivals.append(time.monotonic())
            texts.append(chunk.text)
    assert found[0] == c.TextStart(0)
    assert blocks(found) == [{"type": "text", "text": "".join(texts)}]
    assert found[-1].stop_reason == "max_tokens"
    assert found[-1].usage.output_tokens == 30
    assert arrivals[-1] - arrivals[0] > 0.02, "it came all at once"


@real
@pytest.mark.slow
def test_it_calls_a_tool_and_uses_the_result(ask, embedded):
    question = {"role": "user", "content": "What is the weather in Paris?"}
    found = ask(embedded, [question], system=HELPFUL, tools=(WEATHER,))
    (call,) = blocks(found)
    assert (call["name"], call["input"]) == ("get_weather", {"city": "Paris"})
    assert found[-1].stop_reason == "tool_use"
    result = {"type": "tool_result", "tool_use_id": call["id"], "content": "Sunny, 21 degrees."}
    history = [question, {"role": "assistant", "content": [call]}, {"role": "user", "content": [result]}]
    (answer,) = blocks(ask(embedded, history, system=HELPFUL, tools=(WEATHER,), max_tokens=40))
    assert answer["type"] == "text"


@real
@pytest.mark.slow
def test_cancelling_stops_it(ask, open_stream, embedded):
    ask(embedded, "Hi", max_tokens=1)
    stream = open_stream(embedded, "Write a very long story.", max_tokens=512)
    assert stream.next(20) == c.TextStart(0)
    stream.cancel()
    with pytest.raises(StreamEnded):
        stream.next(1)
    began = time.monotonic()
    ask(embedded, "Hi", max_tokens=1)
    assert time.monotonic() - began < 2, "it went on with the story"


@real
@pytest.mark.slow
def test_a_conversation_too_long_is_cut_to_fit(ask, embedded):
    dense = "é{}[]\\ " * 400
    assert ask(embedded, dense, max_tokens=1)[-1].usage.output_tokens == 1


@real
@pytest.mark.slow
def test_it_is_quiet():
    code = """
from chalicelib.models.embedded_runtime import EmbeddedRuntime
said = []
EmbeddedRuntime().chat({"messages": [{"role": "user", "content": "Hi"}], "stream": True, "max_tokens": 2}, said.append)
assert said
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=True)
    assert (done.stdout, done.stderr) == ("", "")


@real
@pytest.mark.slow
def test_its_port_is_closed_to_others():
    code = """
import urllib.error, urllib.request
from chalicelib.models.embedded_runtime import EmbeddedRuntime
runtime = EmbeddedRuntime()
address = runtime._loaded().listening_address
for path in ("/v1/models", "/props", "/slots", "/v1/chat/completions"):
    try:
        urllib.request.urlopen(address + path, timeout=10)
    except urllib.error.HTTPError as error:
        print(error.code)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=True)
    assert done.stdout.split() == ["401"] * 4


class Runtime(EmbeddedRuntime):
    """Says what it is told to, without weights."""

    def __init__(self, *events, fails=None):
        super().__init__()
        self.events, self.fails, self.asked = events, fails, []

    def chat(self, body, on_event):
        self.asked.append(body)
        if self.fails:
            raise self.fails
        for event in self.events[len(self.asked) - 1]:
            if on_event(event):
                return


TOO_LONG = {"error": {"code": 400, "type": "exceed_context_size_error", "message": "request exceeds the context"}}
ENDING = {"choices": [{"delta": {"content": "ok"}, "finish_reason": "stop"}]}


def test_what_does_not_fit_is_sent_again_shorter(ask):
    runtime = Runtime([TOO_LONG], [TOO_LONG], [ENDING])
    assert blocks(ask(EmbeddedProvider(runtime), "x" * 9000)) == [{"type": "text", "text": "ok"}]
    sizes = [len(body["messages"][0]["content"]) for body in runtime.asked]
    assert sizes == sorted(sizes, reverse=True)
    assert len(set(sizes)) == 3


@pytest.mark.parametrize(
    ("raised", "named"),
    [(ModelNotServed("run `make run`"), ModelNotServed), (RuntimeError("native"), ModelServerFailed)],
)
def test_its_failures_have_names(open_stream, raised, named):
    stream = open_stream(EmbeddedProvider(Runtime(fails=raised)), "x")
    with pytest.raises(named):
        stream.next(5)


def test_requests_wait_their_turn_and_leave_it_when_cancelled(open_stream, drain):
    gate, provider = threading.Event(), None

    class Slow(Runtime):
        def chat(self, body, on_event):
            gate.wait(5)
            super().chat(body, on_event)

    runtime = Slow([ENDING], [ENDING])
    provider = EmbeddedProvider(runtime)
    first, second, third = (open_stream(provider, text) for text in ("first", "second", "third"))
    second.cancel()
    assert first.next(0.05) is None
    gate.set()
    assert blocks(drain(first)) == blocks(drain(third)) == [{"type": "text", "text": "ok"}]
    assert [body["messages"][0]["content"] for body in runtime.asked] == ["first", "third"]


def test_a_missing_package_is_told_with_the_way_out():
    code = """
from importlib import metadata
def missing(name):
    raise metadata.PackageNotFoundError(name)
metadata.distribution = missing
from chalicelib.models.embedded_runtime import EmbeddedRuntime
from chalicelib.models.errors import ModelNotServed
try:
    EmbeddedRuntime().chat({}, lambda event: True)
except ModelNotServed as error:
    print(error.message)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert "make run" in done.stdout
