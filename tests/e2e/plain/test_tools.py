"""Tools as plain clients see them: which are offered, consent, the client's own tools, tools behind a URL."""

import json

import pytest

from tests.e2e.plain.conftest import Web
from tests.fakes.model_server import FakeModel
from tests.support.api import Api, Json, assert_whole, message, text_of, types_of
from tests.support.server import Server

ASKING: Json = {"type": "agent_toolset_20260401", "default_config": {"permission_policy": {"type": "always_ask"}}}


def _custom(name: str, **more: object) -> Json:
    schema = {"type": "object", "properties": {"city": {"type": "string"}}}
    return {"type": "custom", "name": name, "description": "Looks things up.", "input_schema": schema} | more


def _of(log: list[Json], kind: str) -> list[Json]:
    return [event for event in log if event["type"] == kind]


def _offered(api: Api, session: str) -> list[str]:
    tools: list[str] = json.loads(text_of(api.turn(session, "echo"))[-1])["tools"]
    return tools


def test_switched_off_tools_are_not_offered(api: Api, model: FakeModel) -> None:
    on: Json = {"type": "agent_toolset_20260401"}
    off = on | {"configs": [{"name": "web_fetch", "enabled": False}]}
    all_off = on | {"default_config": {"enabled": False}}
    one_on = all_off | {"configs": [{"name": "web_fetch", "enabled": True}]}
    assert "web_fetch" in _offered(api, api.session(api.agent(tools=[on])))
    assert "web_fetch" not in _offered(api, api.session(api.agent(tools=[off])))
    assert _offered(api, api.session(api.agent(tools=[all_off]))) == []
    assert _offered(api, api.session(api.agent(tools=[one_on]))) == ["web_fetch"]


@pytest.fixture
def asking(api: Api, model: FakeModel, web: Web) -> tuple[str, Json]:
    """A session that waits for consent to fetch a page, and the tool use."""
    session = api.session(api.agent(tools=[ASKING]))
    log = api.turn(session, f'tool:web_fetch input:{{"url": "{web.url}/page"}} say:"read it"')
    (use,) = _of(log, "agent.tool_use")
    return session, use


def test_consent_is_asked_before_anything_runs(api: Api, web: Web, asking: tuple[str, Json]) -> None:
    session, use = asking
    assert use["name"] == "web_fetch"
    assert use["input"] == {"url": f"{web.url}/page"}
    assert use["evaluated_permission"] == "ask"
    log = api.log(session)
    assert log[-1]["stop_reason"] == {
        "type": "requires_action",
        "action_type": "tool_confirmation",
        "event_ids": [use["id"]],
    }
    assert api.get(f"/v1/sessions/{session}")["stop_reason"] == log[-1]["stop_reason"]
    assert api.status(session) == "idle"
    assert not _of(log, "agent.tool_result")
    assert web.seen == []


def test_consent_lets_the_tool_run_and_the_turn_go_on(
    api: Api, model: FakeModel, web: Web, asking: tuple[str, Json]
) -> None:
    session, use = asking
    answer = {"type": "user.tool_confirmation", "tool_use_id": use["id"], "result": "allow"}
    assert api.send(session, answer).status_code == 202
    api.wait_idle(session)
    log = api.log(session)
    assert_whole(log)
    assert [path for _, path, _ in web.seen] == ["/page"]
    (result,) = _of(log, "agent.tool_result")
    assert result["tool_use_id"] == use["id"]
    assert not result["is_error"]
    assert "pages are made of words" in json.dumps(result["content"])
    assert text_of(log) == ["read it"]
    assert "pages are made of words" in json.dumps(model.requests[-1]["body"]["messages"][-1])
    assert types_of(log).count("session.status_running") == types_of(log).count("session.status_idle") == 2
    assert api.send(session, answer).status_code == 202
    assert api.log(session) == log
    assert api.send(session, answer | {"result": "deny"}).status_code == 400


