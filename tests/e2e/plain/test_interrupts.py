"""Interrupt and cancel as plain clients send them."""

import time

import pytest

from tests.fakes.model_server import FakeModel
from tests.support.api import Api, assert_whole, message, text_of, types_of, wait_for

INTERRUPT = {"type": "user.interrupt"}


def _busy(api: Api, model: FakeModel, words: str) -> str:
    session = api.session()
    model.hold(after_tokens=2, match=words)
    api.say(session, f"{words} tokens:9")
    model.wait_held()
    return session


def _stop(api: Api, session: str, how: str) -> None:
    if how == "interrupt":
        assert api.send(session, INTERRUPT).status_code == 202
    else:
        answer = api.call("POST", f"/v1/sessions/{session}/cancel")
        assert answer.status_code == 200
        assert answer.json()["id"] == session
        assert answer.json()["status"] == "idle"


@pytest.mark.parametrize("how", ["interrupt", "cancel"])
def test_a_slow_model_call_is_stopped_within_about_a_second(api: Api, model: FakeModel, how: str) -> None:
    session = _busy(api, model, f"stop by {how}")
    began = time.monotonic()
    _stop(api, session, how)
    wait_for(lambda: api.status(session) == "idle", "the session to rest", within=2)
    assert time.monotonic() - began < 2
    model.wait_disconnected(timeout=2)
    log = api.log(session)
    assert_whole(log)
    assert types_of(log).count("user.interrupt") == 1
    idle = [event for event in log if event["type"] == "session.status_idle"]
    assert [event["stop_reason"] for event in idle] == [{"type": "end_turn"}]
    end = next(event for event in log if event["type"] == "span.model_request_end")
    assert end["finish_reason"] == "aborted"


def test_the_text_so_far_is_kept_and_its_parts_end_as_aborted(api: Api, model: FakeModel) -> None:
    session = api.session()
    stream = api.stream(f"/v1/sessions/{session}/events/stream?include=chunks")
    model.hold(after_tokens=4, match="half a text")
    api.say(session, "half a text tokens:9")
    model.wait_held()
    stream.wait("agent.message_chunk")
    _stop(api, session, "interrupt")
    stream.wait("session.status_idle")
    stream.close()
    (kept,) = text_of(api.log(session))
    assert 1 <= len(kept.split()) < 9
    assert "hi word word word word word word word word".startswith(kept.strip())
    end = next(frame.data for frame in stream.frames if frame.data["type"] == "agent.message_stream_end")
    assert end["status"] in ("aborted", "interrupted")


@pytest.mark.parametrize("how", ["interrupt", "cancel"])
def test_what_waits_behind_the_turn_is_dropped(api: Api, model: FakeModel, how: str) -> None:
    session = _busy(api, model, f"ahead of {how}")
    stream = api.stream(f"/v1/sessions/{session}/events/stream?include=chunks")
    api.send(session, message("second", id="second"), message("third", id="third"))
    queued = {row["event_id"]: row for row in api.get(f"/v1/sessions/{session}/pending")["data"]}
    _stop(api, session, how)
    stream.wait("session.status_idle")
    stream.close()
    dropped = [frame.data for frame in stream.frames if frame.data["type"] == "system.user_message_cancelled"]
    assert [one["event_id"] for one in dropped] == ["second", "third"]
    assert [one["pending_seq"] for one in dropped] == [queued[name]["pending_seq"] for name in ("second", "third")]
    assert all(one["cancelled_at"] and one["session_thread_id"] == "sthr_primary" for one in dropped)
    log = api.log(session)
    assert types_of(log).count("user.message") == types_of(log).count("session.status_running") == 1
    assert api.get(f"/v1/sessions/{session}/pending")["data"] == []


