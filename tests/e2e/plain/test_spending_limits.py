"""Spending limits: reserved before each model call, settled after it; kill switches; what is at work, and its stop."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.fakes.model_server import FakeModel
from tests.support.api import SDK_HEADERS, Api, Json, message, wait_for
from tests.support.server import Server

PRICE: Json = {"model": "claude-test", "input": "0", "output": "1000"}
"""A tenth of a cent for each token said; at most 8192 are, so that a call reserves 8.192 dollars."""
LISTED = "claude-3-haiku"
"""A model of the price list; its longest answer costs a little more than a cent."""


@pytest.fixture
def priced(api: Api) -> Api:
    """A client whose model has a price."""
    api.ok("PUT", "/v1/cost_report/pricing", PRICE)
    return api


@pytest.fixture
def operator(server: Server) -> Iterator[Api]:
    """The operator."""
    client = Api(server.url, server.root_key)
    yield client
    client.close()


def limit(api: Api, cents: int | None = None, **fields: object) -> Json:
    """A new limit of the tenant."""
    cost = {} if cents is None else {"max_list_cost": {"amount": str(cents), "currency": "USD"}}
    return api.post("/v1/spending_limits", **({"scope": "tenant"} | cost | fields))


def shown(api: Api, made: Json) -> Json:
    """A limit as it is now."""
    return api.get(f"/v1/spending_limits/{made['id']}")


def errors(log: list[Json]) -> list[Json]:
    """The errors in a log."""
    return [one["error"] for one in log if one["type"] == "session.error"]


def tenant_of(api: Api) -> str:
    """The tenant's id."""
    return str(api.get("/v1/me")["tenant"]["id"])


def test_a_limit_counts_what_calls_did_cost_and_refuses_what_might_be_too_much(priced: Api, model: FakeModel) -> None:
    made = limit(priced, 900, period="day")
    session = priced.session()
    assert errors(priced.turn(session, "tokens:500")) == []
    now = shown(priced, made)
    assert (now["spent_usd"], now["reserved_usd"], now["opens_at"][11:]) == ("0.5", "0", "00:00:00.000Z")
    assert errors(priced.turn(session, "tokens:500")) == []
    (error,) = errors(priced.turn(session, "tokens:1"))
    assert error["type"] == "billing_error"
    for words in ("the spending limit of the tenant for the day", "(9.00 USD) is reached", now["opens_at"]):
        assert words in error["message"]
    rests = priced.get(f"/v1/sessions/{session}")
    assert (rests["status"], rests["stop_reason"]) == ("idle", {"type": "retries_exhausted"})
    assert len(model.requests) == 2
    assert shown(priced, made)["spent_usd"] == "1"
    raised = priced.ok("PATCH", f"/v1/spending_limits/{made['id']}", {"max_list_cost": {"amount": "1000"}})
    assert raised["max_list_cost"] == {"amount": "1000", "currency": "USD"}
    assert len(errors(priced.turn(session, "tokens:2"))) == 1
    assert shown(priced, made)["spent_usd"] == "1.001"


def test_sessions_at_once_cannot_spend_more_together(priced: Api, model: FakeModel) -> None:
    made = limit(priced, 2000)
    sessions = [priced.session() for _ in range(6)]
    model.hold(at="stop", match="all at once")
    for session in sessions:
        priced.say(session, "tokens:3 all at once")
    model.wait_held(2)
    wait_for(lambda: sum(priced.status(one) == "idle" for one in sessions) == 4, "four to be refused")
    assert shown(priced, made)["reserved_usd"].startswith("16.384")
    model.release()
    refused = [errors((priced.wait_idle(one), priced.log(one))[1]) for one in sessions]
    assert sum(bool(one) for one in refused) == 4
    assert (shown(priced, made)["spent_usd"], shown(priced, made)["reserved_usd"]) == ("0.006", "0")


def test_agents_and_end_users_have_limits_of_their_own(priced: Api) -> None:
    poor, rich = priced.agent(), priced.agent()
    limit(priced, 1, scope="agent", agent_id=poor["id"])
    each = limit(priced, 820, scope="end_user", period="month")
    (error,) = errors(priced.turn(priced.session(poor), "tokens:1"))
    assert "is smaller than what one model call may cost" in error["message"]
    first = priced.session(rich, end_user="ann")
    assert errors(priced.turn(first, "tokens:50")) == []
    assert "of the end user for the month" in errors(priced.turn(first, "tokens:1"))[0]["message"]
    assert errors(priced.turn(priced.session(rich, metadata={"user_id": "bob"}), "tokens:1")) == []
    assert errors(priced.turn(priced.session(rich), "tokens:5")) == []
    assert (shown(priced, each)["spent_usd"], shown(priced, each)["end_user"]) == (None, None)


