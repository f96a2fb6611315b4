"""A model's stream as records and fragments."""

from chalicelib.engine.job import Spoken
from chalicelib.engine.speech import Speech
from chalicelib.models.chunks import (
    BlockDone,
    Chunk,
    Finished,
    TextDelta,
    TextStart,
    ThinkingDelta,
    ThinkingStart,
    ToolInputDelta,
    ToolInputStart,
)
from chalicelib.models.usage import Usage


def heard(*chunks: Chunk) -> Speech:
    speech = Speech()
    for chunk in chunks:
        speech.take(chunk)
    return speech


TEXT = (TextStart(0), TextDelta(0, "Hel"), TextDelta(0, "lo"))
DONE = BlockDone(0, {"type": "text", "text": "Hello"})


def test_fragments_joined_are_the_final_text_and_name_its_record() -> None:
    speech = heard(*TEXT, DONE)
    [(_, record)] = speech.said("run", Spoken())
    assert "".join(one.text for one in speech.fragments if one.phase == "delta") == "Hello"
    assert {one.event_id for one in speech.fragments} == {record.id}
    assert [one.phase for one in speech.fragments] == ["start", "delta", "delta", "end"]
    assert record.data == {"content": [{"type": "text", "text": "Hello"}]}


def test_a_text_that_never_came_is_neither_announced_nor_written() -> None:
    speech = heard(TextStart(0), BlockDone(0, {"type": "text", "text": ""}))
    assert speech.fragments == []
    assert speech.said("run", Spoken()) == []


def test_unfinished_text_is_kept_only_when_asked_for() -> None:
    speech = heard(*TEXT)
    assert speech.said("run", Spoken()) == []
    [(_, record)] = speech.said("run", Spoken(), partial=True)
    assert record.data["content"][0]["text"] == "Hello"
    assert [one.text for one in speech.cut()] == ["aborted"]


def test_unfinished_tool_calls_are_not_carried_out() -> None:
    speech = heard(ToolInputStart(0, "c", "tool"), ToolInputDelta(0, '{"x'))
    assert speech.calls() == []
    assert speech.said("run", Spoken(), partial=True) == []


def test_calls_and_texts_keep_their_places() -> None:
    use = {"type": "tool_use", "id": "c", "name": "tool", "input": {}}
    speech = heard(ToolInputStart(1, "c", "tool"), *TEXT, BlockDone(1, use), DONE)
    [(event_id, block)] = speech.calls()
    assert block == use
    assert speech.places()[event_id] == 1
    assert [place for place, _ in speech.said("run", Spoken())] == [0]


def test_thinking_is_written_with_its_signature_out_of_sight() -> None:
    block = {"type": "thinking", "thinking": "hm", "signature": "s"}
    speech = heard(ThinkingStart(0), ThinkingDelta(0, "hm"), BlockDone(0, block))
    [(_, record)] = speech.said("run", Spoken())
    assert (record.type, record.data, record.private) == ("agent.thinking", {}, {"blocks": [block], "text": "hm"})


def test_the_length_of_what_was_said_is_counted() -> None:
    spoken = Spoken()
    speech = heard(*TEXT, DONE, Finished("end_turn", Usage()))
    speech.said("run", spoken)
    assert spoken.text_length == 5
    assert speech.finished is not None
