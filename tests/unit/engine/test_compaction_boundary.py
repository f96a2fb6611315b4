"""Where the kept part of a context may begin."""

from types import SimpleNamespace
from typing import Any

from chalicelib.engine import compaction
from chalicelib.events.event import Event
from chalicelib.events.projections.conversation import Conversation

WORDS = "x" * 20_000


def _folded(*records: tuple[str, dict[str, Any]]) -> Conversation:
    conversation = Conversation()
    for seq, (kind, data) in enumerate(records, 1):
        conversation.apply(Event(seq, seq, kind, data, f"id-{seq}"))
    return conversation


def _said(kind: str, text: str) -> tuple[str, dict[str, Any]]:
    return kind, {"content": [{"type": "text", "text": text}]}


def _kept_from(conversation: Conversation, window: int = 16_385) -> int:
    job: Any = SimpleNamespace(conversation=conversation, window=window)
    boundary = compaction._boundary(job)
    return conversation.begins[boundary] if boundary else 0


TOTALS = ("session.usage", {"usage": {}})
FIRST_TURN = (_said("user.message", WORDS), _said("agent.message", WORDS), TOTALS)
SECOND_TURN = (_said("user.message", WORDS), _said("agent.message", WORDS), TOTALS)


def test_it_begins_with_the_newest_turn() -> None:
    conversation = _folded(*FIRST_TURN, *SECOND_TURN, _said("user.message", WORDS))
    assert _kept_from(conversation) == 7


def test_a_message_steered_into_the_turn_does_not_leave_its_model_calls_behind() -> None:
    steered = (_said("agent.message", "hm"), _said("user.message", WORDS))
    conversation = _folded(*FIRST_TURN, *SECOND_TURN, _said("user.message", WORDS), *steered)
    assert _kept_from(conversation) == 7


def test_without_an_older_part_there_is_none() -> None:
    assert _kept_from(_folded(_said("user.message", WORDS))) == 0


def test_words_that_join_an_unanswered_message_do_not_keep_everything() -> None:
    unanswered = (_said("user.message", WORDS), TOTALS, _said("user.message", "again"))
    assert _kept_from(_folded(*FIRST_TURN, *SECOND_TURN, *unanswered)) == 7


def test_a_picture_weighs_as_much_in_a_result_as_by_itself() -> None:
    picture = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "x" * 4_000_000}}
    use = ("agent.tool_use", {"name": "read", "input": {}, "evaluated_permission": "allow"})
    result = ("agent.tool_result", {"tool_use_id": "id-5", "content": [picture]})
    looked = (("user.message", {"content": [picture]}), use, result)
    conversation = _folded(*FIRST_TURN, *looked, _said("agent.message", "seen"), TOTALS, _said("user.message", "go on"))
    assert 10_000 < conversation.weight < 14_000
    # All of the turn with both pictures is within the share of the window that is kept.
    assert _kept_from(conversation, 20_000) == 4
