"""Every way an HTTP provider can fail, and how soon we are gone when nobody listens any more."""

import socket
import threading
import time

import pytest

from chalicelib.models import chunks as c
from chalicelib.models import errors
from chalicelib.models.errors import ModelError
from chalicelib.models.runner import StreamEnded
from tests.functional.models.conftest import SECRET


def failure(open_stream, provider, said):
    """What came before the failure, and the failure."""
    stream, found = open_stream(provider, said), []
    while True:
        try:
            found += stream.next_batch(20)
        except ModelError as error:
            with pytest.raises(ModelError):
                stream.next(0)
            return found, error


@pytest.mark.parametrize(
    ("status", "kind", "retryable"),
    [
        (400, errors.ModelRequestRefused, False),
        (401, errors.ModelRequestRefused, False),
        (402, errors.ModelBillingRefused, False),
        (403, errors.ModelRequestRefused, False),
        (404, errors.ModelRequestRefused, False),
        (408, errors.ModelTimedOut, True),
        (409, errors.ModelServerFailed, True),
        (413, errors.ModelRequestRefused, False),
        (422, errors.ModelRequestRefused, False),
        (429, errors.ModelRateLimited, True),
        (500, errors.ModelServerFailed, True),
        (503, errors.ModelOverloaded, True),
        (529, errors.ModelOverloaded, True),
    ],
)
def test_refusals_by_status(fake, open_stream, provider, status, kind, retryable):
    _, error = failure(open_stream, provider, f"error:{status}")
    assert type(error) is kind
    assert (error.status, error.retryable) == (status, retryable)
    assert str(status) in error.message
    assert len(fake.requests) == 1, "retrying is the loop's work, not the SDK's"


def test_the_wait_the_provider_asks_for(open_stream, provider):
    assert failure(open_stream, provider, "error:429 retry:7")[1].retry_after == 7
    assert failure(open_stream, provider, "error:429")[1].retry_after is None


def test_a_later_attempt_succeeds(ask, open_stream, provider):
    for _ in range(2):
        assert failure(open_stream, provider, "error:529x2 tokens:3")[1].retryable
    assert ask(provider, "error:529x2 tokens:3")[-1].usage.output_tokens == 3


def test_secrets_in_the_providers_words_are_hidden(open_stream, provider):
    _, error = failure(open_stream, provider, "error:401 leak")
    assert "The credential" in error.message
    assert SECRET not in error.message
    assert SECRET not in repr(error)


def test_an_error_within_the_stream(open_stream, provider):
    found, error = failure(open_stream, provider, "tokens:9 fail:3")
    assert type(error) is errors.ModelOverloaded
    assert sum(isinstance(chunk, c.TextDelta) for chunk in found) == 3


@pytest.mark.parametrize("how", ["drop:4", "cut:4", "drop:0", "cut:0"])
def test_a_stream_that_breaks_off(open_stream, provider, how):
    found, error = failure(open_stream, provider, f"tokens:9 {how}")
    assert type(error) is errors.ModelStreamBroken
    assert error.retryable
    assert sum(isinstance(chunk, c.TextDelta) for chunk in found) == int(how[-1])
    assert not any(isinstance(chunk, c.Finished) for chunk in found)


@pytest.mark.parametrize("name", ["anthropic", "openai"])
def test_silence_is_cut_off(fake, open_stream, make, name):
    provider = make(name, idle=0.3)
    failure(open_stream, provider, "error:500")
    began = time.monotonic()
    found, error = failure(open_stream, provider, "hang:2")
    assert type(error) is errors.ModelTimedOut
    assert error.retryable
    assert "silent for 0.3 seconds" in error.message
    assert time.monotonic() - began < 2
    assert sum(isinstance(chunk, c.TextDelta) for chunk in found) == 2
    assert fake.wait_disconnected()["tokens"] == 2


