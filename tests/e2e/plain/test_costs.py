"""What models cost: the report by day and model, prices of the tenant's own, and the count of things."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from tests.fakes.model_server import FakeModel
from tests.support.api import Api, Json

PRICE: Json = {"model": "claude-test", "input": "1", "output": "10"}


def test_what_turns_cost_is_added_up_by_model_and_day(api: Api, stranger: Api) -> None:
    api.ok("PUT", "/v1/cost_report/pricing", PRICE)
    sessions = [api.session() for _ in range(3)]
    with ThreadPoolExecutor(3) as pool:
        list(pool.map(lambda session: api.turn(session, "tokens:5"), sessions))
    api.turn(api.session(api.agent(model="gpt-unknown-model")), "tokens:2")
    report = api.get("/v1/cost_report")
    first, other = report["data"]
    assert (first["model"], first["date"]) == ("claude-test", datetime.now(UTC).date().isoformat())
    assert (first["model_calls"], first["input_tokens"], first["output_tokens"]) == (3, 30, 15)
    assert (first["cost_usd"], first["unpriced_calls"]) == ("0.00018", 0)
    assert (other["model"], other["unpriced_calls"], other["cost_usd"]) == ("gpt-unknown-model", 1, "0")
    assert (report["total"]["model_calls"], report["total"]["cost_usd"]) == (4, "0.00018")
    assert [one["model"] for one in report["models"]] == ["claude-test", "gpt-unknown-model"]
    costs = [float(api.get(f"/v1/sessions/{session}")["usage"]["cost_usd"]) for session in sessions]
    assert sum(costs) == pytest.approx(0.00018)
    assert stranger.get("/v1/cost_report")["data"] == []


def test_a_turn_that_waits_is_counted_once(api: Api) -> None:
    tool = {"type": "custom", "name": "ask", "description": "d", "input_schema": {"type": "object"}}
    session = api.session(api.agent(tools=[tool]))
    api.turn(session, "tools:1 tokens:4")
    first = api.get("/v1/cost_report")["total"]
    assert first["model_calls"] == 1
    (use,) = api.get(f"/v1/sessions/{session}")["stop_reason"]["event_ids"]
    answer = {"type": "user.custom_tool_result", "custom_tool_use_id": use, "content": [{"type": "text", "text": "x"}]}
    api.send(session, answer)
    api.wait_idle(session)
    total, usage = api.get("/v1/cost_report")["total"], api.get(f"/v1/sessions/{session}")["usage"]
    assert total["model_calls"] == 2
    assert (total["input_tokens"], total["output_tokens"]) == (usage["input_tokens"], usage["output_tokens"])


def test_a_session_that_is_deleted_at_work_leaves_what_it_has_spent_in_the_report(api: Api, model: FakeModel) -> None:
    api.ok("PUT", "/v1/cost_report/pricing", PRICE)
    session = api.session(api.agent(tools=[{"type": "agent_toolset_20260401"}]), end_user="ann")
    api.turn(session, "tokens:5")
    use = {"type": "tool_use", "name": "glob", "input": {"pattern": "*"}}
    model.script({"blocks": [use], "usage": {"output_tokens": 200}, "match": "dear"})
    model.hold(at="stop", match="dear")
    api.say(session, "dear")
    model.wait_held(1, 30)
    model.release()
    model.hold(at="stop", match="dear")
    model.wait_held(1, 30)
    api.ok("DELETE", f"/v1/sessions/{session}")
    model.release()
    for query in ({}, {"end_user": "ann"}):
        total = api.get("/v1/cost_report", **query)["total"]
        assert (total["output_tokens"], total["cost_usd"]) == (205, "0.00207")


def test_the_report_is_for_the_days_that_are_asked(api: Api) -> None:
    api.turn(api.session(), "tokens:2")
    today = datetime.now(UTC).date()
    yesterday, long_ago = today - timedelta(days=1), today - timedelta(days=91)
    assert api.get("/v1/cost_report", **{"from": str(today), "to": str(today)})["total"]["model_calls"] == 1
    assert api.get("/v1/cost_report", **{"from": str(long_ago), "to": str(today)})["total"]["model_calls"] == 1
    assert api.get("/v1/cost_report", to=str(yesterday))["data"] == []
    assert api.get("/v1/cost_report", model="other")["data"] == []
    for query in (
        "from=2020-01-01",
        "from=x",
        "to=9999-12-31",
        "to=0001-01-01",
        "from=9999-12-31",
        f"from={today}&to={yesterday}",
    ):
        assert api.call("GET", f"/v1/cost_report?{query}").status_code == 400


def test_prices_are_set_listed_and_forgotten(api: Api, stranger: Api) -> None:
    put = api.ok("PUT", "/v1/cost_report/pricing", PRICE | {"cache_read": "0.1"})
    assert {name: put[name] for name in (*PRICE, "cache_read", "cache_write")} == PRICE | {
        "cache_read": "0.1",
        "cache_write": None,
    }
    assert api.get("/v1/cost_report/pricing")["data"] == [put]
    again = api.ok("PUT", "/v1/cost_report/pricing", PRICE | {"input": "2"})
    assert api.get("/v1/cost_report/pricing")["data"] == [again]
    assert stranger.get("/v1/cost_report/pricing")["data"] == []
    assert api.ok("DELETE", "/v1/cost_report/pricing?model=claude-test")["type"] == "price_deleted"
    assert api.call("DELETE", "/v1/cost_report/pricing?model=claude-test").status_code == 404
    assert api.call("DELETE", "/v1/cost_report/pricing").status_code == 400
    assert api.call("PUT", "/v1/cost_report/pricing", {"model": "x", "input": "1"}).status_code == 400
    assert api.get("/v1/cost_report/pricing")["data"] == []


def test_things_are_counted(api: Api, stranger: Api) -> None:
    agent = api.agent()
    api.session(agent)
    api.post("/v1/vaults", name="v")
    archived = api.post("/v1/vaults", name="w")["id"]
    api.post(f"/v1/vaults/{archived}/archive")
    counts = api.get("/v1/stats")
    assert counts == {
        "agents": 1,
        "sessions": 1,
        "environments": 1,
        "vaults": 1,
        "skills": 0,
        "model_cards": 0,
        "api_keys": 1,
        "capped": [],
    }
    assert {counts for noun, counts in stranger.get("/v1/stats").items() if noun not in ("api_keys", "capped")} == {0}