def test_a_session_shows_its_end_user_and_lists_go_by_it(api: Api, sdk_api: Api) -> None:
    agent = api.agent()
    ann = api.session(agent, end_user="ann")
    bob = sdk_api.session(agent, metadata={"user_id": "bob"})
    neither = api.session(agent)
    assert [api.get(f"/v1/sessions/{one}")["end_user"] for one in (ann, bob, neither)] == ["ann", "bob", None]
    assert [one["id"] for one in api.get("/v1/sessions", end_user="bob")["data"]] == [bob]
    body = {"agent": agent["id"], "environment_id": api.environment()["id"], "end_user": "x" * 257}
    assert api.call("POST", "/v1/sessions", body).status_code == 400


def test_where_a_limit_applies_a_model_without_a_price_is_refused(api: Api, model: FakeModel) -> None:
    limit(api, 100_000)
    (error,) = errors(api.turn(api.session(api.agent(model="claude-nobody-knows")), "tokens:1"))
    assert (error["type"], "price of the model is not known" in error["message"]) == ("billing_error", True)
    assert model.requests == []


def test_a_failed_call_costs_nothing_and_gives_back_what_was_reserved(priced: Api) -> None:
    made = limit(priced, 900)
    assert len(errors(priced.turn(priced.session(), "error:400"))) == 1
    assert (shown(priced, made)["spent_usd"], shown(priced, made)["reserved_usd"]) == ("0", "0")


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
def test_calls_of_bare_models_count_as_well(priced: Api, model: FakeModel, *, stream: bool) -> None:
    made = limit(priced, 900)
    body = {"model": "claude-test", "messages": [{"role": "user", "content": "tokens:900"}], "stream": stream}
    assert priced.call("POST", "/v1/chat/completions", body).status_code == 200
    wait_for(lambda: shown(priced, made)["reserved_usd"] == "0", "the call to be settled")
    assert shown(priced, made)["spent_usd"] == "0.9"
    refused = priced.call("POST", "/v1/chat/completions", body)
    assert refused.status_code >= 400
    assert "(9.00 USD) is reached" in refused.text
    small = priced.call("POST", "/v1/chat/completions", body | {"max_tokens": 1000})
    assert small.status_code == 200
    limit(priced, scope="end_user", end_user="ann", blocked=True)
    assert priced.call("POST", "/v1/chat/completions", body | {"user": "ann", "max_tokens": 10}).status_code == 403


def test_a_kill_switch_stops_what_runs_and_refuses_messages(priced: Api, model: FakeModel) -> None:
    agent = priced.agent()
    session, other = priced.session(agent), priced.session()
    model.hold(at="stop", match="linger")
    priced.say(session, "linger")
    model.wait_held(1)
    made = limit(priced, scope="agent", agent_id=agent["id"], blocked=True)
    priced.wait_idle(session, 2)
    model.release()
    refused = priced.say(session, "more")
    assert (refused.status_code, refused.json()["error"]["type"]) == (403, "forbidden")
    assert "blocks all model calls" in refused.json()["error"]["message"]
    path = f"/v1/sessions/{session}/events"
    of_sdk = priced.call("POST", path, {"events": [message("x")]}, headers=SDK_HEADERS)
    assert (of_sdk.status_code, of_sdk.json()["error"]["type"]) == (403, "permission_error")
    new = {"agent": agent["id"], "environment_id": priced.environment()["id"], "initial_events": [message("x")]}
    assert priced.call("POST", "/v1/sessions", new).status_code == 403
    assert priced.send(session, {"type": "user.interrupt"}).status_code == 202
    assert errors(priced.turn(other, "tokens:1")) == []
    assert priced.ok("PATCH", f"/v1/spending_limits/{made['id']}", {"blocked": False})["blocked"] is False
    assert errors(priced.turn(session, "tokens:1")) == []


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
def test_a_kill_switch_breaks_off_the_answers_of_bare_models(priced: Api, model: FakeModel, *, stream: bool) -> None:
    words = [{"role": "user", "content": "tokens:4000 gap:20"}]
    body = {"model": "claude-test", "messages": words, "stream": stream, "max_tokens": 5000, "user": "ann"}
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(priced.call, "POST", "/v1/chat/completions", body)
        wait_for(lambda: [one for one in model.requests if one["tokens"] > 3], "the answer to begin")
        limit(priced, scope="end_user", end_user="ann", blocked=True)
        answer = asked.result(30)
    assert answer.status_code == (200 if stream else 403)
    assert "blocks all model calls" in answer.text
    wait_for(lambda: model.requests[0]["disconnected"], "the model to be left")
    wait_for(lambda: priced.get("/v1/cost_report")["total"]["output_tokens"] > 0, "what was said to be counted")


