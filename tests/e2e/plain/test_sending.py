"""Sending events as a plain client: answers, refusals, queueing, ids, and what a turn leaves in the log."""

import threading

import pytest

from tests.fakes.model_server import FakeModel
from tests.support.api import Api, Json, assert_whole, message, text_of, types_of, wait_for

TURN = [
    "session.status_running",
    "user.message",
    "span.model_request_start",
    "agent.message",
    "span.model_request_end",
    "session.status_idle",
]


def picture(data: str) -> Json:
    """An image block with these bytes."""
    return {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": data}}


def picture_at(url: str) -> Json:
    """A picture behind an address."""
    return {"type": "image", "source": {"type": "url", "url": url}}


def test_a_sent_message_is_accepted_without_a_body_before_the_model_answers(api: Api, model: FakeModel) -> None:
    session = api.session()
    model.hold(match="not yet")
    sent = api.say(session, "not yet")
    assert sent.status_code == 202
    assert sent.content == b""
    assert "agent.message" not in types_of(api.log(session))
    model.release()
    api.wait_idle(session)
    assert "agent.message" in types_of(api.log(session))


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"events": []},
        {"events": "x"},
        {"events": [{}]},
        {"events": [{"type": "agent.message", "content": "x"}]},
        {"events": [{"type": "user.message"}]},
        {"events": [{"type": "user.message", "content": ""}]},
        {"events": [{"type": "user.message", "content": []}]},
        {"events": [{"type": "user.message", "content": [{"type": "hologram"}]}]},
        {"events": [{"type": "user.message", "content": [picture("data:image/png;base64,aGk=")]}]},
        {"events": [{"type": "user.message", "content": [picture_at("file:///etc/passwd")]}]},
        {"events": [{"type": "user.message", "content": [picture_at("data:image/png;base64,aGk=")]}]},
        {"events": [{"type": "user.message", "content": [picture("")]}]},
        {"events": [{"type": "user.tool_confirmation", "tool_use_id": "sevt_x", "result": "perhaps"}]},
        {"events": [{"type": "user.tool_confirmation", "tool_use_id": "sevt_x", "result": "allow"}]},
        {"events": [{"type": "user.custom_tool_result", "custom_tool_use_id": "sevt_x", "content": "x"}]},
        {"events": [{"type": "user.tool_result", "tool_use_id": "sevt_x", "content": "x"}]},
        {"events": [{"type": "user.define_outcome", "description": "x"}]},
    ],
)
def test_what_cannot_be_taken_is_refused_and_leaves_nothing(api: Api, body: Json) -> None:
    session = api.session()
    answer = api.call("POST", f"/v1/sessions/{session}/events", body)
    assert answer.status_code == 400, answer.text
    assert api.log(session) == []
    assert api.status(session) == "idle"


def test_the_refusal_names_the_type_that_cannot_be_sent(api: Api) -> None:
    session = api.session()
    answer = api.send(session, {"type": "agent.message", "content": "x"})
    assert "agent.message" in answer.json()["error"]["message"] or "events.0.type" in answer.json()["error"]["message"]


def test_one_bad_event_keeps_the_whole_batch_out(api: Api) -> None:
    session = api.session()
    answer = api.send(session, message("good"), {"type": "agent.message", "content": "bad"}, message("good too"))
    assert answer.status_code == 400
    unknown_call = {"type": "user.custom_tool_result", "custom_tool_use_id": "sevt_x", "content": "x"}
    assert api.send(session, message("good"), unknown_call).status_code == 400
    assert api.log(session) == []
    assert api.get(f"/v1/sessions/{session}/pending")["data"] == []


def test_a_content_block_naming_an_unknown_file_is_refused(api: Api) -> None:
    session = api.session()
    block = {"type": "document", "source": {"type": "file", "file_id": "file_unknown"}}
    assert api.send(session, {"type": "user.message", "content": [block]}).status_code == 400
    assert api.log(session) == []


def test_a_turn_stands_in_the_log_in_order(api: Api, model: FakeModel) -> None:
    session = api.session()
    log = api.turn(session, 'say:"Paris."')
    assert_whole(log)
    assert [kind for kind in types_of(log) if kind in TURN] == TURN
    by_type = {event["type"]: event for event in log}
    assert by_type["user.message"]["content"] == [{"type": "text", "text": 'say:"Paris."'}]
    assert by_type["agent.message"]["content"] == [{"type": "text", "text": "Paris."}]
    assert by_type["agent.message"]["message_id"] == by_type["agent.message"]["id"]
    assert by_type["session.status_idle"]["stop_reason"] == {"type": "end_turn"}
    assert by_type["span.model_request_end"]["finish_reason"] == "stop"
    assert by_type["span.model_request_end"]["model_request_start_id"] == by_type["span.model_request_start"]["id"]


