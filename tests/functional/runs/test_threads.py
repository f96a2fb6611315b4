"""Other agents in one run: side by side, through deaths and takeovers, stopped one by one, waiting for the client."""

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from chalicelib.core.settings import Settings
from chalicelib.engine.job import MARGIN_MS
from chalicelib.events.event import Event
from chalicelib.runs import entry
from chalicelib.sessions.inputs import Input
from chalicelib.storage.queue import Doorbell
from chalicelib.wiring import Services
from tests.fakes.model_server import FakeModel
from tests.functional.runs.conftest import QUEUE, STEER, Rig, said
from tests.support.api import wait_for
from tests.support.endpoint import CLIENT_TOOL, Endpoint

HELPERS = {"extra": {"enable_general_subagent": True}}
Json = dict[str, Any]


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    with Endpoint() as running:
        yield running


@pytest.fixture
def team(rig: Rig) -> Rig:
    """A session whose agent may call helpers."""
    return Rig(rig.services, rig.model, rig.make, more=HELPERS)


def with_tools(rig: Rig, *tools: Json) -> Rig:
    """A session whose agent may call helpers; all have these tools."""
    return Rig(rig.services, rig.model, rig.make, list(tools), more=HELPERS)


def delegate(rig: Rig, *tasks: str, besides: tuple[Json, ...] = (), then: str = "Thanks.") -> None:
    """Have the lead call a helper for each task, at once, and end with a text."""
    calls = [{"type": "tool_use", "name": "general_subagent", "input": {"task": task}} for task in tasks]
    rig.model.script(
        {"blocks": [*calls, *besides], "match": "lead"},
        {"blocks": [{"type": "text", "text": then}], "match": "lead"},
    )
    rig.send(said("lead"))


def of(rig: Rig, kind: str) -> list[Event]:
    """The records of one type."""
    return [event for event in rig.log if event.type == kind]


def told(rig: Rig) -> list[str]:
    """The results of the lead's calls, in their order."""
    return [str(e.data["content"][0]["text"]) for e in of(rig, "agent.tool_result") if e.thread is None]


def threads(rig: Rig) -> list[str]:
    """The threads in the order of their beginning."""
    return [event.data["session_thread_id"] for event in of(rig, "session.thread_created")]


def stops(rig: Rig, thread: str) -> list[str]:
    """Why a thread rested each time."""
    rested = [e for e in of(rig, "session.thread_status_idle") if e.thread == thread]
    return [str(event.data["stop_reason"]["type"]) for event in rested]


def assert_ended(rig: Rig, *, repeated: bool = False) -> None:
    """The log is whole, nothing is open, and every use has one result; ``repeated``: one was carried out twice."""
    rig.assert_spans_closed()
    uses = [e.id for e in rig.log if e.type in ("agent.tool_use", "agent.custom_tool_use")]
    results = [
        e.data.get("tool_use_id") or e.data.get("custom_tool_use_id")
        for e in rig.log
        if e.type in ("agent.tool_result", "user.custom_tool_result")
    ]
    assert sorted(uses) == sorted(results)
    if not repeated:
        steps = [e.data["step_id"] for e in of(rig, "step.started")]
        assert sorted(steps) == sorted(e.data["step_id"] for e in of(rig, "step.finished"))
    assert rig.head.threads == {}
    assert rig.head.calls == {}
    assert rig.head.status == "idle"
    for thread in threads(rig):
        assert "requires_action" not in stops(rig, thread)[-1:]


def in_background(rig: Rig, by: Services | None = None) -> threading.Thread:
    """A worker at work."""
    worker = threading.Thread(target=rig.ring, args=(by,), daemon=True)
    worker.start()
    return worker


def run_out(rig: Rig) -> None:
    """Let the lease of the present worker end now."""
    store = rig.services.session_store
    store.table.write(store.lease_write(rig.ref, rig.head.fence, 1, 1))


