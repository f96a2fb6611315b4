"""What the records behind the public log tell of inputs, runs, steps, consent and compaction."""

import threading
from typing import Any

import pytest

from chalicelib.events import catalogue
from chalicelib.events.event import Event
from chalicelib.models import limits
from chalicelib.runs import entry
from chalicelib.sessions.inputs import Input, Manner
from tests.functional.runs.conftest import QUEUE, Rig, said

CUSTOM = {"type": "custom", "name": "look", "description": "d", "input_schema": {"type": "object"}}
ASKING = {
    "type": "agent_toolset_20260401",
    "default_config": {"enabled": True, "permission_policy": {"type": "always_ask"}},
    "configs": [],
}
INTERRUPT = Input("user.interrupt", {})


def _of(rig: Rig, kind: str) -> list[Event]:
    return [event for event in rig.log if event.type == kind]


def _one(rig: Rig, kind: str) -> dict[str, Any]:
    (event,) = _of(rig, kind)
    return event.data


def _with_tools(rig: Rig, *tools: dict[str, Any]) -> Rig:
    rig.tools = list(tools)
    rig.ref = type(rig.ref)(rig.ref.space, rig.ref.id[:-4] + "beef")
    rig.create()
    return rig


def test_an_input_is_recorded_when_it_waits_and_when_a_run_takes_it(rig: Rig) -> None:
    rig.send(said("hidden words", "=first"), manner=Manner("queue", door="elsewhere"))
    rig.send(said("two", "=second"), manner=QUEUE)
    rig.ring()
    queued, taken = _of(rig, "input.queued"), _of(rig, "input.taken")
    assert [event.data["input_id"] for event in queued] == ["=first", "=second"]
    assert [event.data["queue_length"] for event in queued] == [1, 2]
    assert [event.data["position"] for event in queued] == [1, 2]
    assert [event.data["queue_length"] for event in taken] == [1, 0]
    for before, after, door in zip(queued, taken, ("elsewhere", "managed"), strict=True):
        for record in (before, after):
            assert record.run == record.data["run_id"]
            assert record.data["door"] == door
            assert record.data["policy"] == "queue"
            assert record.data["priority"] == 0
            assert record.data["cause"] is None
            assert record.data["pending_seq"] == before.seq
        assert before.data["input_id"] == after.data["input_id"]
        assert before.run == after.run
    said_ids = [event.id for event in _of(rig, "user.message")]
    assert said_ids == ["=first", "=second"]
    assert not any("hidden words" in str(event.data) for event in queued + taken)


def test_a_steered_input_is_recorded_with_the_run_that_takes_it(rig: Rig) -> None:
    rig.send(said("one"))
    rig.send(said("two"))
    rig.ring()
    assert [event.data["policy"] for event in _of(rig, "input.queued")] == ["steer", "steer"]
    assert {event.run for event in _of(rig, "input.taken")} == {_one(rig, "run.started")["run_id"]}


def _interrupted(rig: Rig, *waiting: Input, manner: Manner = QUEUE) -> None:
    rig.model.hold(after_tokens=2)
    rig.send(said("tokens:9"), manner=QUEUE)
    worker = threading.Thread(target=rig.ring)
    worker.start()
    rig.model.wait_held()
    for item in waiting:
        rig.send(item, manner=QUEUE)
    rig.send(INTERRUPT, manner=manner)
    worker.join(20)
    rig.model.release()


def test_a_removed_input_is_recorded_with_its_cause_and_what_it_said(rig: Rig) -> None:
    _interrupted(rig, said("never said", "=gone"))
    (removed,) = _of(rig, "input.removed")
    queued = next(event for event in _of(rig, "input.queued") if event.data["input_id"] == "=gone")
    facts = {"input_id", "run_id", "type", "door", "policy", "priority", "pending_seq"}
    assert {name: removed.data[name] for name in facts} == {name: queued.data[name] for name in facts}
    assert removed.data["cause"] == "interrupt"
    assert removed.data["queue_length"] == 0
    assert removed.data["position"] == 1
    assert "never said" in str(removed.private)
    assert "never said" not in str(removed.data)


