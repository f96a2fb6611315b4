"""Records keep everything through their stored form, and drafts get consecutive places."""

from chalicelib.core.jsonio import dumps, loads
from chalicelib.events.event import Draft, Event, number


def test_a_record_survives_its_stored_form() -> None:
    event = Event(7, 1_000, "agent.message", {"content": []}, "id-1", "run-1", {"cost": "0.1"}, "thread")
    assert Event.unpacked(7, loads(dumps(event.packed()))) == event


def test_drafts_are_numbered_without_gaps_from_the_first_place() -> None:
    drafts = [Draft("a", {"n": n}, run="r", private={"p": n}) for n in range(5)]
    events = number(drafts, 41, 99)
    assert [event.seq for event in events] == [41, 42, 43, 44, 45]
    assert {event.at for event in events} == {99}
    assert [(e.type, e.data, e.id, e.run, e.private) for e in events] == [
        (d.type, d.data, d.id, d.run, d.private) for d in drafts
    ]


def test_every_draft_has_an_id_of_its_own() -> None:
    assert len({Draft("a").id for _ in range(100)}) == 100