def test_a_called_agent_works_on_a_thread_of_its_own_and_answers_its_caller(team: Rig) -> None:
    delegate(team, 'say:"done well"')
    team.ring()
    assert_ended(team)
    assert told(team) == ["done well"]
    [thread] = threads(team)
    own = [event.type for event in team.log if event.thread == thread and not event.type.startswith("step.")]
    assert own == [
        "session.thread_status_running",
        "agent.thread_message_received",
        "span.model_request_start",
        "agent.message",
        "span.model_request_end",
        "agent.thread_message_sent",
        "session.thread_status_idle",
        "session.thread_idle",
    ]
    order = [event.type for event in team.log if event.thread is None]
    wanted = [
        "agent.thread_message_sent",
        "agent.tool_use",
        "session.thread_created",
        "agent.tool_result",
        "agent.thread_message_received",
    ]
    assert [kind for kind in order if kind in wanted] == wanted
    assert team.head.open_threads == 1


def test_called_agents_work_side_by_side(team: Rig) -> None:
    delegate(team, 'one say:"first"', 'two say:"second"', 'three say:"third"')
    team.model.hold("arrival", match="say:")
    worker = in_background(team)
    team.model.wait_held(3)
    team.model.release()
    worker.join(20)
    assert_ended(team)
    assert sorted(told(team)) == ["first", "second", "third"]
    request = team.model.requests_of("lead")[-1]["body"]["messages"]
    asked, answered = request[-2]["content"], request[-1]["content"]
    given = {block["tool_use_id"]: block["content"][0]["text"] for block in answered}
    assert [given[block["id"]] for block in asked] == ["first", "second", "third"]


def test_all_use_counts_for_the_session_and_each_threads_own_for_the_thread(team: Rig) -> None:
    delegate(team, "tokens:5", "tokens:7", then="two words")
    team.ring()
    assert (team.head.totals.input_tokens, team.head.totals.output_tokens) == (40, 2 + 5 + 7 + 2)
    rows = [team.services.session_store.thread(team.ref, thread) for thread in threads(team)]
    assert [(row.totals.input_tokens, row.totals.output_tokens) for row in rows if row] == [(10, 5), (10, 7)]
    [finished] = of(team, "run.finished")
    assert (finished.data["usage"]["output_tokens"], finished.data["model_calls"]) == (16, 4)


def test_tools_of_the_caller_and_of_the_called_run_beside_each_other(rig: Rig, endpoint: Endpoint) -> None:
    rig = with_tools(rig, endpoint.tool(), endpoint.tool("other"))
    endpoint.hold("/ping")
    endpoint.hold("/other")
    delegate(rig, 'tool:other say:"used"', besides=({"type": "tool_use", "name": "ping", "input": {}},))
    worker = in_background(rig)
    endpoint.wait_called("/ping", 40)
    endpoint.wait_called("/other", 40)
    endpoint.let_go("/ping")
    wait_for(lambda: told(rig) == ["pong"], "the tool's result before the agent's")
    endpoint.let_go("/other")
    worker.join(20)
    assert_ended(rig)
    assert told(rig) == ["pong", "used"]


@pytest.mark.parametrize("idempotent", [True, False])
def test_two_agents_at_work_survive_the_death_of_their_worker(rig: Rig, endpoint: Endpoint, idempotent: bool) -> None:
    rig = with_tools(rig, endpoint.tool(idempotent=idempotent))
    endpoint.hold("/ping")
    delegate(rig, 'tool:ping say:"used a tool"', 'slow say:"only spoke"')
    rig.model.hold("arrival", match="slow")
    dying = in_background(rig)
    endpoint.wait_called("/ping", 40)
    rig.model.wait_held()
    run_out(rig)
    fresh = in_background(rig, rig.another())
    wait_for(lambda: len(rig.model.requests_of("slow")) == 2, "the model to be asked again")
    if idempotent:
        endpoint.wait_called_again("/ping", 2)
    before = rig.count("agent.tool_result")
    endpoint.let_go("/ping")
    rig.model.release()
    fresh.join(20)
    dying.join(20)
    assert_ended(rig, repeated=idempotent)
    assert before == 0 or not idempotent
    assert sorted(told(rig)) == ["only spoke", "used a tool"]
    assert len(threads(rig)) == 2
    inner = [e.data["content"][0]["text"] for e in of(rig, "agent.tool_result") if e.thread is not None]
    assert [("unknown" in text) for text in inner] == [not idempotent]


