"""Turns of the loop, one worker at a time."""

from typing import Any

from tests.functional.runs.conftest import QUEUE, Rig, said


def test_a_message_is_answered_in_the_documented_order(rig: Rig) -> None:
    rig.send(said('say:"Paris."'))
    rig.ring()
    rig.assert_whole()
    public = [kind for kind in rig.types() if kind.split(".")[0] in ("session", "user", "agent", "span")]
    assert public == [
        "session.status_running",
        "session.thread_status_running",
        "user.message",
        "span.model_request_start",
        "agent.message",
        "span.model_request_end",
        "session.thread_status_idle",
        "session.usage",
        "session.status_idle",
    ]
    assert rig.head.status == "idle"
    assert rig.head.stop_reason == {"type": "end_turn"}


def test_the_session_runs_from_the_moment_a_message_is_accepted(rig: Rig) -> None:
    rig.send(said("hello"))
    assert rig.head.status == "running"


def test_queued_messages_have_turns_of_their_own(rig: Rig) -> None:
    rig.send(said("first"), manner=QUEUE)
    rig.send(said("second"), manner=QUEUE)
    rig.ring()
    rig.assert_whole()
    order = [kind for kind in rig.types() if kind in ("session.status_running", "user.message", "session.status_idle")]
    assert order == ["session.status_running", "user.message", "session.status_idle"] * 2


def test_steered_messages_waiting_at_the_start_share_a_turn(rig: Rig) -> None:
    rig.send(said("first"), said("second"))
    rig.ring()
    rig.assert_whole()
    assert rig.count("user.message") == 2
    assert rig.count("session.status_idle") == 1
    assert len(rig.model.requests) == 1


def test_a_steered_message_does_not_overtake_a_queued_one(rig: Rig) -> None:
    rig.send(said("one"), manner=QUEUE)
    rig.send(said("two"), manner=QUEUE)
    rig.send(said("three"))
    rig.ring()
    texts = [event.data["content"][0]["text"] for event in rig.log if event.type == "user.message"]
    assert texts == ["one", "two", "three"]
    assert rig.count("session.status_idle") == 2


def test_the_context_holds_all_turns(rig: Rig) -> None:
    for text in ("first", "second", "third"):
        rig.send(said(text))
        rig.ring()
    messages = rig.model.requests[-1]["body"]["messages"]
    assert [message["role"] for message in messages] == ["user", "assistant"] * 2 + ["user"]


def test_a_fresh_process_rebuilds_the_same_request(rig: Rig) -> None:
    rig.send(said('think:"hm" say:"one"'))
    rig.ring()
    rig.send(said("second"))
    rig.ring()
    rig.send(said("third"))
    rig.ring(by=rig.another())
    warm, cold = (request["body"]["messages"] for request in rig.model.requests[-2:])
    assert _bare(cold[: len(warm)]) == _bare(warm)


def _bare(messages: list[dict[str, Any]]) -> list[Any]:
    """The messages without the marks of the prompt cache, which move on with the conversation."""
    blocks = [[dict(block) for block in message["content"]] for message in messages]
    return [[{k: v for k, v in block.items() if k != "cache_control"} for block in content] for content in blocks]


def test_usage_sums_the_model_calls(rig: Rig) -> None:
    for _ in range(3):
        rig.send(said("tokens:7"))
        rig.ring()
    ends = [event.data["model_usage"] for event in rig.log if event.type == "span.model_request_end"]
    assert rig.head.totals.output_tokens == sum(usage["output_tokens"] for usage in ends) == 21
    assert rig.head.totals.input_tokens == sum(usage["input_tokens"] for usage in ends) == 30


def test_a_failure_that_passes_is_announced_and_cured(rig: Rig) -> None:
    rig.send(said('error:529x2 say:"well"'))
    rig.ring()
    rig.assert_whole()
    assert rig.count("session.status_rescheduled") == 2
    assert rig.count("session.error") == 0
    assert rig.count("session.status_running") == 1
    assert rig.head.stop_reason == {"type": "end_turn"}


def test_a_failure_that_stays_ends_the_run_and_not_the_session(rig: Rig) -> None:
    rig.model.script({"error": {"status": 401, "message": "invalid x-api-key", "type": "authentication_error"}})
    rig.send(said("hello"))
    rig.ring()
    rig.assert_whole()
    errors = [event for event in rig.log if event.type == "session.error"]
    assert len(errors) == 1
    assert errors[0].data["error"]["retry_status"] == {"type": "terminal"}
    assert "provider-key" not in str(errors[0].data)
    assert rig.head.stop_reason == {"type": "retries_exhausted"}
    rig.model.script([{"type": "text", "text": "well"}])
    rig.send(said("again"))
    rig.ring()
    assert rig.head.stop_reason == {"type": "end_turn"}


def test_a_client_id_is_taken_once(rig: Rig) -> None:
    first = rig.send(said("hello", "=mine"))
    again = rig.send(said("hello", "=mine"))
    rig.ring()
    assert [event.id for event in first.events] == [event.id for event in again.events] == ["=mine"]
    assert rig.count("user.message") == 1
    later = rig.send(said("hello", "=mine"))
    assert later.events[0].processed_at is not None
