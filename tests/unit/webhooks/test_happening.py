"""What records of a session's log mean to those outside."""

from typing import Any

import pytest

from chalicelib.core.ids import new_id
from chalicelib.events.event import Event
from chalicelib.events.log import SessionRef
from chalicelib.storage.keys import Space
from chalicelib.webhooks.happening import of_records
from chalicelib.webhooks.kinds import KINDS

REF = SessionRef(Space(new_id()), new_id())


def record(kind: str, **data: Any) -> Event:
    return Event(7, 1234, kind, data, new_id())


@pytest.mark.parametrize(
    ("event", "told"),
    [
        (record("session.created"), ["session.created"]),
        (record("run.queued"), ["session.pending"]),
        (record("session.status_running"), ["session.running", "session.status_run_started"]),
        (record("session.status_idle", stop_reason={"type": "end_turn"}), ["session.idled", "session.status_idled"]),
        (
            record("session.status_idle", stop_reason={"type": "requires_action", "event_ids": []}),
            ["session.idled", "session.status_idled", "session.requires_action"],
        ),
        (
            record("session.status_idle", stop_reason={"type": "budget_reached"}),
            ["session.idled", "session.status_idled", "session.budget_reached"],
        ),
        (record("session.status_idle", stop_reason=None), ["session.idled", "session.status_idled"]),
        (record("session.status_rescheduled"), ["session.status_rescheduled"]),
        (record("session.status_terminated", reason="archived"), ["session.status_terminated", "session.archived"]),
        (record("session.status_terminated", reason="fault"), ["session.status_terminated"]),
        (record("session.updated", title="x"), ["session.updated"]),
        (record("session.deleted"), ["session.deleted"]),
        (record("session.thread_created", session_thread_id="sthr_a"), ["session.thread_created"]),
        (record("session.thread_status_idle", session_thread_id="sthr_a"), ["session.thread_idled"]),
        (record("session.thread_status_terminated", session_thread_id="sthr_a"), ["session.thread_terminated"]),
        (record("session.thread_status_running", session_thread_id="sthr_a"), []),
        (record("span.outcome_evaluation_end", outcome_id="o"), ["session.outcome_evaluation_ended"]),
        (record("agent.message"), []),
        (record("user.message"), []),
        (record("session.usage"), []),
    ],
    ids=lambda value: value.type if isinstance(value, Event) else "",
)
def test_a_record_is_told_as(event: Event, told: list[str]) -> None:
    happened = of_records(REF, [event])
    assert [one.type for one in happened] == told
    assert {one.type for one in happened} <= KINDS
    assert {(one.thing, one.at) for one in happened} <= {(REF.id, 1234)}


def test_only_what_concerns_a_thread_names_it() -> None:
    events = [
        record("session.thread_created", session_thread_id="sthr_a"),
        record("session.updated", session_thread_id="x"),
    ]
    assert [one.more for one in of_records(REF, events)] == [{"session_thread_id": "sthr_a"}, {}]


def test_the_same_record_is_always_told_under_the_same_ids() -> None:
    events = [record("session.status_running"), record("session.status_running")]
    ids = [one.id for one in of_records(REF, events)]
    assert ids == [one.id for one in of_records(REF, events)]
    assert len(set(ids)) == 4