def test_an_interrupt_stops_all_and_closes_everything(rig: Rig, endpoint: Endpoint) -> None:
    rig = with_tools(rig, endpoint.tool())
    endpoint.hold("/ping")
    delegate(rig, "tool:ping", 'slow say:"one two three"')
    rig.model.hold(after_tokens=2, match="slow")
    worker = in_background(rig)
    endpoint.wait_called("/ping", 40)
    rig.model.wait_held()
    rig.send(Input("user.interrupt", {}))
    worker.join(20)
    endpoint.let_go("/ping")
    assert_ended(rig)
    assert told(rig) == ["Interrupted before it finished."] * 2
    assert rig.head.stop_reason == {"type": "end_turn"}
    assert [stops(rig, thread) for thread in threads(rig)] == [["end_turn"]] * 2
    [partial] = of(rig, "agent.message")
    assert partial.thread is not None
    assert len(rig.model.requests_of("lead")) == 1


def test_an_interrupt_of_one_leaves_the_other_and_the_caller_at_work(team: Rig) -> None:
    delegate(team, 'slow say:"never said"', 'other say:"finished"')
    team.model.hold("arrival", match="say:")
    worker = in_background(team)
    team.model.wait_held(2)
    slow, other = threads(team)
    team.send(Input("user.interrupt", {}, thread=slow))
    wait_for(lambda: stops(team, slow), "the one to stop")
    assert stops(team, other) == []
    team.model.release()
    worker.join(20)
    assert_ended(team)
    assert sorted(told(team)) == ["Interrupted before it finished.", "finished"]
    assert [e.thread for e in of(team, "user.interrupt")] == [slow]
    assert len(team.model.requests_of("lead")) == 2
    assert team.head.stop_reason == {"type": "end_turn"}


def test_an_interrupt_of_one_whose_worker_is_dead_is_carried_out_by_another(team: Rig) -> None:
    delegate(team, 'slow say:"late"', 'other say:"finished"')
    team.model.hold("arrival", match="say:")
    dying = in_background(team)
    team.model.wait_held(2)
    run_out(team)
    slow, _ = threads(team)
    asked = Input("user.interrupt", {}, thread=slow)
    receipt = team.services.sessions.send(team.ref, [asked], STEER)
    another = team.another()
    another.worker.stop_now(team.ref)
    assert another.sessions.interrupt_done(team.ref, receipt.interrupt or "")
    assert stops(team, slow) == ["end_turn"]
    team.model.release()
    team.ring(another)
    dying.join(20)
    assert_ended(team)
    assert sorted(told(team)) == ["Interrupted before it finished.", "finished"]


def test_a_run_that_is_given_up_closes_its_agents(team: Rig) -> None:
    delegate(team, 'slow say:"late"', 'other say:"finished"')
    team.model.hold("arrival", match="slow")
    dying = in_background(team)
    team.model.wait_held()
    wait_for(lambda: told(team) == ["finished"], "the other to end")
    entry.dead_letter(Doorbell(team.ref.space.tenant, team.ref.id).body(), team.another())
    assert_ended(team)
    assert told(team) == ["finished", "Interrupted before it finished."]
    assert team.head.stop_reason == {"type": "retries_exhausted"}
    team.model.release()
    dying.join(20)
    assert team.log[-1].type == "session.status_idle"


def test_a_session_deleted_while_agents_work_leaves_nobody_at_work(team: Rig) -> None:
    delegate(team, 'slow say:"late"', 'slow say:"later"')
    team.model.hold("arrival", match="slow")
    worker = in_background(team)
    team.model.wait_held(2)
    team.services.sessions.delete(team.ref, even_running=True)
    worker.join(20)
    assert not worker.is_alive()
    assert team.log[-1].type == "session.deleted"