def test_an_interrupt_is_recorded_as_an_input_of_the_run_it_stops(rig: Rig) -> None:
    _interrupted(rig)
    asked = next(event.data for event in _of(rig, "input.queued") if event.data["type"] == "user.interrupt")
    assert asked["policy"] == asked["cause"] == "interrupt"
    assert asked["run_id"] == _one(rig, "run.started")["run_id"]
    assert _of(rig, "user.interrupt")[0].id == asked["input_id"]


def test_a_run_is_queued_claimed_and_started_before_it_speaks(rig: Rig) -> None:
    receipt = rig.send(said("hello"))
    rig.ring()
    kinds = rig.types()
    order = ["run.queued", "run.claimed", "run.started", "input.taken", "step.started", "run.finished"]
    assert [kinds.index(kind) for kind in order] == sorted(kinds.index(kind) for kind in order)
    run = _one(rig, "run.started")["run_id"]
    assert _one(rig, "run.queued") == {
        "run_id": run,
        "trigger": "message",
        "trigger_ref": receipt.events[0].id,
        "parent_run_id": None,
        "agent": "Tester",
        "attempt": 1,
    }
    assert _one(rig, "run.claimed") == {"run_id": run, "fence": 1, "attempt": 1}


def test_the_start_of_a_run_names_all_it_works_with_but_no_text_of_the_prompt(rig: Rig) -> None:
    _with_tools(rig, CUSTOM)
    rig.send(said("hello"))
    rig.ring()
    started = _one(rig, "run.started")
    assert (started["model"], started["provider"]) == ("claude-test", "anthropic")
    assert started["agent_version"] == 1
    assert started["tools"] == ["look"]
    assert started["skills"] == started["mcp_servers"] == []
    assert [section["section"] for section in started["prompt"]] == ["system"]
    assert all(len(section["sha256"]) == 64 for section in started["prompt"])
    assert "Test." not in str(started)
    assert started["timings"]["queued_ms"] >= 0


def test_a_taken_over_run_is_claimed_again_with_the_next_fence_and_attempt(rig: Rig) -> None:
    rig.model.hold(after_tokens=2)
    rig.send(said("tokens:4"))
    first = threading.Thread(target=rig.ring)
    first.start()
    rig.model.wait_held()
    store, head = rig.services.session_store, rig.head
    store.table.write(store.lease_write(rig.ref, head.fence, 1, 1))
    second = threading.Thread(target=rig.ring, args=(rig.another(),))
    second.start()
    # The first may have given up its request by then.
    rig.model.wait_requests(2)
    rig.model.release()
    first.join(20)
    second.join(20)
    claims = [(event.data["fence"], event.data["attempt"]) for event in _of(rig, "run.claimed")]
    assert claims == [(1, 1), (2, 2)]
    assert rig.count("run.started") == rig.count("run.finished") == 1
    steps = {event.data["status"] for event in _of(rig, "step.finished")}
    assert steps == {"cancelled", "completed"}


def test_the_end_of_a_run_tells_what_it_took(rig: Rig) -> None:
    rig.send(said("tokens:7"))
    rig.ring()
    finished = _one(rig, "run.finished")
    assert finished["run_id"] == _one(rig, "run.started")["run_id"]
    assert (finished["status"], finished["cause"], finished["error"]) == ("completed", None, None)
    assert finished["finish_reason"] == "stop"
    assert (finished["usage"]["input_tokens"], finished["usage"]["output_tokens"]) == (10, 7)
    assert float(finished["cost"]) >= 0
    assert finished["context"] == {"tokens": 17, "window": limits.context_window("claude-test")}
    assert finished["duration_ms"] >= 0
    assert finished["model_calls"] == 1
    log = rig.types()
    assert log.index("agent.message") < log.index("step.finished") < log.index("run.finished")
    assert log.index("run.finished") < log.index("session.usage") < log.index("session.status_idle")


