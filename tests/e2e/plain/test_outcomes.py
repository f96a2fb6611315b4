"""Outcomes: work goes on until a judge is satisfied, the rounds are in the log, and the session shows the verdicts."""

import json

import pytest

from tests.fakes.model_server import FakeModel
from tests.support.api import Api, Json, message, types_of, wait_for

SATISFIED = {"result": "satisfied", "explanation": "All is there."}
MISSING = {"result": "needs_revision", "explanation": "The title is missing."}


def define(description: str, **fields: object) -> Json:
    """The event that defines an outcome."""
    return {"type": "user.define_outcome", "description": description, **fields}


def verdict(description: str, *verdicts: Json) -> list[Json]:
    """Scripted answers of the grader, who is asked with the description in the question."""
    return [
        {"blocks": [{"type": "text", "text": json.dumps(one)}], "match": f"<asked>\n{description}\n</asked>"}
        for one in verdicts
    ]


def rounds(log: list[Json]) -> list[tuple[int, str]]:
    """Iteration and result of each round."""
    return [(one["iteration"], one["result"]) for one in log if one["type"] == "span.outcome_evaluation_end"]


def test_one_without_any_criterion_is_refused(api: Api) -> None:
    session = api.session()
    bare: Json = {"type": "verifiable", "scorer": "contains", "opts": {}}
    rubrics: list[Json] = [{}, {"rubric": None}, {"rubric": ""}, {"rubric": "x", "max_iterations": 21}]
    for bad in [*rubrics, {"verifier": {"type": "nonsense"}}, {"verifier": bare}]:
        answer = api.send(session, define("A page", **bad))
        assert answer.status_code == 400, bad
        assert answer.json()["error"]["type"] == "invalid_request"
    assert api.send(session, {"type": "user.define_outcome", "rubric": "x"}).status_code == 400
    assert api.log(session) == []


def test_it_is_armed_and_works_from_the_next_message_on(api: Api, model: FakeModel) -> None:
    session = api.session()
    model.script(*verdict("A page armed", MISSING, SATISFIED))
    assert api.send(session, define("A page armed", rubric="It has a title.")).status_code == 202
    shown = api.get(f"/v1/sessions/{session}")
    assert (shown["status"], shown["outcome_evaluations"][0]["result"]) == ("idle", "pending")
    log = api.turn(session, "begin tokens:3")
    assert rounds(log) == [(0, "needs_revision"), (1, "satisfied")]
    evaluation = api.get(f"/v1/sessions/{session}")["outcome_evaluations"]
    assert [(one["result"], one["iteration"], one["explanation"]) for one in evaluation] == [
        ("satisfied", 1, "All is there.")
    ]
    assert evaluation[0]["completed_at"] is not None


def test_all_rounds_lie_in_one_running_phase_and_feed_back_the_explanation(api: Api, model: FakeModel) -> None:
    session = api.session()
    model.script(*verdict("A page fed", MISSING, SATISFIED))
    log = api.turn(session, "begin")
    api.send(session, define("A page fed", rubric={"type": "text", "content": "It has a title."}))
    log = api.turn(session, "again")[len(log) :]
    kinds = types_of(log)
    assert kinds.count("session.status_running") == kinds.count("session.status_idle") == 1
    assert kinds.count("span.outcome_evaluation_start") == kinds.count("span.outcome_evaluation_end") == 2
    assert kinds.index("session.status_running") < kinds.index("span.outcome_evaluation_start")
    assert kinds[-1] == "session.status_idle"
    assert kinds.count("user.message") == 1
    ended = next(one for one in log if one["type"] == "span.outcome_evaluation_end")
    started = next(one for one in log if one["type"] == "span.outcome_evaluation_start")
    assert ended["outcome_evaluation_start_id"] == started["id"]
    assert (ended["explanation"], ended["feedback"]) == ("The title is missing.", "The title is missing.")
    heard = [str(one["body"]["messages"]) for one in model.requests if "<asked>" not in one["text"]]
    assert "The title is missing." in heard[-1]
    assert "It has a title." in heard[-1]


