"""The end of a run in the log: every call closed, and on to what waits."""

from chalicelib.events import drafts
from chalicelib.sessions.closing import close_calls, interrupted_run, leave
from tests.unit.sessions.planning import head, queued, running, types, waiting


def test_calls_the_client_did_not_answer_get_an_error_result() -> None:
    given = waiting(a="custom", b="confirmation", c="custom")
    given.calls["c"].answer = "result"
    closed = close_calls(given, "run-1")
    assert [(record.data["tool_use_id"], record.data["is_error"]) for record in closed] == [("a", True), ("b", True)]
    assert given.calls == {}


def test_an_allowed_call_that_was_not_carried_out_is_closed_too() -> None:
    given = waiting(b="confirmation")
    given.calls["b"].answer = "allow"
    assert len(close_calls(given, "run-1")) == 1


def test_leaving_with_nothing_waiting_rests() -> None:
    given = running(active_since=1, last_queued_run="run-1")
    records = leave(given, drafts.END_TURN, [])
    assert types(records) == ["session.thread_status_idle", "session.usage", "session.status_idle"]
    assert (given.status, given.run, given.last_queued_run) == ("idle", None, None)
    assert given.active_since is None
    assert given.totals.active_ms > 0


def test_leaving_with_something_waiting_is_idle_and_running_in_one_step() -> None:
    given = running(last_queued_run="run-2")
    records = leave(given, drafts.END_TURN, [queued(8, run="run-2")])
    assert types(records)[2:] == ["session.status_idle", "session.status_running", "session.thread_status_running"]
    assert given.status == "running"
    assert given.run is not None
    assert (given.run.id, given.run.state, given.run.took) == ("run-2", "queued", False)


def test_a_steered_input_left_over_gets_a_run_of_its_own() -> None:
    given = running()
    records = leave(given, drafts.END_TURN, [queued(8, "steer", "run-1")])
    assert "run.queued" in types(records)
    assert given.run is not None
    assert given.run.id != "run-1"


def test_a_pending_request_to_stop_does_not_outlive_the_run() -> None:
    given = running()
    given.interrupt = object()  # type: ignore[assignment]
    leave(given, drafts.END_TURN, [])
    assert given.interrupt is None


def test_a_cancelled_run_tells_its_cause() -> None:
    record = interrupted_run(running(), "interrupt", cost="0.5")
    assert (record.data["run_id"], record.data["status"], record.data["cause"]) == ("run-1", "cancelled", "interrupt")
    assert record.data["cost"] == "0.5"
    assert interrupted_run(head(), "x").data["run_id"] == ""