@pytest.mark.parametrize("name", ["anthropic", "openai"])
@pytest.mark.parametrize("said", ["tokens:100 gap:50", "ttft:5000"])
def test_the_whole_answer_has_a_limit(fake, open_stream, make, name, said):
    provider = make(name, total=0.6)
    failure(open_stream, provider, "error:500")
    _, error = failure(open_stream, provider, said)
    assert type(error) is errors.ModelTimedOut
    assert "did not finish within 0.6 seconds" in error.message
    fake.wait_disconnected()


@pytest.mark.parametrize("name", ["anthropic", "openai"])
def test_nobody_listens_there(open_stream, make, name):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}/v1"
        _, error = failure(open_stream, make(name, url=url), "x")
    assert type(error) is errors.ModelUnreachable
    assert error.retryable


@pytest.mark.parametrize(
    ("kind", "text", "named", "message"),
    [
        ("text/html", "<html>Welcome</html>", errors.ModelRequestRefused, "check the base URL"),
        ("application/json", '{"id": "not a stream"}', errors.ModelRequestRefused, "check the base URL"),
        ("application/json", "broken {", errors.ModelRequestRefused, "check the base URL"),
        (
            "application/json",
            '{"error": {"code": "rate_limit_exceeded", "message": "Slow."}}',
            errors.ModelRateLimited,
            "Slow.",
        ),
        ("text/event-stream", "data: nonsense\n\n", errors.ModelStreamBroken, "cannot be read"),
        ("text/event-stream", "", errors.ModelStreamBroken, "broke off"),
    ],
)
def test_a_good_status_with_a_bad_answer(fake, open_stream, provider, kind, text, named, message):
    fake.script({"raw": {"content_type": kind, "text": text}})
    _, error = failure(open_stream, provider, "x")
    assert type(error) is named
    assert message in error.message


def test_a_request_it_cannot_translate_fails_without_a_call(fake, open_stream, make):
    block = {"type": "image", "source": {"type": "file", "file_id": "f"}}
    _, error = failure(open_stream, make("openai"), [{"role": "user", "content": [block]}])
    assert type(error) is errors.ModelContentUnsupported
    assert fake.requests == []


@pytest.mark.parametrize("when", ["arrival", "middle", "stop"])
def test_cancelling_closes_the_connection_at_once(fake, open_stream, provider, when):
    fake.hold("stop" if when == "stop" else "arrival", after_tokens=3 if when == "middle" else None)
    stream = open_stream(provider, "tokens:6")
    fake.wait_held()
    began = time.monotonic()
    stream.cancel()
    stream.cancel()
    record = fake.wait_disconnected(timeout=1)
    assert record["ended"] - began < 0.1
    with pytest.raises(StreamEnded):
        stream.next(5)


def test_cancelling_wakes_a_waiting_reader(fake, open_stream, provider):
    fake.hold()
    stream = open_stream(provider, "x")
    fake.wait_held()
    timer = threading.Timer(0.05, stream.cancel)
    timer.start()
    with pytest.raises(StreamEnded):
        stream.next(10)
    timer.join()


def test_cancelling_leaves_others_alone(fake, ask, open_stream, drain, provider):
    stays, goes = open_stream(provider, "tokens:30 gap:10"), open_stream(provider, "tokens:40 gap:10")
    fake.wait_requests(2)
    goes.cancel()
    assert drain(stays)[-1].usage.output_tokens == 30
    assert fake.wait_disconnected()["text"] == "tokens:40 gap:10"


def test_cancelling_before_it_began_and_after_it_ended(fake, open_stream, drain, provider):
    stream = open_stream(provider, "tokens:3")
    drain(stream)
    stream.cancel()
    with pytest.raises(StreamEnded):
        stream.next(0)
    early = open_stream(provider, "hang")
    early.cancel()
    with pytest.raises(StreamEnded):
        early.next(0)
    assert drain(open_stream(provider, "tokens:3"))[-1].usage.output_tokens == 3