def test_a_chat_with_an_agent_is_told_of_a_limit_as_one_with_a_model_is(priced: Api, model: FakeModel) -> None:
    limit(priced, 1)
    words = [{"role": "user", "content": "tokens:1"}]
    for named in (priced.agent()["id"], "claude-test"):
        refused = priced.call("POST", "/v1/chat/completions", {"model": named, "messages": words})
        assert (refused.status_code, refused.json()["error"]["code"]) == (429, "insufficient_quota")
        assert refused.headers["x-should-retry"] == "false"
    assert model.requests == []


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
def test_the_answer_of_an_agent_that_was_stopped_is_not_told_as_whole(
    priced: Api, model: FakeModel, *, stream: bool
) -> None:
    model.hold(at="stop", match="linger here")
    body = {"messages": [{"role": "user", "content": "linger here"}], "stream": stream}
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(priced.call, "POST", "/v1/chat/completions", body | {"model": priced.agent()["id"]})
        model.wait_held(1, 30)
        priced.post("/v1/running/stop")
        answer = asked.result(30)
    model.release()
    assert '"code":"interrupted"' in answer.text.replace(": ", ":")
    if stream:
        assert '"finish_reason":"stop"' not in answer.text
    else:
        assert (answer.status_code, answer.headers["x-should-retry"]) == (409, "false")


def test_the_operators_limits_are_seen_and_cannot_be_changed(
    priced: Api, operator: Api, server: Server, model: FakeModel
) -> None:
    path = f"/admin/tenants/{tenant_of(priced)}/spending_limits"
    made = operator.ok("POST", path, {"scope": "tenant", "blocked": True})
    assert priced.say(priced.session(), "x").status_code == 403
    assert [one["id"] for one in priced.get("/v1/spending_limits")["data"]] == [made["id"]]
    assert shown(priced, made)["set_by"] == "operator"
    for method, body in (("PATCH", {"blocked": False}), ("DELETE", None)):
        answer = priced.call(method, f"/v1/spending_limits/{made['id']}", body)
        assert (answer.status_code, answer.json()["error"]["type"]) == (403, "forbidden")
    assert priced.call("POST", path, {"scope": "tenant", "blocked": True}).status_code in (401, 403)
    stranger = Api(server.url, server.tenant())
    assert errors(stranger.turn(stranger.session(), "tokens:1")) == []
    assert stranger.get("/v1/spending_limits")["data"] == []
    stranger.close()
    operator.ok("PATCH", f"{path}/{made['id']}", {"blocked": False, "max_list_cost": {"amount": "1"}})
    (error,) = errors(priced.turn(priced.session(priced.agent(model=LISTED)), "tokens:1"))
    assert "the operator's spending limit of the tenant in total (0.01 USD)" in error["message"]
    assert operator.ok("DELETE", f"{path}/{made['id']}")["type"] == "spending_limit_deleted"
    assert errors(priced.turn(priced.session(), "tokens:1")) == []
    assert operator.call("GET", "/admin/tenants/tn_x/spending_limits").status_code == 404


def test_the_operators_limits_go_by_the_operators_prices(api: Api, operator: Api, model: FakeModel) -> None:
    path = f"/admin/tenants/{tenant_of(api)}/spending_limits"
    made = operator.ok("POST", path, {"scope": "tenant", "max_list_cost": {"amount": "5"}})
    own = limit(api, 1)
    for name in (LISTED, "claude-unlisted"):
        api.ok("PUT", "/v1/cost_report/pricing", {"model": name, "input": "0", "output": "0"})
    session = api.session(api.agent(model=LISTED))
    assert errors(api.turn(session, "tokens:8000")) == []
    assert shown(api, own)["spent_usd"] == "0"
    assert float(shown(api, made)["spent_usd"]) > 8000 * 1.25 / 10**6
    assert shown(api, made)["reserved_usd"] == "0"
    body = {"model": LISTED, "messages": [{"role": "user", "content": "tokens:8000"}]}
    assert api.call("POST", "/v1/chat/completions", body).status_code == 200
    assert float(shown(api, made)["spent_usd"]) > 2 * 8000 * 1.25 / 10**6
    operator.ok("PATCH", f"{path}/{made['id']}", {"max_list_cost": {"amount": "3"}})
    asked = len(model.requests)
    (error,) = errors(api.turn(session, "tokens:1"))
    assert "the operator's spending limit of the tenant in total (0.03 USD) is reached" in error["message"]
    assert "(0.03 USD) is reached" in api.call("POST", "/v1/chat/completions", body).text
    (error,) = errors(api.turn(api.session(api.agent(model="claude-unlisted")), "tokens:1"))
    assert "not in the operator's price list" in error["message"]
    assert len(model.requests) == asked


