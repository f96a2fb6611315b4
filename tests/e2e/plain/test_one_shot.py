"""Posting a message and reading its turn in the same request."""

import pytest

from tests.fakes.model_server import FakeModel
from tests.support.api import Api, Frame, Json, assert_whole, frames, message, text_of, types_of, wait_for


def _text(frame: Frame) -> str:
    return str(frame.data["content"][0]["text"])


def test_the_turn_begins_with_the_echo_and_ends_with_idle(api: Api, model: FakeModel) -> None:
    session = api.session()
    found = api.one_shot(session, 'say:"Paris."')
    assert found[0].data["type"] == "user.message"
    assert _text(found[0]) == 'say:"Paris."'
    assert found[-1].data["type"] == "session.status_idle"
    assert text_of([frame.data for frame in found]) == ["Paris."]
    assert all(frame.event == frame.data["type"] for frame in found)
    stored = [(int(frame.id), frame.data["id"]) for frame in found if frame.id]
    log = [(event["seq"], event["id"]) for event in api.log(session)]
    assert stored == log[-len(stored) :]


def test_parts_of_the_text_come_without_asking(api: Api, model: FakeModel) -> None:
    session = api.session()
    found = api.one_shot(session, 'say:"word by word" gap:30')
    kinds = [frame.data["type"] for frame in found]
    assert {"agent.message_stream_start", "agent.message_chunk", "agent.message_stream_end"} <= set(kinds)
    parts = [frame.data["delta"] for frame in found if frame.data["type"] == "agent.message_chunk"]
    assert "".join(parts) == "word by word"


def test_content_may_be_blocks(api: Api, model: FakeModel) -> None:
    session = api.session()
    body = {"content": [{"type": "text", "text": 'say:"blocks"'}]}
    with api.client.stream("POST", f"/v1/sessions/{session}/messages", json=body) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        found = list(frames(answer.iter_lines()))
    assert text_of([frame.data for frame in found]) == ["blocks"]


@pytest.mark.parametrize("body", [{}, {"content": ""}, {"content": []}, {"content": None}, {"content": 7}])
def test_nothing_to_say_is_refused(api: Api, body: Json) -> None:
    session = api.session()
    answer = api.call("POST", f"/v1/sessions/{session}/messages", body)
    assert answer.status_code == 400
    assert answer.headers["content-type"].startswith("application/json")
    assert api.log(session) == []


def test_an_unknown_session_is_a_json_error(api: Api) -> None:
    answer = api.call("POST", "/v1/sessions/sesn_unknown/messages", {"content": "x"})
    assert answer.status_code == 404
    assert answer.json()["error"]["type"] == "not_found"


def test_a_dropped_connection_does_not_stop_the_turn(api: Api, model: FakeModel) -> None:
    session = api.session()
    model.hold(after_tokens=2, match="ring off")
    path = f"/v1/sessions/{session}/messages"
    with api.client.stream("POST", path, json={"content": "ring off tokens:5"}) as answer:
        next(answer.iter_lines())
        model.wait_held()
    model.release()
    api.wait_idle(session)
    assert text_of(api.log(session)) == ["hi word word word word"]


def test_the_log_is_the_same_as_after_sending_events(api: Api, model: FakeModel) -> None:
    one_shot, sent = api.session(), api.session()
    api.one_shot(one_shot, 'say:"same"')
    api.turn(sent, 'say:"same"')
    first, second = api.log(one_shot), api.log(sent)
    assert_whole(first)
    assert types_of(first) == types_of(second)
    for one, two in zip(first, second, strict=True):
        assert set(one) == set(two)
        assert one.get("content") == two.get("content")


def test_a_repeated_message_is_not_said_again_and_its_turn_is_read_again(api: Api, model: FakeModel) -> None:
    for body, headers in (
        ({"content": 'say:"once"', "id": "mine"}, {}),
        ({"content": 'say:"once"'}, {"idempotency-key": "mine"}),
    ):
        session = api.session()
        path, seen = f"/v1/sessions/{session}/messages", []
        for _ in range(2):
            with api.client.stream("POST", path, json=body, headers=headers) as answer:
                seen.append([frame for frame in frames(answer.iter_lines()) if frame.id])
        assert seen[0] == seen[1]
        assert text_of([frame.data for frame in seen[1]]) == ["once"]
        assert types_of(api.log(session)).count("user.message") == 1
    other = api.call("POST", path, {"content": "something else"}, headers=headers)
    assert other.status_code == 409


def test_frames_of_an_earlier_turn_are_withheld(api: Api, model: FakeModel) -> None:
    session = api.session()
    model.hold(after_tokens=2, match="earlier")
    api.say(session, "earlier tokens:4")
    model.wait_held()
    path = f"/v1/sessions/{session}/messages"
    with api.client.stream("POST", path, json={"content": 'say:"mine"'}) as answer:
        lines = answer.iter_lines()
        assert next(lines) == "retry: 1000"
        model.release()
        found = list(frames(lines))
    assert found[0].data["type"] == "user.message"
    assert _text(found[0]) == 'say:"mine"'
    assert text_of([frame.data for frame in found]) == ["mine"]
    assert [frame.data["type"] for frame in found].count("session.status_idle") == 1


def test_a_message_cancelled_before_its_turn_ends_its_stream(api: Api, model: FakeModel) -> None:
    session = api.session()
    model.hold(after_tokens=2, match="in the way")
    api.say(session, "in the way tokens:4")
    model.wait_held()
    path = f"/v1/sessions/{session}/messages"
    with api.client.stream("POST", path, json={"content": "never", "id": "never"}) as answer:
        lines = answer.iter_lines()
        assert next(lines) == "retry: 1000"
        wait_for(lambda: api.get(f"/v1/sessions/{session}/pending")["data"], "the message to queue")
        api.send(session, {"type": "user.interrupt"})
        found = list(frames(lines))
    assert [(frame.event, frame.data["event_id"]) for frame in found] == [("system.user_message_cancelled", "never")]
    assert "never" not in [event["id"] for event in api.log(session)]


def test_a_message_to_a_session_that_waits_for_answers_is_refused(api: Api, model: FakeModel) -> None:
    tool = {"type": "custom", "name": "ask", "description": "d", "input_schema": {"type": "object"}}
    session = api.session(api.agent(tools=[tool]))
    found = api.one_shot(session, "tool:ask")
    assert found[-1].data["stop_reason"]["type"] == "requires_action"
    refused = api.call("POST", f"/v1/sessions/{session}/messages", {"content": "anyone?"})
    assert refused.status_code == 400
    assert "waiting on responses to events" in refused.json()["error"]["message"]
    assert api.send(session, message("anyone?")).status_code == 400