def test_dropped_inputs_stay_visible_to_who_asks_for_them(api: Api, model: FakeModel) -> None:
    session = _busy(api, model, "ahead of two")
    api.send(session, message("second", id="second"))
    _stop(api, session, "interrupt")
    path = f"/v1/sessions/{session}/pending"
    assert api.get(path)["data"] == []
    (gone,) = api.get(path, include_cancelled="true")["data"]
    assert gone["event_id"] == "second"
    assert gone["type"] == "user.message"
    assert gone["cancelled_at"] >= gone["enqueued_at"]
    assert gone["data"]["content"] == [{"type": "text", "text": "second"}]


def test_an_sdks_interrupt_leaves_what_waits(api: Api, sdk_api: Api, model: FakeModel) -> None:
    session = _busy(api, model, "kept waiting")
    api.send(session, message('say:"still answered"'))
    assert sdk_api.send(session, INTERRUPT).status_code == 200
    wait_for(lambda: "still answered" in text_of(api.log(session)), "the waiting message's answer")
    api.wait_idle(session)
    log = api.log(session)
    assert_whole(log)
    assert types_of(log).count("session.status_running") == types_of(log).count("session.status_idle") == 2


def test_cancelling_an_idle_session_adds_nothing(api: Api, model: FakeModel) -> None:
    session = api.session()
    log = api.turn(session, "hello")
    _stop(api, session, "cancel")
    _stop(api, session, "interrupt")
    assert api.log(session) == log
    assert api.call("POST", "/v1/sessions/sesn_unknown/cancel").status_code == 404


def test_the_next_message_is_answered_as_ever(api: Api, model: FakeModel) -> None:
    session = _busy(api, model, "interrupted once")
    _stop(api, session, "interrupt")
    api.wait_idle(session)
    log = api.turn(session, 'say:"all good"')
    assert_whole(log)
    assert text_of(log)[-1] == "all good"
    assert log[-1]["stop_reason"] == {"type": "end_turn"}


def test_an_interrupt_and_a_message_together_stop_and_go_on(api: Api, model: FakeModel) -> None:
    session = _busy(api, model, "change of plan")
    assert api.send(session, INTERRUPT, message('say:"new plan"')).status_code == 202
    wait_for(lambda: "new plan" in text_of(api.log(session)), "the new plan")
    api.wait_idle(session)
    kinds = [kind for kind in types_of(api.log(session)) if kind in ("user.message", "user.interrupt")]
    assert kinds == ["user.message", "user.interrupt", "user.message"]


def test_two_interrupts_at_once_stop_once_and_are_both_on_record(api: Api, model: FakeModel) -> None:
    session = _busy(api, model, "stop and stop")
    assert api.send(session, INTERRUPT | {"id": "first"}, INTERRUPT | {"id": "second"}).status_code == 202
    api.wait_idle(session)
    log = api.log(session)
    assert_whole(log)
    assert {event["id"] for event in log if event["type"] == "user.interrupt"} == {"first", "second"}
    assert types_of(log).count("session.status_idle") == 1


def test_interrupting_one_session_leaves_the_others_alone(api: Api, model: FakeModel) -> None:
    agent, environment = api.agent(), api.environment()["id"]
    one, two = (api.session(agent, environment_id=environment) for _ in range(2))
    model.hold(after_tokens=2, match="side by side")
    for session in (one, two):
        api.say(session, "side by side tokens:4")
    model.wait_held(2)
    _stop(api, one, "interrupt")
    assert api.wait_idle(one)["status"] == "idle"
    assert api.status(two) == "running"
    model.release()
    api.wait_idle(two)
    assert text_of(api.log(two)) == ["hi word word word"]
    assert "user.interrupt" not in types_of(api.log(two))


def test_an_interrupt_for_an_unknown_thread_is_refused(api: Api, model: FakeModel) -> None:
    session = _busy(api, model, "whose thread")
    assert api.send(session, INTERRUPT | {"session_thread_id": "sthr_other"}).status_code == 404
    assert api.status(session) == "running"
    assert api.send(session, INTERRUPT | {"session_thread_id": "sthr_primary"}).status_code == 202
    api.wait_idle(session)