def test_the_operators_limits_go_by_a_tenants_own_prices_for_what_its_cards_serve(
    api: Api, operator: Api, model: FakeModel
) -> None:
    path = f"/admin/tenants/{tenant_of(api)}/spending_limits"
    made = operator.ok("POST", path, {"scope": "tenant", "max_list_cost": {"amount": "900"}})
    prices = {"input": "0", "output": "1000"}
    sent = {"model_id": "mine", "provider": "ant-compatible", "api_key": "sk-own", "base_url": model.url}
    api.post("/v1/model_cards", **sent, prices=prices)
    assert errors(api.turn(api.session(api.agent(model="mine")), "tokens:500")) == []
    assert shown(api, made)["spent_usd"] == "0.5"


def test_limits_are_made_once_for_a_repeated_request_and_checked(api: Api) -> None:
    body = {"scope": "tenant", "period": "day", "max_list_cost": {"amount": "007"}}
    twice = [
        api.call("POST", "/v1/spending_limits", body, headers={"idempotency-key": f"{tenant_of(api)}"})
        for _ in range(2)
    ]
    assert [one.status_code for one in twice] == [201, 201]
    assert len({one.json()["id"] for one in twice}) == 1
    assert twice[0].json()["max_list_cost"]["amount"] == "7"
    for bad in (
        {"scope": "tenant"},
        {"scope": "x", "blocked": True},
        {"scope": "tenant", "agent_id": api.agent()["id"], "blocked": True},
        {"scope": "agent", "agent_id": "x", "blocked": True},
        {"scope": "agent", "end_user": "x", "blocked": True},
        {"scope": "tenant", "period": "week", "blocked": True},
        {"scope": "tenant", "max_list_cost": {"amount": "1.5"}},
        {"scope": "tenant", "max_list_cost": {"amount": "1", "currency": "EUR"}},
    ):
        assert api.call("POST", "/v1/spending_limits", bad).status_code == 400, bad
    gone = api.ok("DELETE", f"/v1/spending_limits/{twice[0].json()['id']}")
    assert gone["type"] == "spending_limit_deleted"
    assert api.call("GET", f"/v1/spending_limits/{gone['id']}").status_code == 404


def test_what_is_at_work_is_listed_and_stopped(api: Api, operator: Api, model: FakeModel) -> None:
    agent = api.agent()
    sessions = [api.session(agent, end_user=name) for name in ("ann", "ann", "bob")]
    resting = api.session(agent)
    model.hold(at="stop", match="linger")
    for session in sessions:
        api.say(session, "linger")
    model.wait_held(3)
    listed = api.get("/v1/running")
    assert {one["id"] for one in listed["data"]} == set(sessions)
    assert resting not in {one["id"] for one in listed["data"]}
    (bob,) = api.get("/v1/running", end_user="bob")["data"]
    assert (bob["agent_id"], bob["end_user"], bob["status"]) == (agent["id"], "bob", "running")
    assert (bob["cost_usd"], bool(bob["since"])) == ("0", True)
    assert len(api.get("/v1/running", limit=2)["data"]) == 2
    assert {one["id"] for one in operator.get("/admin/running", tenant_id=tenant_of(api))["data"]} == set(sessions)
    begun = time.monotonic()
    answer = api.post("/v1/running/stop", end_user="ann", reason="enough")
    assert (answer["matched"], answer["stopped"], answer["remaining"], answer["reason"]) == (2, 2, 0, "enough")
    for session in sessions[:2]:
        assert api.wait_idle(session, 3)["stop_reason"] == {"type": "end_turn"}
    assert time.monotonic() - begun < 3
    assert [one["id"] for one in api.get("/v1/running")["data"]] == [sessions[2]]
    assert api.post("/v1/running/stop", session_ids=[sessions[0]])["matched"] == 0
    assert operator.post("/admin/running/stop", tenant_id=tenant_of(api))["session_ids"] == [sessions[2]]
    api.wait_idle(sessions[2], 3)
    assert api.get("/v1/running") == {"data": [], "has_more": False}
    model.release()