def test_a_failed_run_tells_code_and_text(rig: Rig) -> None:
    rig.send(said("error:401"))
    rig.ring()
    finished = _one(rig, "run.finished")
    assert finished["status"] == "failed"
    assert finished["error"]["type"]
    assert finished["error"]["message"]
    assert _one(rig, "step.finished")["status"] == "failed"


def test_a_stopped_run_tells_the_cause(rig: Rig) -> None:
    _interrupted(rig)
    finished = _one(rig, "run.finished")
    assert (finished["status"], finished["cause"]) == ("cancelled", "interrupt")
    assert finished["model_calls"] == 1


def test_archiving_a_session_that_waits_ends_its_run_and_closes_its_calls(rig: Rig) -> None:
    _with_tools(rig, CUSTOM)
    rig.send(said("tool:look"))
    rig.ring()
    rig.services.sessions.archive(rig.ref)
    finished = _one(rig, "run.finished")
    assert (finished["status"], finished["cause"]) == ("cancelled", "archive")
    (use,) = _of(rig, "agent.custom_tool_use")
    assert _one(rig, "agent.tool_result")["tool_use_id"] == use.id
    assert rig.types()[-1] == "session.status_terminated"
    assert rig.head.run is None


def test_a_run_that_waits_for_the_client_says_for_what_and_what_resumed_it(rig: Rig) -> None:
    _with_tools(rig, CUSTOM)
    rig.send(said("tool:look parallel:2"))
    rig.ring()
    uses = [event.id for event in _of(rig, "agent.custom_tool_use")]
    waiting = _one(rig, "run.waiting")
    run = _one(rig, "run.started")["run_id"]
    assert waiting == {"run_id": run, "kind": "custom_tool_result", "event_ids": uses, "deadline": None}
    for number, use in enumerate(uses):
        assert rig.count("run.resumed") == 0
        result = {"custom_tool_use_id": use, "content": [], "is_error": False}
        rig.send(Input("user.custom_tool_result", result, f"=answer{number}", use))
    assert _one(rig, "run.resumed") == {"run_id": run, "kind": "custom_tool_result", "input_id": "=answer1"}
    rig.ring()
    assert rig.count("run.started") == rig.count("run.finished") == 1
    assert rig.count("run.claimed") == 2


def test_what_was_steered_while_a_run_waited_is_taken_when_it_goes_on(rig: Rig) -> None:
    _with_tools(rig, CUSTOM)
    rig.model.hold(at="stop", match="tool:look")
    rig.send(said("tool:look"))
    worker = threading.Thread(target=rig.ring)
    worker.start()
    rig.model.wait_held()
    rig.send(said("and mind this"))
    rig.model.release()
    worker.join(20)
    (use,) = [event.id for event in _of(rig, "agent.custom_tool_use")]
    result = {"custom_tool_use_id": use, "content": [], "is_error": False}
    rig.send(Input("user.custom_tool_result", result, None, use))
    rig.ring()
    rig.assert_whole()
    assert rig.count("run.finished") == 1
    kinds = rig.types()
    assert kinds.index("user.custom_tool_result") < kinds.index("agent.message")
    last = rig.model.requests[-1]["body"]["messages"][-1]["content"]
    assert [block["type"] for block in last] == ["tool_result", "text"]


@pytest.mark.parametrize("decision", ["allow", "deny"])
def test_consent_is_recorded_when_asked_and_when_given(rig: Rig, decision: str) -> None:
    _with_tools(rig, ASKING)
    rig.send(said('tool:web_fetch input:{"url": "http://127.0.0.1:9/"}'))
    rig.ring()
    (use,) = _of(rig, "agent.tool_use")
    asked = _one(rig, "permission.asked")
    assert asked["tool_use_id"] == use.id
    assert asked["name"] == "web_fetch"
    assert {"risk", "deadline"} <= set(asked)
    assert _one(rig, "run.waiting")["kind"] == "tool_confirmation"
    answer = {"tool_use_id": use.id, "result": decision}
    rig.send(Input("user.tool_confirmation", answer, "=mine", use.id))
    answered = _one(rig, "permission.answered")
    assert answered == {
        "request_id": asked["request_id"],
        "tool_use_id": use.id,
        "result": decision,
        "answer_id": "=mine",
        "timed_out": False,
    }
    rig.ring()
    assert rig.count("step.started") == (3 if decision == "allow" else 2)