def test_an_agents_own_tools_wait_for_a_yes(rig: Rig) -> None:
    ask = {"enabled": True, "permission_policy": {"type": "always_ask"}}
    toolset = {"type": "agent_toolset_20260401", "default_config": ask, "configs": []}
    rig = with_tools(rig, toolset)
    delegate(rig, 'tool:web_fetch input:{"url":"http://127.0.0.1:9/"} say:"as you like"')
    rig.ring()
    [use] = [e for e in of(rig, "agent.tool_use") if e.thread is not None]
    assert use.private == {"asks": True}
    assert rig.head.stop_reason is not None
    assert rig.head.stop_reason["action_type"] == "tool_confirmation"
    data = {"tool_use_id": use.id, "result": "deny", "deny_message": "Never."}
    rig.send(Input("user.tool_confirmation", data, call_id=use.id))
    rig.ring(rig.another())
    assert_ended(rig)
    [denied] = [e for e in of(rig, "agent.tool_result") if e.thread is not None]
    assert denied.data["content"][0]["text"] == "Denied: Never."
    assert told(rig) == ["as you like"]


def test_a_worker_short_of_time_hands_on_what_its_agents_were_at(team: Rig, endpoint: Endpoint) -> None:
    team = with_tools(team, endpoint.tool())
    delegate(team, 'tool:ping say:"used"', 'slow say:"spoke"')
    team.model.hold("arrival", match="slow")
    ends_at = time.monotonic() + 1.5

    def remaining() -> int:
        return MARGIN_MS + 25_000 + int((ends_at - time.monotonic()) * 1000) * 20

    body = Doorbell(team.ref.space.tenant, team.ref.id).body()
    entry.ring(body, receipt=None, remaining_ms=remaining, parts=team.services)
    assert team.count("run.requeued") == 1
    assert team.head.run is not None
    team.model.release()
    team.ring(team.another())
    assert_ended(team)
    assert sorted(told(team)) == ["spoke", "used"]
    assert team.count("session.status_rescheduled") == 0


def answer(use: Event) -> Input:
    """The client's answer to a call of its tool."""
    data = {"custom_tool_use_id": use.id, "content": [{"type": "text", "text": "42"}], "is_error": False}
    return Input("user.custom_tool_result", data, call_id=use.id)


def test_one_waits_for_the_client_while_another_goes_on(rig: Rig) -> None:
    rig = with_tools(rig, CLIENT_TOOL)
    delegate(rig, 'tool:ask_client say:"knows"', 'slow say:"spoke"')
    rig.model.hold("arrival", match="slow")
    worker = in_background(rig)
    use = wait_for(lambda: of(rig, "agent.custom_tool_use"), "the call")[0]
    asking, _ = threads(rig)
    wait_for(lambda: stops(rig, asking) == ["requires_action"], "the thread to wait")
    assert rig.head.status == "running"
    rig.model.release()
    worker.join(20)
    assert rig.head.stop_reason == {
        "type": "requires_action",
        "event_ids": [use.id],
        "action_type": "custom_tool_result",
    }
    assert told(rig) == ["spoke"]
    rig.send(answer(use))
    assert rig.head.status == "running"
    rig.ring(rig.another())
    assert_ended(rig)
    assert told(rig) == ["spoke", "knows"]
    assert stops(rig, asking) == ["requires_action", "end_turn"]


def test_an_answer_sets_its_thread_going_while_the_others_still_work(rig: Rig) -> None:
    rig = with_tools(rig, CLIENT_TOOL)
    delegate(rig, 'tool:ask_client say:"knows"', 'slow say:"spoke"')
    rig.model.hold("arrival", match="slow")
    worker = in_background(rig)
    use = wait_for(lambda: of(rig, "agent.custom_tool_use"), "the call")[0]
    wait_for(lambda: stops(rig, threads(rig)[0]), "the thread to wait")
    rig.send(answer(use))
    wait_for(lambda: told(rig) == ["knows"], "the answered thread to end")
    rig.model.release()
    worker.join(20)
    assert_ended(rig)
    assert rig.count("session.status_running") == rig.count("session.status_idle") == 1


