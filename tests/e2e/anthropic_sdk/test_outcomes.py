"""Outcomes through the official client: they start the work, and their records fit the client's types."""

import json
from typing import Any

from anthropic import Anthropic

from tests.e2e.anthropic_sdk.helpers import listed, make_session, rest, send
from tests.fakes.model_server import FakeModel
from tests.support.api import wait_for

MISSING = {"result": "needs_revision", "explanation": "More."}
SATISFIED = {"result": "satisfied", "explanation": "Done."}


def define(description: str, **fields: Any) -> Any:
    """The event that defines an outcome."""
    rubric = {"type": "text", "content": "It has a title."}
    return {"type": "user.define_outcome", "description": description, "rubric": rubric, **fields}


def grader(description: str, *verdicts: dict[str, str]) -> list[Any]:
    """What the grader answers."""
    return [
        {"blocks": [{"type": "text", "text": json.dumps(one)}], "match": f"<asked>\n{description}\n</asked>"}
        for one in verdicts
    ]


def results(events: list[Any]) -> list[tuple[int, str]]:
    """Iteration and result of each round."""
    return [(one.iteration, one.result) for one in events if one.type == "span.outcome_evaluation_end"]


def test_an_outcome_starts_the_work_without_a_message(client: Anthropic, model: FakeModel) -> None:
    session = make_session(client)
    model.script(*grader("Sdk page", MISSING, SATISFIED))
    (accepted,) = send(client, session.id, define("Sdk page"))
    assert accepted.outcome_id.startswith("outc_")
    assert accepted.processed_at is not None
    assert accepted.max_iterations == 3
    shown = rest(client, session.id)
    (evaluation,) = shown.outcome_evaluations
    assert (evaluation.outcome_id, evaluation.result, evaluation.iteration) == (accepted.outcome_id, "satisfied", 1)
    events = listed(client, session.id)
    assert results(events) == [(0, "needs_revision"), (1, "satisfied")]
    kinds = [one.type for one in events]
    assert kinds[0] == "user.define_outcome"
    assert kinds.count("session.status_running") == kinds.count("session.status_idle") == 1
    assert (
        kinds.index("session.status_running")
        < kinds.index("agent.message")
        < kinds.index("span.outcome_evaluation_start")
    )
    assert kinds[-1] == "session.status_idle"


def test_a_session_may_begin_with_an_outcome(client: Anthropic, model: FakeModel) -> None:
    model.script(*grader("From the start", SATISFIED))
    session = make_session(client, initial_events=[define("From the start")])
    assert session.status == "running"
    assert session.outcome_evaluations[0].result == "running"
    assert rest(client, session.id).outcome_evaluations[0].result == "satisfied"


def test_the_limit_gives_one_closing_turn(client: Anthropic, model: FakeModel) -> None:
    session = make_session(client)
    model.script(*grader("Never good", MISSING))
    send(client, session.id, define("Never good", max_iterations=1))
    rest(client, session.id)
    events = listed(client, session.id)
    assert results(events) == [(0, "max_iterations_reached")]
    kinds = [one.type for one in events]
    end = kinds.index("span.outcome_evaluation_end")
    assert kinds[end:].count("agent.message") == 1


def test_an_interrupt_while_working_towards_it_decides_it(client: Anthropic, model: FakeModel) -> None:
    session = make_session(client)
    send(client, session.id, define("Slow work tokens:3 hang:2"))
    wait_for(lambda: len(model.requests) == 1, "the model to be asked")
    send(client, session.id, {"type": "user.interrupt"})
    assert rest(client, session.id).outcome_evaluations[0].result == "interrupted"
    assert results(listed(client, session.id)) == [(0, "interrupted")]


def test_one_defined_while_a_turn_runs_is_judged_at_its_end(client: Anthropic, model: FakeModel) -> None:
    session = make_session(client)
    model.script(*grader("Along the way", SATISFIED))
    model.hold(at="stop", match="first")
    send(client, session.id, {"type": "user.message", "content": [{"type": "text", "text": "first tokens:2"}]})
    model.wait_held(1)
    send(client, session.id, define("Along the way"))
    model.release()
    rest(client, session.id)
    events = listed(client, session.id)
    assert results(events) == [(0, "satisfied")]
    kinds = [one.type for one in events]
    assert kinds.count("session.status_idle") == 1
    assert kinds.count("agent.message") == 2