def test_content_may_be_a_string_and_comes_back_as_blocks(api: Api, model: FakeModel) -> None:
    session = api.session()
    api.send(session, {"type": "user.message", "content": 'say:"yes"'})
    api.wait_idle(session)
    said = next(event for event in api.log(session) if event["type"] == "user.message")
    assert said["content"] == [{"type": "text", "text": 'say:"yes"'}]


@pytest.mark.parametrize("together", [True, False])
def test_two_messages_have_a_turn_each_one_after_the_other(api: Api, model: FakeModel, together: bool) -> None:
    session = api.session()
    if together:
        api.send(session, message('say:"one"'), message('say:"two"'))
    else:
        model.hold(match='say:"one"')
        api.say(session, 'say:"one"')
        api.say(session, 'say:"two"')
        model.release()
    wait_for(lambda: types_of(api.log(session)).count("session.status_idle") == 2, "two turns")
    log = api.log(session)
    assert_whole(log)
    assert [kind for kind in types_of(log) if kind in TURN] == TURN * 2
    assert text_of(log) == ["one", "two"]


def test_a_session_is_running_or_idle_and_nothing_else(api: Api, model: FakeModel) -> None:
    session = api.session()
    other = Api(api.url, api.key)
    seen = [other.status(session)]
    done = threading.Event()

    def watch() -> None:
        while not done.wait(0.005):
            seen.append(other.status(session))
        seen.append(other.status(session))
        other.close()

    watcher = threading.Thread(target=watch)
    model.hold(after_tokens=3, match="slowly")
    watcher.start()
    api.say(session, "slowly tokens:6")
    model.wait_held()
    assert api.status(session) == "running"
    model.release()
    api.wait_idle(session)
    done.set()
    watcher.join(10)
    changes = [status for status, before in zip(seen[1:], seen, strict=False) if status != before]
    assert [seen[0], *changes] == ["idle", "running", "idle"]


@pytest.mark.parametrize("chosen", ["my-own-id", "päckchen 7", "sevt_" + "a" * 32, "x" * 128])
def test_a_clients_id_is_kept_and_counts_once(api: Api, model: FakeModel, chosen: str) -> None:
    session = api.session()
    for _ in range(2):
        assert api.send(session, message("hello", id=chosen)).status_code == 202
    api.wait_idle(session)
    log = api.log(session)
    assert [event["id"] for event in log if event["type"] == "user.message"] == [chosen]
    assert api.send(session, message("hello", id=chosen)).status_code == 202
    assert api.log(session) == log


def test_an_id_twice_in_one_request_counts_once(api: Api, model: FakeModel) -> None:
    session = api.session()
    headers = {"prefer": "return=representation"}
    sent = api.send(session, message('say:"once"', id="same"), message("twice", id="same"), headers=headers)
    assert sent.status_code == 200
    assert [event["id"] for event in sent.json()["data"]] == ["same", "same"]
    api.wait_idle(session)
    assert text_of(api.log(session)) == ["once"]
    started = api.session(initial_events=[message('say:"first"', id="same"), message("second", id="same")])
    api.wait_idle(started)
    assert text_of(api.log(started)) == ["first"]


def test_an_id_that_is_too_long_is_refused(api: Api) -> None:
    session = api.session()
    assert api.send(session, message("hello", id="x" * 129)).status_code == 400


def test_an_id_may_be_used_again_in_another_session(api: Api, model: FakeModel) -> None:
    for session in (api.session(), api.session()):
        api.send(session, message("hello", id="same"))
        api.wait_idle(session)
        assert types_of(api.log(session)).count("user.message") == 1


def test_usage_is_the_sum_of_what_the_provider_reports(api: Api, model: FakeModel) -> None:
    session = api.session()
    api.turn(session, "tokens:7")
    log = api.turn(session, "tokens:5 cached:3")
    ends = [event["model_usage"] for event in log if event["type"] == "span.model_request_end"]
    usage = api.get(f"/v1/sessions/{session}")["usage"]
    assert usage["output_tokens"] == sum(end["output_tokens"] for end in ends) == 12
    assert usage["input_tokens"] == sum(end["input_tokens"] for end in ends) == 20
    assert usage["cache_read_input_tokens"] == sum(end["cache_read_input_tokens"] for end in ends) == 3
    assert usage["cache_creation_input_tokens"] == 0