def test_a_tenant_neither_sees_nor_stops_the_work_of_another(api: Api, server: Server, model: FakeModel) -> None:
    session = api.session()
    model.hold(at="stop", match="linger")
    api.say(session, "linger")
    model.wait_held(1)
    stranger = Api(server.url, server.tenant())
    assert stranger.get("/v1/running")["data"] == []
    assert stranger.post("/v1/running/stop", session_ids=[session])["matched"] == 0
    assert stranger.post("/v1/running/stop")["matched"] == 0
    assert stranger.call("GET", "/admin/running").status_code in (401, 403)
    stranger.close()
    model.release()
    assert api.wait_idle(session)["stop_reason"] == {"type": "end_turn"}
    assert "session.error" not in [one["type"] for one in api.log(session)]


def test_an_agent_that_is_called_has_its_own_limit(priced: Api, model: FakeModel) -> None:
    priced.ok("PUT", "/v1/cost_report/pricing", PRICE | {"model": "claude-worker"})
    worker = priced.agent(name="Worker", model="claude-worker")
    lead = priced.agent(name="Lead", callable_agents=[{"type": "agent", "id": worker["id"]}])
    made = limit(priced, 1, scope="agent", agent_id=worker["id"])
    tool = "call_agent_" + "".join(one if one.isalnum() else "_" for one in worker["id"])
    use = {"type": "tool_use", "name": tool, "input": {"message": "work tokens:5"}}
    model.script({"blocks": [use], "match": "lead on"}, {"blocks": [{"type": "text", "text": "x"}], "match": "lead on"})
    log = priced.turn(priced.session(lead), "lead on")
    assert [one["type"] for one in errors(log)] == ["billing_error"]
    assert "of the agent in total" in errors(log)[0]["message"]
    assert log[-1]["stop_reason"] == {"type": "end_turn"}
    assert shown(priced, made)["spent_usd"] == "0"


def test_an_outcome_cannot_be_judged_beyond_a_limit(priced: Api, model: FakeModel) -> None:
    made = limit(priced, 900)
    session = priced.session()
    model.script({"blocks": [{"type": "text", "text": "done"}], "usage": {"output_tokens": 7500}, "match": "build it"})
    priced.send(session, {"type": "user.define_outcome", "description": "a house", "rubric": "x"})
    priced.say(session, "build it")
    assert priced.wait_idle(session)["stop_reason"] == {"type": "retries_exhausted"}
    (error,) = errors(priced.log(session))
    assert error["type"] == "billing_error"
    assert (shown(priced, made)["spent_usd"], len(model.requests)) == ("7.5", 1)


def called(model: FakeModel, api: Api, prompt: str, message: str) -> tuple[Json, str]:
    """An agent at work that is called by another one's session: the agent, and the session."""
    worker = api.agent(name="Worker")
    lead = api.agent(name="Lead", callable_agents=[{"type": "agent", "id": worker["id"]}])
    tool = "call_agent_" + "".join(one if one.isalnum() else "_" for one in worker["id"])
    use = {"type": "tool_use", "name": tool, "input": {"message": message}}
    model.script({"blocks": [use], "match": prompt}, {"blocks": [{"type": "text", "text": "well"}], "match": prompt})
    model.hold(at="stop", match=message)
    session = api.session(lead)
    api.say(session, prompt)
    model.wait_held(1, 30)
    return worker, session


def test_a_kill_switch_stops_what_an_agent_does_for_another_one(priced: Api, model: FakeModel) -> None:
    worker, session = called(model, priced, "lead it", "toil away")
    limit(priced, scope="agent", agent_id=worker["id"], blocked=True)
    rested = priced.wait_idle(session, 10)
    assert rested["stop_reason"] == {"type": "end_turn"}
    log = priced.log(session)
    (told,) = [one for one in log if one["type"] == "agent.tool_result"]
    assert (told["is_error"], told["content"][0]["text"]) == (True, "Interrupted before it finished.")
    assert [one["content"][0]["text"] for one in log if one["type"] == "agent.message"][-1] == "well"
    model.release()


def test_what_an_agent_does_for_another_one_is_listed_and_stopped_by_its_id(priced: Api, model: FakeModel) -> None:
    worker, session = called(model, priced, "lead them", "toil on")
    (listed,) = priced.get("/v1/running", agent_id=worker["id"])["data"]
    assert listed["id"] == session
    assert priced.get("/v1/running", agent_id=priced.agent()["id"])["data"] == []
    answer = priced.post("/v1/running/stop", agent_id=worker["id"])
    assert (answer["matched"], answer["session_ids"], answer["remaining"]) == (1, [session], 0)
    assert priced.wait_idle(session, 10)["stop_reason"] == {"type": "end_turn"}
    assert "well" in [one["content"][0]["text"] for one in priced.log(session) if one["type"] == "agent.message"]
    model.release()
