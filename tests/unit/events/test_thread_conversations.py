"""The conversations of other agents' threads, folded beside the primary one."""

from typing import Any

from chalicelib.events.event import Event
from chalicelib.events.projections.conversation import Conversation

USAGE = {"input_tokens": 10, "output_tokens": 3, "cache_read_input_tokens": 0, "cache_creation_input_tokens": 0}
WAITS, ENDS = {"type": "requires_action", "event_ids": ["u"]}, {"type": "end_turn"}


def fold(*records: tuple[str, str | None, dict[str, Any], dict[str, Any] | None]) -> Conversation:
    """A conversation of records: type, thread, data, private data."""
    conversation = Conversation()
    for seq, (kind, thread, data, private) in enumerate(records, 1):
        conversation.apply(Event(seq, seq, kind, data, f"e-{seq}", "run", private, thread))
    return conversation


def text(said: str) -> dict[str, Any]:
    return {"content": [{"type": "text", "text": said}], "from_agent_name": "Other"}


BEGUN = [
    ("session.thread_status_running", "t", {}, None),
    ("agent.thread_message_received", "t", text("dig"), {"prompt": True}),
]


def test_a_thread_has_messages_of_its_own() -> None:
    folded = fold(("user.message", None, text("go"), None), *BEGUN, ("agent.message", "t", text("dug"), None))
    assert [message["role"] for message in folded.messages] == ["user"]
    child = folded.children["t"]
    assert [message["role"] for message in child.messages] == ["user", "assistant"]
    assert child.since == 2
    assert folded.seq == 4


def test_a_message_that_asks_is_to_be_answered_and_news_are_not() -> None:
    folded = fold(*BEGUN, ("agent.thread_message_received", None, text("all dug"), {"news": True}))
    assert folded.children["t"].answering
    assert not folded.answering
    assert folded.messages[0]["content"][0]["text"] == "<message from='Other'>\nall dug\n</message>"


def test_what_answers_a_tool_use_is_not_told_twice() -> None:
    assert fold(("agent.thread_message_received", None, text("dug"), None)).messages == []


def test_all_use_is_to_be_billed_to_the_session_and_the_threads_own_to_the_thread() -> None:
    end = {"model": "m", "model_usage": USAGE, "is_error": False}
    folded = fold(*BEGUN, ("span.model_request_end", "t", end, {"cost": "0.5"}))
    for conversation in (folded, folded.children["t"]):
        assert conversation.unbilled.tokens["input_tokens"] == 10
        assert str(conversation.unbilled.cost) == "0.5"
    assert folded.last_input_tokens == 0


def test_one_that_waits_is_kept_and_one_that_ended_is_forgotten() -> None:
    end = {"model": "m", "model_usage": USAGE, "is_error": False}
    waits = [
        *BEGUN,
        ("span.model_request_end", "t", end, None),
        ("session.thread_status_idle", "t", {"stop_reason": WAITS}, None),
    ]
    folded = fold(*waits)
    assert folded.children["t"].unbilled.model_calls == 0
    assert folded.unbilled.model_calls == 1
    over = fold(*waits, ("session.thread_status_idle", "t", {"stop_reason": ENDS}, None))
    assert over.children == {}


def test_records_after_the_end_begin_nothing() -> None:
    folded = fold(
        *BEGUN,
        ("session.thread_status_idle", "t", {"stop_reason": ENDS}, None),
        ("session.thread_status_terminated", "t", {}, None),
    )
    assert folded.children == {}


def test_a_call_of_another_agent_knows_its_thread() -> None:
    folded = fold(("agent.tool_use", None, {"name": "call", "input": {}}, {"thread": "t"}))
    assert [use.thread for use in folded.pending] == ["t"]