def test_a_plain_client_may_ask_for_the_accepted_events(api: Api, model: FakeModel) -> None:
    session = api.session()
    sent = api.send(session, message("hello"), headers={"prefer": "return=representation"})
    assert sent.status_code == 200
    (event,) = sent.json()["data"]
    assert event["type"] == "user.message"
    assert event["content"] == [{"type": "text", "text": "hello"}]
    assert event["processed_at"] is None
    api.wait_idle(session)
    assert event["id"] in [row["id"] for row in api.log(session)]


def test_the_same_idempotency_key_sends_once_and_another_body_is_a_conflict(api: Api, model: FakeModel) -> None:
    session = api.session()
    headers = {"idempotency-key": "once-only", "prefer": "return=representation"}
    first = api.send(session, message("hello"), headers=headers)
    again = api.send(session, message("hello"), headers=headers)
    assert first.status_code == again.status_code == 200
    assert first.json() == again.json()
    other = api.send(session, message("something else"), headers=headers)
    assert other.status_code == 409
    assert other.headers["x-should-retry"] == "false"
    api.wait_idle(session)
    assert types_of(api.log(session)).count("user.message") == 1


@pytest.mark.parametrize(
    ("path", "body"),
    [("/v1/agents", {"name": "A", "model": "m"}), ("/v1/environments", {"name": "E"})],
)
def test_a_repeated_create_with_its_key_makes_one_object(api: Api, path: str, body: Json) -> None:
    headers = {"idempotency-key": "make-one"}
    first = api.call("POST", path, body, headers=headers)
    again = api.call("POST", path, body, headers=headers)
    assert first.status_code == again.status_code == 201
    assert first.json() == again.json()
    assert len(api.get(path)["data"]) == 1
    assert api.call("POST", path, body | {"name": "Z"}, headers=headers).status_code == 409


def test_a_refused_request_does_not_use_its_key_up(api: Api) -> None:
    headers = {"idempotency-key": "again"}
    assert api.call("POST", "/v1/agents", {"name": "A"}, headers=headers).status_code == 400
    assert api.call("POST", "/v1/agents", {"name": "A", "model": "m"}, headers=headers).status_code == 201


def test_a_steered_message_joins_the_running_turn(api: Api, model: FakeModel) -> None:
    session = api.session(
        api.agent(tools=[{"type": "custom", "name": "t", "description": "d", "input_schema": {"type": "object"}}])
    )
    model.hold(match="begin")
    api.say(session, "begin")
    model.wait_held()
    steered = api.send(session, message('say:"both"'), params={"input": "steer"})
    assert steered.status_code == 202
    model.release()
    wait_for(lambda: len(text_of(api.log(session))) == 2, "both answers")
    api.wait_idle(session)
    log = api.log(session)
    assert types_of(log).count("session.status_running") >= 1
    assert [event["content"][0]["text"] for event in log if event["type"] == "user.message"] == ["begin", 'say:"both"']


def test_a_message_sent_as_an_interrupt_stops_the_turn_and_runs(api: Api, model: FakeModel) -> None:
    session = api.session()
    model.hold(after_tokens=2, match="long work")
    api.say(session, "long work tokens:9")
    model.wait_held()
    assert api.send(session, message('say:"urgent"'), params={"input": "interrupt"}).status_code == 202
    wait_for(lambda: "urgent" in text_of(api.log(session)), "the urgent answer")
    api.wait_idle(session)
    kinds = types_of(api.log(session))
    assert kinds.index("user.interrupt") < len(kinds) - 1 - kinds[::-1].index("user.message")
    assert model.wait_disconnected()["text"] == "long work tokens:9"


def test_an_unknown_way_of_input_is_refused(api: Api) -> None:
    session = api.session()
    assert api.send(session, message("x"), params={"input": "whisper"}).status_code == 400
    assert api.log(session) == []


def test_waiting_inputs_are_listed_until_they_are_taken(api: Api, model: FakeModel) -> None:
    session = api.session()
    model.hold(match="first")
    api.say(session, "first")
    model.wait_held()
    api.send(session, message("second", id="mine"))
    (waiting,) = api.get(f"/v1/sessions/{session}/pending")["data"]
    assert waiting["event_id"] == "mine"
    assert waiting["type"] == "user.message"
    assert waiting["session_thread_id"] == "sthr_primary"
    assert waiting["pending_seq"] > 0
    assert waiting["enqueued_at"]
    assert waiting["cancelled_at"] is None
    assert waiting["data"]["content"] == [{"type": "text", "text": "second"}]
    assert "mine" not in [event["id"] for event in api.log(session)]
    model.release()
    wait_for(lambda: api.get(f"/v1/sessions/{session}/pending")["data"] == [], "the queue to empty")
    api.wait_idle(session)