def test_a_judge_that_never_agrees_stops_after_its_rounds(api: Api, model: FakeModel) -> None:
    session = api.session()
    model.script(*verdict("A page refused", MISSING, MISSING))
    api.send(session, define("A page refused", rubric="x", max_iterations=2))
    log = api.turn(session, "begin")
    assert rounds(log) == [(0, "needs_revision"), (1, "max_iterations_reached")]
    kinds = types_of(log)
    assert kinds.count("session.status_idle") == 1
    closing = kinds.index("agent.message", len(kinds) - 1 - kinds[::-1].index("span.outcome_evaluation_end"))
    assert closing < len(kinds) - 1
    assert api.get(f"/v1/sessions/{session}")["outcome_evaluations"][0]["result"] == "max_iterations_reached"


def test_a_second_one_waits_until_the_first_is_decided(api: Api, model: FakeModel) -> None:
    session = api.session()
    model.script(*verdict("First of two", SATISFIED), *verdict("Second of two", SATISFIED))
    api.send(session, define("First of two", rubric="x"))
    assert api.send(session, define("Second of two", rubric="x")).status_code == 400
    api.turn(session, "begin")
    assert api.send(session, define("Second of two", rubric="x")).status_code == 202
    assert rounds(api.turn(session, "go on")) == [(0, "satisfied"), (0, "satisfied")]


def test_a_grader_without_a_verdict_fails_the_outcome_not_the_turn(api: Api, model: FakeModel) -> None:
    session = api.session()
    vague = {"blocks": [{"type": "text", "text": "Looks fine to me."}], "match": "<asked>\nA vague page\n</asked>"}
    model.script(vague, vague)
    api.send(session, define("A vague page", rubric="x"))
    log = api.turn(session, "begin")
    assert rounds(log) == [(0, "failed")]
    assert log[-1]["stop_reason"] == {"type": "end_turn"}


def test_a_failing_grader_is_asked_again(api: Api, model: FakeModel) -> None:
    session = api.session()
    asked = "<asked>\nA busy grader\n</asked>"
    model.script({"error": {"status": 529}, "match": asked}, *verdict("A busy grader", SATISFIED))
    api.send(session, define("A busy grader", rubric="x"))
    assert rounds(api.turn(session, "begin")) == [(0, "satisfied")]


def test_what_the_grader_uses_is_in_the_totals(api: Api, model: FakeModel) -> None:
    session = api.session()
    model.script(*verdict("A page that costs", SATISFIED))
    api.send(session, define("A page that costs", rubric="x"))
    log = api.turn(session, "tokens:5")
    spent = [one["model_usage"] for one in log if one["type"] == "span.model_request_end"]
    spent += [one["usage"] for one in log if one["type"] == "span.outcome_evaluation_end"]
    total = api.get(f"/v1/sessions/{session}")["usage"]
    assert total["input_tokens"] == sum(one["input_tokens"] for one in spent) == 20
    assert total["output_tokens"] == sum(one["output_tokens"] for one in spent)


def test_an_interrupt_in_a_round_decides_it(api: Api, model: FakeModel) -> None:
    session = api.session()
    asked = "<asked>\nA slow judge\n</asked>"
    model.script({"blocks": [{"type": "text", "text": "x"}], "hang": 0, "match": asked})
    api.send(session, define("A slow judge", rubric="x"))
    api.say(session, "begin tokens:2")
    wait_for(lambda: "span.outcome_evaluation_start" in types_of(api.log(session)), "the round to begin")
    assert api.post(f"/v1/sessions/{session}/cancel")["status"] == "idle"
    log = api.log(session)
    assert rounds(log) == [(0, "interrupted")]
    assert log[-1]["stop_reason"] == {"type": "end_turn"}
    assert api.get(f"/v1/sessions/{session}")["outcome_evaluations"][0]["result"] == "interrupted"
    assert api.send(session, define("Another", rubric="x")).status_code == 202


