"""Graders: their model calls count against spending limits as those of runs do, and only a number is a score."""

import json
from datetime import date
from typing import Any

import pytest

from chalicelib.evals import grading
from chalicelib.evals.errors import TrialFailed
from chalicelib.runs.worker import NO_LIMIT_MS
from chalicelib.spending.limit_draft import LimitCreate
from chalicelib.spending.limits import Limit
from chalicelib.spending.model import Spent
from chalicelib.spending.store import today
from tests.functional.runs.conftest import Rig
from tests.support.endpoint import Endpoint

PRICED = "claude-3-haiku"
_RUBRIC = {"type": "rubric", "rubric": "It must rhyme", "model": PRICED}
_VERDICT = {"blocks": [{"type": "text", "text": json.dumps({"result": "satisfied", "explanation": "It rhymes."})}]}


def graded(rig: Rig, reward: dict[str, Any]) -> dict[str, Any]:
    """The grade of the rig's session."""
    grader = rig.services.evals.trials._helpers.grader
    session = rig.services.sessions.get(rig.ref)
    return grader.grade(rig.ref, session.spec, reward, lambda: NO_LIMIT_MS)


def limited(rig: Rig, **sent: Any) -> Limit:
    """A new limit."""
    return rig.services.limiting.limits.create(rig.ref.space, LimitCreate.model_validate({"scope": "tenant"} | sent))


def counted(rig: Rig, limit: Limit) -> tuple[int, int]:
    """(spent, reserved) in the smallest parts."""
    return rig.services.limiting.limits.counted(rig.ref.space, [limit])[limit.id]


def test_a_judge_is_paid_out_of_the_limits_that_its_trial_has(rig: Rig) -> None:
    made = [limited(rig, max_list_cost={"amount": "100"})]
    agent = rig.services.sessions.get(rig.ref).spec.agent["id"]
    made.append(limited(rig, scope="agent", agent_id=agent, max_list_cost={"amount": "100"}))
    rig.model.script(_VERDICT)
    assert graded(rig, _RUBRIC)["passed"]
    for one in made:
        spent, reserved = counted(rig, one)
        assert spent > 0
        assert reserved == 0


@pytest.mark.parametrize(
    "limit", [{"blocked": True}, {"max_list_cost": {"amount": "0"}}], ids=["kill switch", "nothing left"]
)
def test_no_judge_is_asked_where_no_model_may_be(rig: Rig, limit: dict[str, Any]) -> None:
    limited(rig, **limit)
    with pytest.raises(TrialFailed, match="spending limit"):
        graded(rig, _RUBRIC)
    assert rig.model.requests == []


def test_what_a_judge_that_failed_had_reserved_is_free_again(rig: Rig) -> None:
    made = limited(rig, max_list_cost={"amount": "100"})
    with pytest.raises(TrialFailed, match="could not be asked"):
        graded(rig, _RUBRIC | {"rubric": "error:400"})
    assert len(rig.model.requests) == 1
    assert counted(rig, made) == (0, 0)


def reported(rig: Rig) -> list[Spent]:
    """The tenant's cost report of this day."""
    day = date.fromisoformat(today())
    return rig.services.spending.between(rig.ref.space, day, day)


def test_what_judges_cost_is_in_the_report(rig: Rig) -> None:
    limit = limited(rig, max_list_cost={"amount": "100"})
    unclear = {"blocks": [{"type": "text", "text": "It may rhyme."}]}
    rig.model.script(unclear, _VERDICT)
    assert graded(rig, _RUBRIC)["passed"]
    (row,) = reported(rig)
    assert (row.model, row.source, row.calls, row.unpriced) == (PRICED, "grader", 2, 0)
    assert (row.input_tokens, row.output_tokens > 0) == (20, True)
    assert int(row.cost * 10**12) == counted(rig, limit)[0] > 0


def test_a_judge_that_failed_costs_nothing(rig: Rig) -> None:
    with pytest.raises(TrialFailed, match="could not be asked"):
        graded(rig, _RUBRIC | {"rubric": "error:400"})
    assert reported(rig) == []


def test_a_judge_that_does_not_come_to_an_end_is_stopped_and_what_it_read_is_counted(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    limit = limited(rig, max_list_cost={"amount": "100"})
    monkeypatch.setattr(grading, "_JUDGE_SECONDS", 0.5)
    with pytest.raises(TrialFailed, match="took too long"):
        graded(rig, _RUBRIC | {"rubric": "hang:3"})
    (row,) = reported(rig)
    assert (row.source, row.calls) == ("grader", 1)
    assert row.input_tokens > 0
    spent, reserved = counted(rig, limit)
    assert spent == int(row.cost * 10**12) > 0
    assert reserved == 0


@pytest.mark.parametrize("score", ["NaN", "Infinity", "-Infinity", "1e999", "1" + "0" * 400, "true", '"1"', "null"])
def test_what_is_no_finite_number_is_no_score(rig: Rig, score: str) -> None:
    with Endpoint(f'{{"score": {score}}}') as endpoint, pytest.raises(TrialFailed, match="gave no score"):
        graded(rig, {"type": "reward_model", "endpoint": endpoint.url})


def test_a_number_is_a_score(rig: Rig) -> None:
    with Endpoint('{"score": 0.75}') as endpoint:
        found = graded(rig, {"type": "reward_model", "endpoint": endpoint.url})
    assert (found["final_reward"], found["passed"]) == (0.75, True)


def test_an_answer_that_is_nested_without_end_is_no_verdict(rig: Rig) -> None:
    rig.model.script(*[{"blocks": [{"type": "text", "text": '{"result":' * 5000}]}] * 2)
    with pytest.raises(TrialFailed, match="gave no verdict"):
        graded(rig, _RUBRIC)