def test_of_two_that_wait_the_answered_one_goes_on_alone(rig: Rig) -> None:
    rig = with_tools(rig, CLIENT_TOOL)
    delegate(rig, 'tool:ask_client first say:"one"', 'tool:ask_client second say:"two"')
    rig.ring()
    uses = of(rig, "agent.custom_tool_use")
    assert rig.head.stop_reason is not None
    assert sorted(rig.head.stop_reason["event_ids"]) == sorted(use.id for use in uses)
    rig.send(answer(uses[1]))
    rig.ring()
    assert len(told(rig)) == 1
    assert rig.head.stop_reason["event_ids"] == [uses[0].id]
    rig.send(answer(uses[0]))
    rig.ring(rig.another())
    assert_ended(rig)
    assert sorted(told(rig)) == ["one", "two"]


@pytest.mark.parametrize("manner", [STEER, QUEUE])
def test_an_interrupt_while_all_wait_closes_all(rig: Rig, manner: Any) -> None:
    rig = with_tools(rig, CLIENT_TOOL)
    delegate(rig, "tool:ask_client a", "tool:ask_client b")
    rig.ring()
    rig.send(Input("user.interrupt", {}), manner=manner)
    assert_ended(rig)
    assert told(rig) == ["Interrupted before it finished."] * 2
    rig.send(said('say:"next"'))
    rig.ring()
    assert rig.head.stop_reason == {"type": "end_turn"}
    assert len(rig.model.requests_of("lead")) == 1


def test_an_interrupt_of_the_only_one_that_waits_sets_its_caller_going(rig: Rig) -> None:
    rig = with_tools(rig, CLIENT_TOOL)
    delegate(rig, "tool:ask_client a", "tool:ask_client b")
    rig.ring()
    first, second = threads(rig)
    rig.send(Input("user.interrupt", {}, thread=first))
    assert rig.head.status == "idle"
    assert rig.head.stop_reason is not None
    assert len(rig.head.stop_reason["event_ids"]) == 1
    rig.send(Input("user.interrupt", {}, thread=second))
    assert rig.head.status == "running"
    rig.ring()
    assert_ended(rig)
    assert rig.log[-1].data["stop_reason"] == {"type": "end_turn"}
    assert len(rig.model.requests_of("lead")) == 2


def test_a_failing_agent_is_an_error_for_its_caller_alone(team: Rig) -> None:
    delegate(team, "error:400", 'say:"fine"')
    team.ring()
    assert_ended(team)
    assert any(text.startswith("Error: the agent failed") for text in told(team))
    assert "fine" in told(team)
    assert [e.thread is not None for e in of(team, "session.error")] == [True]
    assert team.head.stop_reason == {"type": "end_turn"}


def test_an_agent_whose_provider_is_busy_tries_again_by_itself(team: Rig) -> None:
    delegate(team, 'error:529x1 say:"at last"')
    team.ring()
    assert_ended(team)
    assert told(team) == ["at last"]
    assert team.count("session.status_rescheduled") == 0
    assert [e.thread for e in of(team, "session.thread_status_rescheduled")] == threads(team)


def test_what_called_agents_cannot_do_is_an_error_result(team: Rig) -> None:
    calls = [{"type": "tool_use", "name": "general_subagent", "input": given} for given in ({}, {"task": " "})]
    team.model.script({"blocks": calls, "match": "lead"}, {"blocks": [{"type": "text", "text": "."}], "match": "lead"})
    team.send(said("lead"))
    team.ring()
    assert_ended(team)
    assert all(text.startswith("Error: task:") for text in told(team))
    assert threads(team) == []