def test_a_refusal_reaches_the_model_with_its_reason(
    api: Api, model: FakeModel, web: Web, asking: tuple[str, Json]
) -> None:
    session, use = asking
    answer = {"type": "user.tool_confirmation", "tool_use_id": use["id"], "result": "deny", "deny_message": "not today"}
    assert api.send(session, answer).status_code == 202
    api.wait_idle(session)
    log = api.log(session)
    (result,) = _of(log, "agent.tool_result")
    assert result["is_error"] is True
    assert result["content"] == [{"type": "text", "text": "Denied: not today"}]
    assert "Denied: not today" in json.dumps(model.requests[-1]["body"]["messages"][-1])
    assert text_of(log) == ["read it"]
    assert web.seen == []


def test_a_session_shows_the_calls_it_waits_for(api: Api, asking: tuple[str, Json]) -> None:
    session, use = asking
    waits = {"event_id": use["id"], "kind": "confirmation", "name": use["name"], "session_thread_id": "sthr_primary"}
    assert api.get(f"/v1/sessions/{session}")["pending_calls"] == [waits]
    assert api.send(session, {"type": "user.interrupt"}).status_code == 202
    api.wait_idle(session)
    assert api.get(f"/v1/sessions/{session}")["pending_calls"] == []


def test_answers_to_nothing_are_refused(api: Api, asking: tuple[str, Json]) -> None:
    session, use = asking
    log = api.log(session)
    wrong: list[Json] = [
        {"type": "user.tool_confirmation", "tool_use_id": "sevt_" + "0" * 32, "result": "allow"},
        {"type": "user.custom_tool_result", "custom_tool_use_id": use["id"], "content": "x"},
        {"type": "user.tool_confirmation", "tool_use_id": use["id"], "result": "allow", "deny_message": "why"},
    ]
    for answer in wrong:
        assert api.send(session, answer).status_code == 400
    assert api.log(session) == log


def test_an_interrupt_closes_what_waits_for_consent_without_asking_the_model(
    api: Api, model: FakeModel, asking: tuple[str, Json]
) -> None:
    session, use = asking
    asked = len(model.requests)
    assert api.send(session, {"type": "user.interrupt"}).status_code == 202
    log = api.log(session)
    assert log[-1]["stop_reason"] == {"type": "end_turn"}
    (result,) = _of(log, "agent.tool_result")
    assert (result["tool_use_id"], result["is_error"]) == (use["id"], True)
    assert len(model.requests) == asked
    assert text_of(api.turn(session, 'say:"and on"'))[-1] == "and on"


def test_a_message_before_the_answer_is_refused_naming_what_is_open(api: Api, asking: tuple[str, Json]) -> None:
    session, use = asking
    refused = api.say(session, "hello?")
    assert refused.status_code == 400
    assert f"waiting on responses to events [{use['id']}]" in refused.json()["error"]["message"]


def test_a_message_queued_before_the_question_runs_after_the_answer(api: Api, model: FakeModel) -> None:
    session = api.session(api.agent(tools=[_custom("ask")]))
    model.hold(after_tokens=1, match="tool:ask")
    api.say(session, 'tool:ask say:"thanks"')
    model.wait_held()
    api.say(session, 'say:"later"')
    model.release()
    api.wait_idle(session)
    (use,) = _of(api.log(session), "agent.custom_tool_use")
    assert text_of(api.log(session)) == []
    api.send(session, {"type": "user.custom_tool_result", "custom_tool_use_id": use["id"], "content": "42"})
    model.wait_until(lambda: len(text_of(api.log(session))) == 2, 10, "both answers")
    assert text_of(api.log(session)) == ["thanks", "later"]


