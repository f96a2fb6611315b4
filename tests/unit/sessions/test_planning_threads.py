"""What a request's inputs do to the threads of other agents."""

from dataclasses import asdict, replace
from typing import Any

import pytest

from chalicelib.core.errors import LambentError
from chalicelib.events.log import Tail
from chalicelib.sessions.errors import ThreadArchived, ThreadNotFound, ThreadRunning, WaitingForAnswers
from chalicelib.sessions.inputs import Input, Manner
from chalicelib.sessions.model import Call, Head, Interrupt, RunMark, Thread
from chalicelib.sessions.planning import Planner
from chalicelib.sessions.store import Loaded
from tests.unit.sessions.planning import QUEUE, REF, STEER, STORE, WORKERS, head, queued, running, types


def thread(thread_id: str = "t", **fields: Any) -> Thread:
    """A thread at rest."""
    return Thread(thread_id, "Other", {"type": "self"}, 1, 1, 1, [1], **fields)


def waits(*threads: str, state: str = "waiting", **calls: Call) -> Head:
    """A session whose threads wait for the client, each for one call of the same name."""
    made = running(state, calls={one: Call("custom", "tool", thread=one) for one in threads} | calls)
    made.threads = {one: thread(one, use=f"use-{one}", step="s", status="waiting") for one in threads}
    made.open_threads = len(threads)
    return made


def planner(session: Head, *resting: Thread, manner: Manner = STEER, inbox: Any = ()) -> Planner:
    loaded = Loaded(session, Tail(10, 1), inbox=list(inbox))
    return Planner(STORE, REF, loaded, manner, WORKERS, {one.id: one for one in resting})


def take(made: Planner, *items: Input) -> Planner:
    for position, item in enumerate(items):
        made.take(item, position)
    return made


def message(to: str = "t") -> Input:
    return Input("user.message", {"content": []}, thread=to)


def interrupt(to: str = "t") -> Input:
    return Input("user.interrupt", {}, thread=to)


def result(use: str) -> Input:
    data = {"custom_tool_use_id": use, "content": [], "is_error": False}
    return Input("user.custom_tool_result", data, call_id=use)


def test_a_message_to_a_thread_is_a_run_of_its_own_without_the_primary_one() -> None:
    made = take(planner(head(), thread()), message())
    assert types(made.records) == ["input.queued", "run.queued", "session.status_running"]
    assert made.head.run is not None
    assert (made.head.run.thread, made.head.status, made.rings) == ("t", "running", True)


def test_a_message_to_a_thread_waits_for_the_run_in_hand() -> None:
    made = take(planner(running(), thread()), message())
    assert types(made.records) == ["input.queued", "run.queued"]
    assert made.head.run == running().run
    assert made.records[0].data["policy"] == "queue"
    assert made.receipt.events[0].thread == "t"


@pytest.mark.parametrize("item", [message("x"), interrupt("x")])
def test_a_thread_the_session_does_not_have_is_not_found(item: Input) -> None:
    with pytest.raises(ThreadNotFound):
        take(planner(head(), thread()), item)


@pytest.mark.parametrize("item", [message(), interrupt()])
def test_an_archived_thread_takes_nothing(item: Input) -> None:
    with pytest.raises(ThreadArchived):
        take(planner(head(), thread(archived_at=5)), item)


def test_while_a_thread_waits_no_message_is_taken() -> None:
    with pytest.raises(WaitingForAnswers):
        take(planner(waits("t"), thread("other")), message("other"))


def test_an_answer_sets_the_thread_and_the_session_going_though_others_wait() -> None:
    made = take(planner(waits("a", "b")), result("a"))
    assert made.head.threads["a"].status == "running"
    assert made.head.threads["b"].status == "waiting"
    assert (made.head.status, made.head.unanswered) == ("running", ["b"])
    assert [(draft.type, draft.thread) for draft in made.records[:2]] == [
        ("user.custom_tool_result", "a"),
        ("session.thread_status_running", "a"),
    ]


def test_one_of_two_answers_of_a_thread_leaves_it_waiting() -> None:
    session = waits("a", more=Call("custom", "tool", thread="a"))
    made = take(planner(session), result("a"))
    assert made.head.threads["a"].status == "waiting"
    assert made.records[-1].data["stop_reason"]["event_ids"] == ["more"]
    assert made.head.status == "idle"


def test_an_answer_for_the_primary_thread_that_frees_nobody_leaves_the_session_waiting() -> None:
    made = take(planner(waits("a", own=Call("custom", "tool"))), result("own"))
    assert made.head.status == "idle"
    assert made.records[-1].data["stop_reason"]["event_ids"] == ["a"]