def test_a_called_agent_calls_nobody(team: Rig) -> None:
    delegate(team, "echo")
    team.ring()
    assert "general_subagent" not in told(team)[0]


def test_no_more_than_twenty_five_are_open(team: Rig) -> None:
    delegate(team, *[f'{number} say:"ok"' for number in range(26)])
    team.ring()
    assert_ended(team)
    assert told(team).count("ok") == 25
    [refused] = [text for text in told(team) if text != "ok"]
    assert "25" in refused
    assert team.head.open_threads == 25
    team.services.threads.archive(team.ref, threads(team)[0])
    delegate(team, 'one more say:"again"')
    team.ring()
    assert told(team)[-1] == "again"
    assert len(str(team.head.document())) < 3000


def test_a_thread_at_rest_goes_on_when_a_client_writes_to_it(team: Rig) -> None:
    delegate(team, 'say:"blue"')
    team.ring()
    [thread] = threads(team)
    for services in (team.services, team.another()):
        team.send(Input("user.message", said("why echo").data, thread=thread), manner=QUEUE)
        team.ring(services)
    assert_ended(team)
    asked = [one["body"]["messages"] for one in team.model.requests_of("why echo")]
    assert [len(messages) for messages in asked] == [3, 5]
    assert [message["role"] for message in asked[1]] == ["user", "assistant"] * 2 + ["user"]
    assert "blue" in str(asked[1])
    running = [e for e in of(team, "session.thread_status_running") if e.thread is None]
    assert (len(running), team.count("session.status_running")) == (1, 3)
    heard = [e for e in of(team, "agent.thread_message_received") if e.thread is None]
    assert len(heard) == 3
    team.send(said("and now"))
    team.ring()
    shown = str(team.model.requests_of("and now")[-1]["body"]["messages"])
    assert shown.count("<message from=") == 2


def test_what_a_client_writes_to_a_thread_waits_for_the_turn_in_hand(team: Rig) -> None:
    delegate(team, 'say:"blue"')
    team.ring()
    [thread] = threads(team)
    team.model.hold("arrival", match="busy")
    team.send(said("busy tokens:3"))
    worker = in_background(team)
    team.model.wait_held()
    team.send(Input("user.message", said('say:"from the thread"').data, thread=thread))
    team.send(said('steered say:"from the lead"'))
    team.model.release()
    worker.join(20)
    assert_ended(team)
    words = [(e.thread, e.data["content"][0]["text"]) for e in of(team, "agent.message")]
    assert words[-2:] == [(thread, "from the thread"), (None, "from the lead")]


def test_a_long_talk_with_a_thread_is_summed_up_for_it_alone(
    make: Callable[[], Services], model: FakeModel, settings: Settings
) -> None:
    team = Rig(make(), model, make, model_id="anthropic/gpt-3.5-small", more=HELPERS)
    delegate(team, 'say:"ready"')
    team.ring()
    [thread] = threads(team)
    for number in range(14):
        words = said(f'number {number} {"x" * 6000} say:"answer {number}"').data
        team.send(Input("user.message", words, thread=thread))
        team.ring(team.another() if number % 5 == 4 else None)
        assert team.head.stop_reason == {"type": "end_turn"}
    assert_ended(team)
    compacted = of(team, "agent.thread_context_compacted")
    assert {event.thread for event in compacted} == {thread}
    row = team.services.session_store.thread(team.ref, thread)
    assert row is not None
    assert len(row.turns) < 14
    assert team.head.context_from == 0
    last = team.model.requests_of("number 13")[-1]["body"]["messages"]
    assert "<summary>" in str(last)
    assert "number 0 " not in str(last)


def test_sessions_without_called_agents_store_nothing_of_threads(rig: Rig) -> None:
    rig.send(said("tokens:2"))
    rig.ring()
    assert list(rig.services.session_store.threads(rig.ref)) == []
    assert rig.head.open_threads == 0


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return replace(settings, compact_ratio_percent=50, model_backoff_ms=20)
