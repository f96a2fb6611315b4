"""Budgets: no model call is made once the list prices of a session's calls have reached what it may cost."""

import pytest

from tests.fakes.model_server import FakeModel
from tests.support.api import Api, Json, message, types_of

PRICED = "claude-3-haiku"
"""A quarter of a dollar for a million tokens read."""


def budget(cents: int) -> Json:
    """A budget on the wire."""
    return {"type": "limit", "max_list_cost": {"amount": str(cents), "currency": "USD"}}


def calls_tool(text: str, reads: int) -> Json:
    """A scripted answer that reads so many million tokens and asks for a tool."""
    use = {"type": "tool_use", "id": "a", "name": "ask", "input": {}}
    usage = {"input_tokens": reads * 1_000_000, "output_tokens": 1}
    return {"blocks": [use], "stop_reason": "tool_use", "usage": usage, "match": text}


@pytest.fixture
def session(api: Api) -> str:
    """A session that may cost a dollar, with a tool of the client."""
    tool = {"type": "custom", "name": "ask", "description": "Asks.", "input_schema": {"type": "object"}}
    return api.session(api.agent(model=PRICED, tools=[tool]), budget=budget(100))


def reach(api: Api, model: FakeModel, session: str) -> list[Json]:
    """Spend the budget in the middle of a turn; the log."""
    model.script(calls_tool("spend it", 4))
    api.say(session, "spend it")
    api.wait_idle(session)
    use = next(one for one in api.log(session) if one["type"] == "agent.custom_tool_use")
    answer = {"type": "user.custom_tool_result", "custom_tool_use_id": use["id"], "content": "ok"}
    assert api.send(session, answer).status_code == 202
    api.wait_idle(session)
    return api.log(session)


def test_at_the_cap_the_session_pauses_and_tells_so(api: Api, model: FakeModel, session: str) -> None:
    log = reach(api, model, session)
    assert types_of(log)[-3:] == ["session.thread_status_idle", "session.usage", "session.status_idle"]
    assert [one["stop_reason"]["type"] for one in (log[-3], log[-1])] == ["budget_reached", "budget_reached"]
    assert log[-2]["budget"] == budget(100)
    assert log[-2]["usage"]["list_cost"] == {"amount": "100", "currency": "USD"}
    shown = api.get(f"/v1/sessions/{session}")
    assert (shown["budget"], shown["stop_reason"]["type"]) == (budget(100), "budget_reached")
    assert len(model.requests) == 1


def test_requires_action_goes_before_the_budget(api: Api, model: FakeModel, session: str) -> None:
    model.script(calls_tool("spend it", 9))
    log = api.turn(session, "spend it")
    assert log[-1]["stop_reason"]["type"] == "requires_action"


def test_nothing_but_answers_and_interrupts_is_taken_at_the_cap(api: Api, model: FakeModel, session: str) -> None:
    before = reach(api, model, session)
    refused = api.send(session, message("more"))
    assert (refused.status_code, refused.json()["error"]["type"]) == (400, "invalid_request")
    assert "budget" in refused.json()["error"]["message"]
    assert len(api.log(session)) == len(before)
    assert api.send(session, {"type": "user.interrupt"}).status_code == 202
    assert api.wait_idle(session)["stop_reason"] == {"type": "end_turn"}


@pytest.mark.parametrize("change", [budget(500), None], ids=["raised", "removed"])
def test_a_larger_budget_resumes_by_itself(api: Api, model: FakeModel, session: str, change: Json | None) -> None:
    before = len(reach(api, model, session))
    shown = api.ok("POST", f"/v1/sessions/{session}", {"budget": change})
    assert (shown["budget"], shown["status"]) == (change, "running")
    assert api.wait_idle(session)["stop_reason"] == {"type": "end_turn"}
    after = types_of(api.log(session)[before:])
    assert after[:2] == ["session.updated", "session.status_running"]
    assert "agent.message" in after
    assert len(model.requests) == 2


def test_a_budget_cannot_come_later_nor_be_below_what_is_spent(api: Api, model: FakeModel, session: str) -> None:
    reach(api, model, session)
    for cents in (1, 100):
        answer = api.call("POST", f"/v1/sessions/{session}", {"budget": budget(cents)})
        assert (answer.status_code, answer.json()["error"]["code"]) == (400, "budget_not_raised")
    api.ok("POST", f"/v1/sessions/{session}", {"budget": None})
    answer = api.call("POST", f"/v1/sessions/{session}", {"budget": budget(900)})
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "budget_create_only")


def test_a_model_without_a_known_price_cannot_be_budgeted(api: Api) -> None:
    wanted = {"agent": api.agent(model="nobody-knows")["id"], "environment_id": api.environment()["id"]}
    answer = api.call("POST", "/v1/sessions", wanted | {"budget": budget(100)})
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "model_not_budgetable")
    for bad in ("0", "-5", "1.5", "x", ""):
        body = wanted | {"budget": {"type": "limit", "max_list_cost": {"amount": bad, "currency": "USD"}}}
        assert api.call("POST", "/v1/sessions", body).status_code == 400


def test_messages_behind_the_cap_wait_for_a_larger_budget(api: Api, model: FakeModel, session: str) -> None:
    model.script(calls_tool("spend it", 4))
    model.hold(at="stop", match="spend it")
    api.say(session, "spend it")
    model.wait_held(1)
    assert api.say(session, "later tokens:2").status_code == 202
    model.release()
    api.wait_idle(session)
    api.send(session, {"type": "user.interrupt"})
    api.wait_idle(session)
    assert len(model.requests) == 1
    api.ok("POST", f"/v1/sessions/{session}", {"budget": budget(500)})
    assert api.wait_idle(session)["stop_reason"] == {"type": "end_turn"}