def test_an_answer_while_the_session_works_sets_the_thread_going() -> None:
    made = take(planner(waits("a", state="running")), result("a"))
    assert made.head.threads["a"].status == "running"
    assert types(made.records) == ["user.custom_tool_result", "session.thread_status_running"]


def test_an_interrupt_of_a_thread_at_work_is_left_to_the_worker() -> None:
    session = running()
    session.threads = {"t": thread(status="running")}
    made = take(planner(session), interrupt())
    asked = made.head.threads["t"].interrupt
    assert asked is not None
    assert (made.receipt.interrupt, made.head.interrupt, made.rings) == (asked.id, None, True)
    again = take(planner(made.head), interrupt())
    assert again.receipt.interrupt == asked.id


def test_an_interrupt_of_a_thread_that_waits_closes_it_and_leaves_the_others() -> None:
    made = take(planner(waits("a", "b")), interrupt("a"))
    assert list(made.head.threads) == ["b"]
    assert list(made.head.calls) == ["b"]
    assert [(draft.type, draft.thread) for draft in made.records[:6]] == [
        ("agent.tool_result", "a"),
        ("user.interrupt", "a"),
        ("session.thread_status_idle", "a"),
        ("session.thread_idle", "a"),
        ("agent.tool_result", None),
        ("step.finished", None),
    ]
    assert made.head.status == "idle"
    assert made.records[-1].data["stop_reason"]["event_ids"] == ["b"]
    assert len(made.rows) == 1


def test_an_interrupt_of_the_last_that_waits_sets_its_caller_going() -> None:
    made = take(planner(waits("a")), interrupt("a"))
    assert (made.head.status, made.rings) == ("running", True)


@pytest.mark.parametrize(("manner", "records"), [(STEER, ["user.interrupt"]), (QUEUE, [])])
def test_an_interrupt_of_a_thread_at_rest_stops_nothing(manner: Manner, records: list[str]) -> None:
    made = take(planner(running(), thread(), manner=manner), interrupt())
    assert types(made.records) == records
    assert made.head.interrupt is None


def test_an_interrupt_of_a_thread_drops_what_waits_for_it_alone() -> None:
    mine, other = replace(queued(3), thread="t"), queued(4)
    session = running(queued=2)
    made = take(planner(session, thread(), manner=QUEUE, inbox=[mine, other]), interrupt())
    assert [draft.data["input_id"] for draft in made.records] == [mine.id]
    assert made.head.queued == 1


def test_an_interrupt_of_the_thread_a_run_is_for_stops_the_run() -> None:
    session = running()
    session.run = RunMark("run-1", "running", thread="t")
    session.threads = {"t": thread(status="running")}
    made = take(planner(session), interrupt())
    assert made.head.interrupt is not None


def test_an_interrupt_of_all_while_they_wait_closes_all() -> None:
    made = take(planner(waits("a", "b")), Input("user.interrupt", {}, "mine"))
    assert (made.head.threads, made.head.calls, made.head.run) == ({}, {}, None)
    assert types(made.records).count("agent.tool_result") == 4
    assert len([row for row in made.rows if "C#" in str(row.request)]) == 2


def test_archiving_a_thread_at_rest() -> None:
    made = planner(head(open_threads=1), thread())
    archived = made.archive_thread("t")
    assert archived.archived_at is not None
    assert types(made.records) == ["session.thread_status_terminated"]
    assert made.head.open_threads == 0
    again = planner(head(), archived)
    assert again.archive_thread("t") is archived
    assert not again.changed


def test_archiving_a_thread_that_waits_ends_its_call() -> None:
    made = planner(waits("a"))
    made.archive_thread("a")
    assert (made.head.threads, made.head.calls, made.head.status) == ({}, {}, "running")
    assert types(made.records).count("agent.tool_result") == 2


@pytest.mark.parametrize("for_a_message", [True, False])
def test_a_thread_at_work_is_not_archived(for_a_message: bool) -> None:
    session = running("queued")
    if for_a_message:
        session.run = RunMark("run-1", thread="t")
    else:
        session.threads = {"t": thread(status="running")}
    with pytest.raises(ThreadRunning):
        planner(session, thread()).archive_thread("t")
    with pytest.raises(LambentError):
        planner(session).archive_thread("x")


def test_a_head_with_threads_is_restored_as_it_was() -> None:
    session = waits("a")
    session.threads["a"].interrupt = Interrupt("i", 3, drop_queued=False)
    assert asdict(Head.restore(session.document(), {})) == asdict(session)