def test_the_clients_own_tool_is_answered_by_the_client(api: Api, model: FakeModel) -> None:
    session = api.session(api.agent(tools=[_custom("weather")]))
    log = api.turn(session, 'tool:weather input:{"city": "Oslo"} say:"cold"')
    (use,) = _of(log, "agent.custom_tool_use")
    assert (use["name"], use["input"]) == ("weather", {"city": "Oslo"})
    assert log[-1]["stop_reason"] == {
        "type": "requires_action",
        "action_type": "custom_tool_result",
        "event_ids": [use["id"]],
    }
    result = {"type": "user.custom_tool_result", "custom_tool_use_id": use["id"], "content": "two degrees"}
    assert api.send(session, result).status_code == 202
    api.wait_idle(session)
    log = api.log(session)
    assert_whole(log)
    (echo,) = _of(log, "user.custom_tool_result")
    assert echo["custom_tool_use_id"] == use["id"]
    assert echo["content"] == [{"type": "text", "text": "two degrees"}]
    assert not _of(log, "agent.tool_result")
    given = model.requests[-1]["body"]["messages"]
    assert "two degrees" in json.dumps(given[-1])
    assert given[0]["content"][0]["text"].startswith("tool:weather")
    assert text_of(log) == ["cold"]
    assert api.send(session, result).status_code == 202
    assert api.log(session) == log


def test_two_calls_in_one_step_wait_for_both_results(api: Api, model: FakeModel) -> None:
    session = api.session(api.agent(tools=[_custom("look")]))
    log = api.turn(session, 'tool:look parallel:2 say:"seen"')
    uses = [use["id"] for use in _of(log, "agent.custom_tool_use")]
    assert log[-1]["stop_reason"]["event_ids"] == uses
    asked = len(model.requests)
    api.send(session, {"type": "user.custom_tool_result", "custom_tool_use_id": uses[1], "content": "two"})
    log = api.log(session)
    assert log[-1]["type"] == "session.status_idle"
    assert log[-1]["stop_reason"]["event_ids"] == [uses[0]]
    assert types_of(log).count("session.status_running") == 1
    assert len(model.requests) == asked
    assert api.status(session) == "idle"
    api.send(session, {"type": "user.custom_tool_result", "custom_tool_use_id": uses[0], "content": "one"})
    api.wait_idle(session)
    log = api.log(session)
    assert_whole(log)
    assert text_of(log) == ["seen"]
    assert types_of(log).count("session.status_running") == 2
    assert types_of(log).count("session.status_idle") == 3
    results = [block["content"] for block in model.requests[-1]["body"]["messages"][-1]["content"]]
    assert ["one" in json.dumps(results), "two" in json.dumps(results)] == [True, True]


def test_both_results_and_a_message_may_come_in_one_request(api: Api, model: FakeModel) -> None:
    session = api.session(api.agent(tools=[_custom("look")]))
    log = api.turn(session, 'tool:look parallel:2 say:"seen"')
    uses = [use["id"] for use in _of(log, "agent.custom_tool_use")]
    results = [{"type": "user.custom_tool_result", "custom_tool_use_id": use, "content": "x"} for use in uses]
    assert api.send(session, message("too early"), *results).status_code == 400
    assert api.log(session) == log
    assert api.send(session, *results, message('say:"and then"')).status_code == 202
    model.wait_until(lambda: len(text_of(api.log(session))) == 2, 10, "both answers")
    api.wait_idle(session)
    assert text_of(api.log(session)) == ["seen", "and then"]
    assert_whole(api.log(session))


def test_a_failed_result_is_told_to_the_model_as_one(api: Api, model: FakeModel) -> None:
    session = api.session(api.agent(tools=[_custom("look")]))
    (use,) = _of(api.turn(session, "tool:look"), "agent.custom_tool_use")
    failed = {"type": "user.custom_tool_result", "custom_tool_use_id": use["id"], "content": "no", "is_error": True}
    api.send(session, failed)
    api.wait_idle(session)
    assert model.requests[-1]["body"]["messages"][-1]["content"][0]["is_error"] is True