def test_every_step_is_recorded_from_its_intent_to_what_it_made(rig: Rig) -> None:
    tool = CUSTOM | {"execution": {"type": "http", "endpoint": "http://127.0.0.1:9/"}}
    _with_tools(rig, tool)
    rig.send(said('tool:look say:"done"'))
    rig.ring()
    started = {event.data["step_id"]: event.data for event in _of(rig, "step.started")}
    finished = {event.data["step_id"]: event.data for event in _of(rig, "step.finished")}
    assert list(started) == list(finished)
    assert [step["number"] for step in started.values()] == [1, 2, 3]
    assert [(step["kind"], step["name"]) for step in started.values()] == [
        ("model", "claude-test"),
        ("tool", "look"),
        ("model", "claude-test"),
    ]
    assert {step["agent"] for step in started.values()} == {"Tester"}
    made = {event.id: event.type for event in rig.log}
    outputs = [[made[one] for one in step["output"]] for step in finished.values()]
    assert outputs == [["agent.tool_use"], ["agent.tool_result"], ["agent.message"]]
    (use,) = _of(rig, "agent.tool_use")
    call = list(finished.values())[1]
    assert list(started.values())[1]["tool_use_id"] == call["tool_use_id"] == use.id
    assert call["status"] == "failed"
    for step in finished.values():
        assert step["duration_ms"] >= 0
        assert step["kind"] == started[step["step_id"]]["kind"]
    spoken = [step for step in finished.values() if step["kind"] == "model"]
    assert all(step["usage"]["input_tokens"] == 10 for step in spoken)
    spans = [event.id for event in _of(rig, "span.model_request_start")]
    assert [step["span_id"] for step in started.values() if step["kind"] == "model"] == spans
    kinds = rig.types()
    assert kinds.index("agent.tool_use") < kinds.index("step.started", kinds.index("agent.tool_use"))


def test_a_run_handed_on_tells_from_what_and_why(rig: Rig) -> None:
    rig.send(said("tokens:30 gap:40"))
    left = iter([60_000] * 3 + [10_000] * 10_000)
    body = f'{{"tenant":"{rig.ref.space.tenant}","session":"{rig.ref.id}"}}'
    entry.ring(body, receipt=None, remaining_ms=lambda: next(left), parts=rig.services)
    run = _one(rig, "run.started")["run_id"]
    assert _one(rig, "run.requeued") == {"run_id": run, "previous_status": "running", "source": "time limit"}
    rig.ring(by=rig.another())
    assert _one(rig, "run.finished")["status"] == "completed"


def test_a_compaction_is_recorded_from_its_reason_to_its_summary(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(limits._WINDOWS, "claude-", 400)
    for _ in range(8):
        rig.send(said("tokens:60"))
        rig.ring()
    started, finished = _of(rig, "compaction.started"), _of(rig, "compaction.finished")
    assert started
    assert len(started) == len(finished)
    made = {event.id: event for event in rig.log}
    for before, after in zip(started, finished, strict=True):
        assert before.data["reason"]
        assert before.data["message_count"] > 0
        assert after.data == before.data | {
            "summary_id": after.data["summary_id"],
            "aborted": False,
            "will_retry": False,
        }
        summary = made[after.data["summary_id"]]
        assert summary.type == "agent.thread_context_compacted"
        assert summary.data["replaced_range"]["end_seq"] == before.data["boundary"] - 1
        assert before.run == after.run == summary.run


def test_the_managed_door_hides_all_these_records(rig: Rig) -> None:
    _interrupted(rig, said("never said"))
    hidden = {
        kind for kind in rig.types() if kind.split(".")[0] in ("input", "run", "step", "permission", "compaction")
    }
    assert hidden
    assert hidden <= catalogue.INTERNAL_TYPES
    assert not hidden & catalogue.PUBLIC_TYPES
