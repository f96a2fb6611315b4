"""Whenever a session shows idle, a read right after it finds the whole turn, and the session tells why it stopped."""

from concurrent.futures import ThreadPoolExecutor

from tests.e2e.laws.checks import assert_answered, assert_complete
from tests.fakes.model_server import FakeModel
from tests.support.api import Api, message
from tests.support.endpoint import CLIENT_TOOL, Endpoint


def test_the_log_is_complete_at_the_first_sight_of_idle(api: Api, endpoint: Endpoint) -> None:
    agent = api.agent(tools=[endpoint.tool()])
    directives = ("tokens:2", "tool:ping tools:2", "error:529x1 tokens:3", "tokens:12 gap:2", "error:400")

    def poll_hard(number: int) -> None:
        session, texts = api.session(agent), list[str]()
        for turn in range(10):
            texts.append(f"{directives[(turn + number) % len(directives)]} {number}-{turn}")
            assert api.send(session, message(texts[-1])).status_code == 202
            while (shown := api.get(f"/v1/sessions/{session}"))["status"] != "idle":
                assert shown["stop_reason"] is None
            log = api.log(session)
            assert_complete(log)
            assert_answered(log, *texts)
            assert log[-1]["stop_reason"] == shown["stop_reason"]
            assert shown["stop_reason"]["type"] in ("end_turn", "retries_exhausted")

    with ThreadPoolExecutor(3) as pool:
        list(pool.map(poll_hard, range(3)))


def test_a_session_that_waits_tells_for_what_and_the_log_shows_it(api: Api, model: FakeModel) -> None:
    session = api.session(api.agent(tools=[CLIENT_TOOL]))
    assert api.say(session, "tool:ask_client parallel:2").status_code == 202
    while (shown := api.get(f"/v1/sessions/{session}"))["status"] != "idle":
        pass
    log = api.log(session)
    uses = [event["id"] for event in log if event["type"] == "agent.custom_tool_use"]
    assert shown["stop_reason"]["type"] == "requires_action"
    assert shown["stop_reason"]["event_ids"] == uses
    assert len(uses) == 2
    assert log[-1]["stop_reason"] == shown["stop_reason"]


def test_a_stream_that_shows_idle_agrees_with_every_other_read(api: Api, model: FakeModel) -> None:
    session = api.session()
    for number in range(10):
        frames = api.one_shot(session, f"tokens:3 {number}")
        assert frames[-1].data["type"] == "session.status_idle"
        assert api.status(session) == "idle"
        assert api.log(session)[-1]["id"] == frames[-1].data["id"]