def test_a_tool_behind_a_url_is_called_once_with_the_input(api: Api, model: FakeModel, web: Web) -> None:
    web.reply, web.media_type = b'{"temperature": 2}', "application/json"
    tool = _custom("weather", execution={"type": "http", "endpoint": f"{web.url}/weather"})
    session = api.session(api.agent(tools=[tool]))
    log = api.turn(session, 'tool:weather input:{"city": "Oslo"} say:"cold"')
    assert_whole(log)
    assert [(method, path, json.loads(body)) for method, path, body in web.seen] == [
        ("POST", "/weather", {"city": "Oslo"})
    ]
    (use,) = _of(log, "agent.tool_use")
    (result,) = _of(log, "agent.tool_result")
    assert (use["name"], use["input"]) == ("weather", {"city": "Oslo"})
    assert result["tool_use_id"] == use["id"]
    assert '"temperature": 2' in result["content"][0]["text"].replace("\n", "")
    assert not _of(log, "agent.custom_tool_use")
    assert text_of(log) == ["cold"]


def test_a_tool_behind_a_url_may_be_asked_with_get(api: Api, model: FakeModel, web: Web) -> None:
    tool = _custom("weather", execution={"type": "http", "endpoint": f"{web.url}/weather", "method": "GET"})
    session = api.session(api.agent(tools=[tool]))
    api.turn(session, 'tool:weather input:{"city": "Oslo"}')
    assert [(method, path) for method, path, _ in web.seen] == [("GET", "/weather?city=Oslo")]


def test_a_vaults_credential_goes_to_the_tools_host_and_is_shown_nowhere(
    api: Api, model: FakeModel, server: Server, web: Web
) -> None:
    web.reply = b"you sent {bearer}"
    tool = _custom("weather", execution={"type": "http", "endpoint": f"{web.url}/weather"})
    vault = api.post("/v1/vaults", name="Keys", secret="canary-token-9", mcp_server_url=web.url)["id"]
    session = api.session(api.agent(tools=[tool]), vault_ids=[vault])
    log = api.turn(session, "tool:weather")
    assert web.bearers == ["Bearer canary-token-9"]
    (result,) = _of(log, "agent.tool_result")
    assert result["content"][0]["text"] == "you sent Bearer [hidden]"
    assert "canary-token-9" not in str(log) + str(model.requests) + server.log()
    api.post(f"/v1/vaults/{vault}", secret="canary-token-10")
    api.turn(session, "tool:weather again")
    assert web.bearers[1:] == ["Bearer canary-token-10"]


def test_a_credential_for_another_address_stays_here(api: Api, model: FakeModel, web: Web) -> None:
    tool = _custom("weather", execution={"type": "http", "endpoint": f"{web.url}/weather"})
    vault = api.post("/v1/vaults", name="Keys", secret="canary-token-9", mcp_server_url=f"{web.url}/mcp")["id"]
    session = api.session(api.agent(tools=[tool]), vault_ids=[vault])
    api.turn(session, "tool:weather")
    assert web.bearers == [None]


def test_a_tool_whose_url_fails_is_a_result_and_not_the_end(api: Api, model: FakeModel) -> None:
    tool = _custom("broken", execution={"type": "http", "endpoint": "http://127.0.0.1:9/nothing"})
    session = api.session(api.agent(tools=[tool]))
    log = api.turn(session, 'tool:broken say:"never mind"')
    (result,) = _of(log, "agent.tool_result")
    assert result["is_error"] is True
    assert result["content"][0]["text"].startswith("Error")
    assert text_of(log) == ["never mind"]


def test_a_private_address_is_out_of_the_agents_reach(api: Api, model: FakeModel) -> None:
    tool = _custom("inside", execution={"type": "http", "endpoint": "http://169.254.169.254/latest/meta-data"})
    session = api.session(api.agent(tools=[tool]))
    (result,) = _of(api.turn(session, "tool:inside"), "agent.tool_result")
    assert result["is_error"] is True


def test_a_call_of_a_tool_that_was_not_offered_is_answered_with_an_error(api: Api, model: FakeModel) -> None:
    session = api.session()
    model.script(
        {"blocks": [{"type": "tool_use", "name": "ghost", "input": {}}], "match": "call a ghost"},
        {"blocks": [{"type": "text", "text": "no ghosts"}], "match": "call a ghost"},
    )
    log = api.turn(session, "call a ghost")
    assert_whole(log)
    (result,) = _of(log, "agent.tool_result")
    assert result["is_error"] is True
    assert text_of(log) == ["no ghosts"]
