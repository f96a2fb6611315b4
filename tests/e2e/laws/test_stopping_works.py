"""Interrupt, cancel, archive and delete take effect within two seconds, whatever the session is doing, and touch no
other session.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from tests.e2e.laws.checks import assert_complete
from tests.e2e.laws.conftest import model_env
from tests.fakes.model_server import FakeModel
from tests.support.api import Api, Json, message, text_of, types_of, wait_for
from tests.support.endpoint import CLIENT_TOOL, Endpoint
from tests.support.server import Server

STOPPED_SECONDS = 2.0
INTERRUPT = {"type": "user.interrupt"}


@pytest.fixture(scope="module")
def server(shared_model: FakeModel) -> Iterator[Server]:
    """A server that pauses long before it tries again."""
    with Server(model_env(shared_model, LAMBENT_MODEL_BACKOFF_MS="20000")) as running:
        yield running


@pytest.fixture(params=["plain", "sdk"])
def either(request: pytest.FixtureRequest, api: Api, sdk_api: Api) -> Api:
    """Both kinds of clients."""
    return api if request.param == "plain" else sdk_api


@contextmanager
def soon() -> Iterator[None]:
    """What happens here takes at most two seconds."""
    began = time.monotonic()
    yield
    took = time.monotonic() - began
    assert took <= STOPPED_SECONDS, f"it took {took:.2f} s"


def speaking(api: Api, model: FakeModel, endpoint: Endpoint) -> str:
    session = api.session()
    model.script({"blocks": [{"type": "text", "text": "one two three four"}], "hang": 3, "match": session})
    api.say(session, session)
    wait_for(lambda: [r for r in model.requests_of(session) if r["tokens"] == 3], "three tokens")
    return session


def waiting_for_the_model(api: Api, model: FakeModel, endpoint: Endpoint) -> str:
    session = api.session()
    model.script({"blocks": [], "ttft": 600_000, "match": session})
    api.say(session, session)
    wait_for(lambda: model.requests_of(session), "the request")
    return session


def in_a_tool(api: Api, model: FakeModel, endpoint: Endpoint) -> str:
    endpoint.hold("/ping")
    session = api.session(api.agent(tools=[endpoint.tool()]))
    api.say(session, "tool:ping")
    endpoint.wait_called("/ping")
    return session


def before_another_try(api: Api, model: FakeModel, endpoint: Endpoint) -> str:
    session = api.session()
    model.script({"error": {"status": 529}, "match": session})
    api.say(session, session)
    wait_for(lambda: "session.status_rescheduled" in types_of(plain_log(api, session)), "the pause")
    return session


def waiting_for_the_client(api: Api, model: FakeModel, endpoint: Endpoint) -> str:
    session = api.session(api.agent(tools=[CLIENT_TOOL]))
    api.say(session, "tool:ask_client")
    api.wait_idle(session)
    return session


def with_more_queued(api: Api, model: FakeModel, endpoint: Endpoint) -> str:
    session = speaking(api, model, endpoint)
    for number in range(3):
        api.say(session, f"tokens:2 {number}")
    return session


Bring = Callable[[Api, FakeModel, Endpoint], str]
MOMENTS = [speaking, waiting_for_the_model, in_a_tool, before_another_try, waiting_for_the_client]


@pytest.mark.parametrize("bring", MOMENTS)
def test_an_interrupt_brings_the_session_to_rest(
    either: Api, model: FakeModel, endpoint: Endpoint, bring: Bring
) -> None:
    session = bring(either, model, endpoint)
    with soon():
        assert either.send(session, INTERRUPT).status_code in (200, 202)
        either.wait_idle(session)
    log = plain_log(either, session)
    assert_complete(log)
    assert types_of(log).count("user.interrupt") == 1
    assert log[-1]["stop_reason"] == {"type": "end_turn"}
    assert either.say(session, "tokens:2").status_code in (200, 202)
    either.wait_idle(session)
    assert text_of(plain_log(either, session))[-1] == "hi word"


def plain_log(api: Api, session: str) -> list[Json]:
    plain = Api(api.url, api.key)
    log = plain.log(session)
    plain.close()
    return log


def test_the_connection_to_the_model_is_closed(api: Api, model: FakeModel, endpoint: Endpoint) -> None:
    session = speaking(api, model, endpoint)
    with soon():
        api.send(session, INTERRUPT)
        wait_for(lambda: model.requests_of(session)[0]["disconnected"], "the model to be left", within=5)
    api.wait_idle(session)
    assert text_of(api.log(session)) == ["one two three "]


@pytest.mark.parametrize("bring", [*MOMENTS, with_more_queued])
def test_cancel_stops_the_work_and_drops_what_waits(
    api: Api, model: FakeModel, endpoint: Endpoint, bring: Bring
) -> None:
    session = bring(api, model, endpoint)
    with soon():
        assert api.post(f"/v1/sessions/{session}/cancel")["status"] == "idle"
    log = api.log(session)
    assert_complete(log)
    assert types_of(log).count("user.message") == 1
    time.sleep(0.1)
    assert api.log(session) == log


def test_an_sdks_interrupt_lets_queued_messages_go_on(sdk_api: Api, model: FakeModel, endpoint: Endpoint) -> None:
    session = speaking(sdk_api, model, endpoint)
    options = {"params": {"input": "queue"}}
    assert sdk_api.send(session, message('say:"next"'), **options).status_code == 200
    with soon():
        sdk_api.send(session, INTERRUPT)
        wait_for(lambda: "next" in str(text_of(plain_log(sdk_api, session))), "the next turn", within=5)
    sdk_api.wait_idle(session)
    assert_complete(plain_log(sdk_api, session))


def test_repeated_interrupts_are_no_more_than_one(either: Api, model: FakeModel, endpoint: Endpoint) -> None:
    session = speaking(either, model, endpoint)
    with soon():
        for _ in range(5):
            assert either.send(session, INTERRUPT).status_code in (200, 202)
        either.wait_idle(session)
    log = plain_log(either, session)
    assert_complete(log)
    assert types_of(log).count("session.status_idle") == 1


def test_an_interrupt_and_a_message_in_one_request_start_anew(
    either: Api, model: FakeModel, endpoint: Endpoint
) -> None:
    session = speaking(either, model, endpoint)
    with soon():
        assert either.send(session, INTERRUPT, message('say:"anew"')).status_code in (200, 202)
        wait_for(lambda: text_of(plain_log(either, session))[-1:] == ["anew"], "the new answer", within=5)
    either.wait_idle(session)
    log = plain_log(either, session)
    assert_complete(log)
    assert types_of(log).count("user.message") == 2


@pytest.mark.parametrize("bring", [*MOMENTS, with_more_queued])
def test_a_session_at_work_is_deleted_and_nothing_goes_on(
    api: Api, model: FakeModel, endpoint: Endpoint, bring: Bring
) -> None:
    session = bring(api, model, endpoint)
    stream = api.stream(f"/v1/sessions/{session}/events/stream")
    with soon():
        api.ok("DELETE", f"/v1/sessions/{session}")
        assert api.call("GET", f"/v1/sessions/{session}").status_code == 404
        wait_for(stream.ended.is_set, "the stream to end", within=5)
    assert stream.types()[-1] == "session.deleted"
    wait_for(lambda: all(r["ended"] for r in model.requests_of(session)), "the model to be left", within=3)
    stream.close()


@pytest.mark.parametrize("bring", MOMENTS)
def test_a_session_at_work_is_archived(api: Api, model: FakeModel, endpoint: Endpoint, bring: Bring) -> None:
    session = bring(api, model, endpoint)
    with soon():
        assert api.post(f"/v1/sessions/{session}/archive")["status"] == "terminated"
    log = api.log(session)
    assert log[-1]["type"] == "session.status_terminated"
    assert api.say(session, "hello").status_code == 409


@pytest.mark.parametrize(("method", "path"), [("POST", "/archive"), ("DELETE", "")])
def test_an_sdk_must_stop_a_session_before_it_ends_it(
    sdk_api: Api, model: FakeModel, endpoint: Endpoint, method: str, path: str
) -> None:
    session = speaking(sdk_api, model, endpoint)
    assert sdk_api.call(method, f"/v1/sessions/{session}{path}").status_code in (400, 409)
    assert sdk_api.status(session) == "running"
    sdk_api.send(session, INTERRUPT)
    with soon():
        sdk_api.wait_idle(session)
        assert sdk_api.call(method, f"/v1/sessions/{session}{path}").status_code == 200


def test_ending_one_session_harms_no_other(api: Api, model: FakeModel, endpoint: Endpoint) -> None:
    agent, environment = api.agent(), api.environment()["id"]
    made = [api.session(agent, environment_id=environment) for _ in range(8)]
    for session in made:
        api.say(session, f"tokens:60 gap:10 {session}")
    wait_for(lambda: all(model.requests_of(session) for session in made), "all to be at work")
    ends = [("DELETE", ""), ("POST", "/archive"), ("POST", "/cancel"), ("DELETE", "")]
    for session, (method, path) in zip(made[::2], ends, strict=True):
        api.ok(method, f"/v1/sessions/{session}{path}")
    for session in made[1::2]:
        api.wait_idle(session)
        log = api.log(session)
        assert_complete(log)
        assert text_of(log) == [" ".join(["hi", *["word"] * 59])]