@pytest.mark.parametrize(
    ("verifier", "results"),
    [
        ({"type": "verifiable", "scorer": "contains", "opts": {"expected": "HI"}}, ["satisfied"]),
        ({"type": "verifiable", "scorer": "exact_match", "opts": {"expected": "42"}}, ["max_iterations_reached"]),
        ({"type": "verifiable", "scorer": "number", "opts": {"expected": "x"}}, ["failed"]),
        (
            {
                "type": "composite",
                "mode": "any",
                "verifiers": [
                    {"type": "verifiable", "scorer": "exact_match", "opts": {"expected": "42"}},
                    {"type": "verifiable", "scorer": "contains", "opts": {"expected": "word"}},
                ],
            },
            ["satisfied"],
        ),
    ],
    ids=["contains", "exact", "broken", "composite"],
)
def test_a_verifier_goes_before_a_rubric(api: Api, model: FakeModel, verifier: Json, results: list[str]) -> None:
    session = api.session()
    api.send(session, define("Verified", rubric="x", verifier=verifier, max_iterations=1))
    log = api.turn(session, "tokens:3")
    assert [result for _, result in rounds(log)] == results
    assert not [one for one in model.requests if "<asked>" in one["text"]]


def test_a_script_in_the_sandbox_verifies(api: Api, model: FakeModel) -> None:
    agent = api.agent(tools=[{"type": "agent_toolset_20260401"}])
    session = api.session(agent)
    script = {"type": "script", "verify_script": "grep -q done /workspace/report.txt || { echo no report; exit 3; }"}
    api.send(session, define("A report", verifier=script))
    write = {"type": "tool_use", "id": "a", "name": "bash", "input": {"command": "echo done > report.txt"}}
    model.script(
        {"blocks": [{"type": "text", "text": "I did it."}], "match": "please report"},
        {"blocks": [write], "stop_reason": "tool_use", "match": "no report"},
    )
    log = api.turn(session, "please report")
    assert rounds(log) == [(0, "needs_revision"), (1, "satisfied")]
    first = next(one for one in log if one["type"] == "span.outcome_evaluation_end")
    assert "no report" in first["explanation"]


def test_a_rubric_may_stand_in_a_file(api: Api, model: FakeModel) -> None:
    file = api.post("/v1/files", filename="rubric.md", content="It names the moon.", media_type="text/markdown")
    session = api.session()
    model.script(*verdict("From a file", SATISFIED))
    answer = api.send(
        session,
        define("From a file", rubric={"type": "file", "file_id": file["id"]}),
        headers={"prefer": "return=representation"},
    )
    (told,) = answer.json()["data"]
    assert told["rubric"] == {"type": "text", "content": "It names the moon."}
    assert told["outcome_id"].startswith("outc_")
    api.turn(session, "begin")
    assert any("It names the moon." in one["text"] for one in model.requests if "<asked>" in one["text"])
    unknown = define("x", rubric={"type": "file", "file_id": "file_" + "0" * 32})
    assert api.send(session, unknown).status_code == 400


def test_a_message_sent_during_a_round_is_answered_afterwards(api: Api, model: FakeModel) -> None:
    session = api.session()
    model.script(*verdict("While judged", SATISFIED))
    gate = "<asked>\nWhile judged\n</asked>"
    model.hold(at="arrival", match=gate)
    api.send(session, define("While judged", rubric="x"))
    api.say(session, "begin")
    model.wait_held(1)
    assert api.send(session, message("and then tokens:2")).status_code == 202
    model.release()
    wait_for(lambda: types_of(api.log(session)).count("session.status_idle") == 2, "both turns")
    log = api.log(session)
    assert types_of(log).index("span.outcome_evaluation_end") < types_of(log).index("session.status_idle")
