"""What a request's inputs do to a session, judged as one step."""

from dataclasses import asdict

import pytest

from chalicelib.core.errors import LambentError
from chalicelib.sessions.errors import BadInput, CallNotOpen, SessionEnded, WaitingForAnswers
from chalicelib.sessions.inputs import Input
from chalicelib.sessions.model import Interrupt
from chalicelib.sessions.planning import RepeatedAnswer
from tests.unit.sessions.planning import (
    QUEUE,
    STEER,
    confirmation,
    head,
    interrupt,
    plan,
    queued,
    result,
    running,
    said,
    types,
    waiting,
)


def test_a_message_to_a_resting_session_makes_it_run_at_once() -> None:
    planner = plan(head(), said())
    assert types(planner.records) == [
        "input.queued",
        "run.queued",
        "session.status_running",
        "session.thread_status_running",
    ]
    assert (planner.head.status, planner.head.queued, planner.rings) == ("running", 1, True)
    assert planner.head.run is not None
    assert planner.head.run.state == "queued"


def test_the_given_head_is_not_touched() -> None:
    given = head()
    before = asdict(given)
    plan(given, said(), said())
    assert asdict(given) == before


def test_queued_messages_get_runs_of_their_own_and_steered_ones_share() -> None:
    apart = plan(head(), said(), said(), manner=QUEUE)
    assert len({record.run for record in apart.records if record.type == "input.queued"}) == 2
    together = plan(head(), said(), said(), manner=STEER)
    assert len({record.run for record in together.records if record.type == "input.queued"}) == 1
    assert types(together.records).count("run.queued") == 1


def test_a_steered_message_goes_to_the_last_queued_run_so_that_order_holds() -> None:
    planner = plan(running(last_queued_run="run-9"), said(), manner=STEER)
    assert planner.records[0].data["run_id"] == "run-9"


def test_inbox_rows_stand_in_the_order_of_their_records() -> None:
    planner = plan(running(), said("a"), said("b"), said("c"))
    keys = [row.request["Item"]["sk"]["S"] for row in planner.rows]
    assert keys == sorted(keys)
    assert len(set(keys)) == 3


def test_a_message_is_refused_while_the_client_has_to_answer() -> None:
    with pytest.raises(WaitingForAnswers) as refused:
        plan(waiting(a="custom", b="confirmation"), said())
    assert refused.value.details == {"event_ids": ["a", "b"]}


def test_an_answer_before_the_message_in_one_request_opens_the_way() -> None:
    planner = plan(waiting(a="custom"), result("a"), said())
    assert types(planner.records)[:2] == ["user.custom_tool_result", "run.resumed"]
    assert planner.head.queued == 1


def test_an_interrupt_before_the_message_in_one_request_opens_the_way() -> None:
    planner = plan(waiting(a="custom"), interrupt(), said())
    assert planner.head.status == "running"
    assert planner.head.unanswered == []


def test_the_last_answer_resumes_the_run_and_earlier_ones_tell_what_is_left() -> None:
    first = plan(waiting(a="custom", b="confirmation"), result("a"))
    assert first.head.stop_reason is not None
    assert first.head.stop_reason["event_ids"] == ["b"]
    assert (first.head.status, first.rings) == ("idle", False)
    last = plan(first.head, confirmation("b"))
    assert (last.head.status, last.head.stop_reason, last.rings) == ("running", None, True)
    assert last.head.run is not None
    assert last.head.run.state == "queued"
    assert "permission.answered" in types(last.records)


def test_an_answer_while_the_run_still_works_does_not_start_it_twice() -> None:
    given = waiting(a="custom")
    assert given.run is not None
    given.run.state = "running"
    planner = plan(given, result("a"))
    assert types(planner.records) == ["user.custom_tool_result"]
    assert not planner.rings


def test_an_answer_of_the_wrong_kind_is_refused() -> None:
    with pytest.raises(CallNotOpen):
        plan(waiting(a="custom"), confirmation("a"))


@pytest.mark.parametrize("call", ["a", "unknown"])
def test_an_answered_or_unknown_call_is_looked_up(call: str) -> None:
    answered = plan(waiting(a="custom", b="custom"), result("a"))
    with pytest.raises(RepeatedAnswer):
        plan(answered.head, result(call))


def test_an_interrupt_of_a_working_run_is_left_to_its_worker() -> None:
    planner = plan(running(), interrupt())
    assert planner.head.interrupt == Interrupt(planner.receipt.interrupt or "", 11, drop_queued=True)
    assert (planner.head.status, planner.rings) == ("running", True)
    assert planner.receipt.events[0].processed_at is None


def test_an_interrupt_of_a_waiting_run_is_carried_out_at_once() -> None:
    planner = plan(waiting(a="custom", b="confirmation"), interrupt())
    assert planner.head.status == "idle"
    assert planner.head.stop_reason == {"type": "end_turn"}
    assert (planner.head.run, planner.head.calls) == (None, {})
    closed = [record.data["tool_use_id"] for record in planner.records if record.type == "agent.tool_result"]
    assert closed == ["a", "b"]
    assert types(planner.records)[-1] == "session.status_idle"


def test_an_interrupt_drops_what_waits_only_where_asked_to() -> None:
    given = waiting(a="custom")
    given.queued = 1
    dropped = plan(given, interrupt(), manner=QUEUE, inbox=(queued(8),))
    assert "input.removed" in types(dropped.records)
    assert (dropped.head.status, dropped.head.queued) == ("idle", 0)
    kept = plan(given, interrupt(), manner=STEER, inbox=(queued(8),))
    assert "input.removed" not in types(kept.records)
    assert kept.head.status == "running"
    assert kept.head.run is not None
    assert kept.head.run.id == "run-2"


def test_an_interrupt_with_nothing_to_stop_is_recorded_only_where_asked_to() -> None:
    assert types(plan(head(), interrupt(), manner=STEER).records) == ["user.interrupt"]
    assert plan(head(), interrupt(), manner=QUEUE).records == []


@pytest.mark.parametrize("item", [said(), interrupt(), result("a"), Input("system.message", {"content": []})])
@pytest.mark.parametrize("ended", [{"archived_at": 1}, {"status": "terminated"}])
def test_an_ended_session_takes_nothing(item: Input, ended: dict[str, object]) -> None:
    with pytest.raises(SessionEnded):
        plan(head(**ended), item)


def test_a_system_message_needs_what_it_belongs_to() -> None:
    system = Input("system.message", {"content": []})
    with pytest.raises(BadInput):
        plan(head(), system)
    assert plan(head(), said(), system).head.queued == 2
    assert "system.message" in types(plan(waiting(a="custom"), result("a"), system).records)


def test_what_a_client_may_not_send_is_refused() -> None:
    with pytest.raises(LambentError):
        plan(head(), Input("agent.message", {}))


def test_a_client_id_is_remembered_with_the_input() -> None:
    planner = plan(head(), said("x", "=mine"))
    assert planner.receipt.events[0].id == "=mine"
    assert [row.request["Item"]["sk"]["S"] for row in planner.rows][1] == "E#=mine"
