"""Requests to sessions whose tools a worker of the customer runs."""

import pytest

from chalicelib.sessions.errors import BadInput, CallNotOpen
from chalicelib.sessions.inputs import Input
from chalicelib.sessions.model import Call, Head
from chalicelib.sessions.planning import RepeatedAnswer
from tests.unit.sessions.planning import WORKERS, confirmation, head, interrupt, plan, running, said, types, waiting


def worker_result(call: str) -> Input:
    """A worker's result of a tool."""
    return Input("user.tool_result", {"tool_use_id": call, "content": [], "is_error": False}, None, call)


def hosted(**calls: Call) -> Head:
    """A self-hosted session that waits for these calls."""
    return running("waiting", calls=calls, self_hosted=True)


def test_a_message_that_starts_a_run_calls_a_worker_once() -> None:
    planned = plan(head(self_hosted=True), said(), said())
    assert planned.rows.count(WORKERS.write) == 1


def test_nobody_is_called_where_the_server_runs_the_tools() -> None:
    assert WORKERS.write not in plan(head(), said()).rows


def test_a_message_to_a_run_in_hand_calls_nobody() -> None:
    assert WORKERS.write not in plan(running(self_hosted=True), said()).rows


def test_a_result_of_a_worker_is_refused_where_the_server_runs_the_tools() -> None:
    with pytest.raises(BadInput, match="self-hosted") as refused:
        plan(waiting(call="custom"), worker_result("call"))
    assert refused.value.field == "events.0.type"


def test_the_last_result_lets_the_run_go_on() -> None:
    planned = plan(hosted(call=Call("worker", "bash", worker=True)), worker_result("call"))
    assert planned.head.status == "running"
    assert planned.rings
    assert types(planned.records)[0] == "user.tool_result"


def test_a_result_leaves_the_others_open() -> None:
    calls = {name: Call("worker", "bash", worker=True) for name in ("one", "two")}
    planned = plan(hosted(**calls), worker_result("one"))
    assert planned.head.unanswered == ["two"]
    assert planned.records[-1].data["stop_reason"] == {
        "type": "requires_action",
        "event_ids": ["two"],
        "action_type": "tool_result",
    }


def test_an_allowed_call_stays_open_for_the_worker_that_is_called() -> None:
    planned = plan(hosted(call=Call("confirmation", "bash", worker=True)), confirmation("call"))
    assert planned.head.status == "idle"
    assert planned.head.awaits_worker
    assert planned.records[-1].data["stop_reason"]["event_ids"] == ["call"]
    assert WORKERS.write in planned.rows


def test_a_denied_call_is_not_for_the_worker() -> None:
    planned = plan(hosted(call=Call("confirmation", "bash", worker=True)), confirmation("call", "deny"))
    assert planned.head.status == "running"
    assert not planned.head.awaits_worker
    assert WORKERS.write not in planned.rows


def test_a_repeated_confirmation_of_an_allowed_call_is_known_as_such() -> None:
    with pytest.raises(RepeatedAnswer):
        plan(hosted(call=Call("worker", "bash", worker=True)), confirmation("call"))


def test_a_call_that_never_asked_takes_no_second_result_and_an_asking_one_none_at_all() -> None:
    with pytest.raises(RepeatedAnswer):
        plan(hosted(call=Call("worker", "bash", "result", worker=True)), worker_result("call"))
    with pytest.raises(CallNotOpen):
        plan(hosted(call=Call("confirmation", "bash", worker=True)), worker_result("call"))


def test_an_interrupt_closes_what_no_worker_answered_yet() -> None:
    calls = {"done": Call("worker", "bash", "result", worker=True), "open": Call("worker", "bash", worker=True)}
    planned = plan(hosted(**calls), interrupt())
    closed = [record.data["tool_use_id"] for record in planned.records if record.type == "agent.tool_result"]
    assert closed == ["open"]
    assert planned.head.status == "idle"
