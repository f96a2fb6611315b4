"""Tools of MCP servers in a turn: offered under safe names, used with events of their own kind, asked about, denied,
left out; servers that fail leave the turn whole."""

import uuid
from collections.abc import Callable
from typing import Any

import pytest

from tests.e2e.mcp.conftest import agent_for, of_type, result_text
from tests.fakes.model_server import FakeModel
from tests.support.api import Api, Json, assert_whole, types_of, wait_for
from tests.support.mcp_server import ODD, McpSite

Ask = Callable[..., list[Json]]


def offered(model: FakeModel, mark: str) -> list[str]:
    """The names of the tools a model was offered."""
    return [tool["name"] for tool in model.requests_of(mark)[-1]["body"]["tools"]]


def confirm(api: Api, session: str, result: str, **more: Any) -> list[Json]:
    """Answer the open confirmation; the log once the session rests again."""
    stop = api.get(f"/v1/sessions/{session}")["stop_reason"]
    assert (stop["type"], stop["action_type"]) == ("requires_action", "tool_confirmation")
    answer = {"type": "user.tool_confirmation", "tool_use_id": stop["event_ids"][0], "result": result, **more}
    assert api.send(session, answer).status_code == 202
    wait_for(lambda: api.get(f"/v1/sessions/{session}")["stop_reason"] == {"type": "end_turn"}, "the end")
    return api.log(session)


def test_a_tool_is_used_with_events_of_its_own_kind(api: Api, site: McpSite, ask: Ask) -> None:
    log = ask(agent_for(api, site.url))
    assert_whole(log)
    use, result = of_type(log, "agent.mcp_tool_use")[0], of_type(log, "agent.mcp_tool_result")[0]
    assert (use["mcp_server_name"], use["name"], use["input"]) == ("site", "echo", {"text": "hi"})
    assert (use["evaluated_permission"], use["evaluation"]) == ("allow", {"type": "always_allow"})
    assert result["mcp_tool_use_id"] == use["id"]
    assert (result["content"], result["is_error"]) == ([{"type": "text", "text": "echo: hi"}], False)
    assert site.calls == [("echo", "hi")]
    assert not of_type(log, "agent.tool_use")


def test_sse_is_spoken_where_streamable_http_is_not(api: Api, site: McpSite, ask: Ask) -> None:
    assert result_text(ask(agent_for(api, site.sse_url))) == "echo: hi"


def test_tools_are_offered_under_names_every_provider_takes(api: Api, site: McpSite, model: FakeModel) -> None:
    mark = uuid.uuid4().hex
    session = api.session(agent_for(api, site.url))
    api.turn(session, f"hello {mark}")
    names = offered(model, mark)
    assert "mcp__site__echo" in names
    odd = next(name for name in names if name.startswith("mcp__site__odd_name"))
    assert all(len(name) <= 64 and name.replace("_", "a").replace("-", "a").isalnum() for name in names)
    log = api.turn(session, f'tool:{odd} input:{{"text": "there"}}')
    assert of_type(log, "agent.mcp_tool_use")[-1]["name"] == ODD
    assert result_text(log) == "odd: there"


def test_the_conversation_keeps_the_names_that_were_offered(
    api: Api, site: McpSite, model: FakeModel, ask: Ask
) -> None:
    mark = uuid.uuid4().hex
    ask(agent_for(api, site.url), text=mark)
    blocks = [block for message in model.requests_of(mark)[-1]["body"]["messages"] for block in message["content"]]
    used = [block for block in blocks if isinstance(block, dict) and block["type"] == "tool_use"]
    assert [block["name"] for block in used] == ["mcp__site__echo"]


def test_a_server_whose_name_has_two_underscores_keeps_it(api: Api, site: McpSite) -> None:
    toolset = {"type": "mcp_toolset", "mcp_server_name": "my__site", "default_config": {"enabled": True}}
    policy = {"permission_policy": {"type": "always_allow"}}
    servers = [{"type": "url", "name": "my__site", "url": site.url}]
    agent = api.agent(tools=[toolset | {"default_config": policy}], mcp_servers=servers)
    log = api.turn(api.session(agent), 'tool:mcp__my__site__echo input:{"text": "a"}')
    use = of_type(log, "agent.mcp_tool_use")[0]
    assert (use["mcp_server_name"], use["name"]) == ("my__site", "echo")


def test_two_servers_with_the_same_tools_are_told_apart(api: Api, site: McpSite, ask: Ask) -> None:
    log = ask(agent_for(api, site.url, site.sse_url), tool="mcp__site2__echo")
    assert of_type(log, "agent.mcp_tool_use")[0]["mcp_server_name"] == "site2"
    assert any(one.path == "/sse" for one in site.seen)


def test_pictures_reach_the_log_and_the_model(api: Api, site: McpSite, ask: Ask, model: FakeModel) -> None:
    log = ask(agent_for(api, site.url), tool="mcp__site__picture")
    block = of_type(log, "agent.mcp_tool_result")[0]["content"][0]
    assert (block["type"], block["source"]["media_type"]) == ("image", "image/png")


def test_an_error_of_the_tool_is_an_error_result(api: Api, site: McpSite, ask: Ask) -> None:
    log = ask(agent_for(api, site.url), tool="mcp__site__failing")
    assert of_type(log, "agent.mcp_tool_result")[0]["is_error"] is True
    assert not of_type(log, "session.error")


def test_without_statement_a_toolset_asks_and_allowing_runs_the_call(sdk_api: Api, api: Api, site: McpSite) -> None:
    toolset = {"type": "mcp_toolset", "mcp_server_name": "site"}
    agent = sdk_api.agent(tools=[toolset], mcp_servers=[{"type": "url", "name": "site", "url": site.url}])
    assert agent["tools"][0]["default_config"]["permission_policy"] == {"type": "always_ask"}
    session = api.session(agent)
    log = api.turn(session, 'tool:mcp__site__echo input:{"text": "hi"}')
    use = of_type(log, "agent.mcp_tool_use")[0]
    assert (use["evaluated_permission"], use["evaluation"]) == ("ask", {"type": "always_ask"})
    assert log[-1]["stop_reason"]["event_ids"] == [use["id"]]
    assert site.calls == []
    log = confirm(api, session, "allow")
    assert result_text(log) == "echo: hi"
    assert site.calls == [("echo", "hi")]
    assert_whole(log)


def test_a_denied_call_is_a_result_of_its_own_kind(api: Api, site: McpSite) -> None:
    session = api.session(agent_for(api, site.url, default={"permission_policy": {"type": "always_ask"}}))
    api.turn(session, 'tool:mcp__site__echo input:{"text": "hi"}')
    log = confirm(api, session, "deny", deny_message="not today")
    result = of_type(log, "agent.mcp_tool_result")[0]
    assert (result["content"][0]["text"], result["is_error"]) == ("Denied: not today", True)
    assert site.calls == []


def test_an_interrupt_closes_an_asked_call_with_a_result_of_its_kind(api: Api, site: McpSite) -> None:
    session = api.session(agent_for(api, site.url, default={"permission_policy": {"type": "always_ask"}}))
    use = of_type(api.turn(session, 'tool:mcp__site__echo input:{"text": "hi"}'), "agent.mcp_tool_use")[0]
    assert api.send(session, {"type": "user.interrupt"}).status_code == 202
    wait_for(lambda: api.get(f"/v1/sessions/{session}")["stop_reason"] == {"type": "end_turn"}, "the end")
    results = of_type(api.log(session), "agent.mcp_tool_result")
    assert [(one["mcp_tool_use_id"], one["is_error"]) for one in results] == [(use["id"], True)]


def test_settings_of_single_tools_win_over_the_default(api: Api, site: McpSite, model: FakeModel) -> None:
    mark = uuid.uuid4().hex
    configs = [{"name": "echo", "enabled": False}, {"name": "leak", "permission_policy": {"type": "always_ask"}}]
    session = api.session(agent_for(api, site.url, configs=configs))
    log = api.turn(session, f'tool:mcp__site__echo input:{{"text": "hi"}} {mark}')
    assert "mcp__site__echo" not in offered(model, mark)
    assert "mcp__site__leak" in offered(model, mark)
    use = of_type(log, "agent.mcp_tool_use")[0]
    assert (use["evaluated_permission"], use["evaluation"]) == ("deny", None)
    assert of_type(log, "agent.mcp_tool_result")[0]["is_error"] is True
    assert site.calls == []


def test_only_one_tool_is_offered_when_the_others_are_off(api: Api, site: McpSite, model: FakeModel) -> None:
    mark = uuid.uuid4().hex
    agent = agent_for(api, site.url, configs=[{"name": "echo", "enabled": True}], default={"enabled": False})
    api.turn(api.session(agent), f"hello {mark}")
    assert offered(model, mark) == ["mcp__site__echo"]


def test_an_interrupt_stops_a_call_under_way(api: Api, site: McpSite) -> None:
    session = api.session(agent_for(api, site.url))
    api.say(session, 'tool:mcp__site__slow input:{"text": "hi"}')
    wait_for(lambda: site.calls, "the call")
    assert api.send(session, {"type": "user.interrupt"}).status_code == 202
    api.wait_idle(session, 5)
    log = api.log(session)
    assert [one["is_error"] for one in of_type(log, "agent.mcp_tool_result")] == [True]
    assert_whole(log)


@pytest.mark.parametrize("broken", [500, 404, 400, 405])
def test_a_server_that_fails_is_told_of_and_the_turn_goes_on(
    api: Api, site: McpSite, model: FakeModel, broken: int
) -> None:
    site.broken = broken
    session = api.session(agent_for(api, f"{site.url}?secret=in-the-query"))
    log = api.turn(session, "hello")
    error = of_type(log, "session.error")[0]["error"]
    assert (error["type"], error["mcp_server_name"]) == ("mcp_connection_failed_error", "site")
    assert (error["retry_status"], error["retryable"]) == ({"type": "retrying"}, True)
    assert "secret" not in str(error)
    assert log[-1]["stop_reason"] == {"type": "end_turn"}
    assert of_type(log, "agent.message")
    site.broken = None
    assert not of_type(api.turn(session, 'tool:mcp__site__echo input:{"text": "hi"}')[len(log) :], "session.error")
    assert result_text(api.log(session)) == "echo: hi"


def test_a_server_that_is_not_there_is_told_of_and_others_are_used(api: Api, site: McpSite, ask: Ask) -> None:
    log = ask(agent_for(api, "http://127.0.0.1:9/mcp", site.url), tool="mcp__site2__echo")
    assert [one["error"]["mcp_server_name"] for one in of_type(log, "session.error")] == ["site"]
    assert result_text(log) == "echo: hi"


@pytest.mark.parametrize("denial", [401, 403])
@pytest.mark.parametrize("path", ["url", "sse_url"])
def test_a_server_that_wants_a_token_is_told_of(api: Api, sdk_api: Api, site: McpSite, denial: int, path: str) -> None:
    site.tokens, site.denial = {"good"}, denial
    session = api.session(agent_for(api, getattr(site, path)))
    log = api.turn(session, "hello")
    error = of_type(log, "session.error")[0]["error"]
    assert (error["type"], error["mcp_server_name"]) == ("mcp_authentication_failed_error", "site")
    assert log[-1]["stop_reason"] == {"type": "end_turn"}
    assert "session.error" in types_of(sdk_api.events(session))


def test_an_error_comes_once_a_turn_and_before_the_agent_speaks(api: Api, site: McpSite) -> None:
    site.broken = 503
    types = types_of(api.turn(api.session(agent_for(api, site.url)), "hello"))
    assert types.count("session.error") == 1
    assert types.index("user.message") < types.index("session.error") < types.index("span.model_request_start")


def test_limited_networking_keeps_servers_out_unless_it_names_them(api: Api, site: McpSite) -> None:
    def errors(**rules: Any) -> list[str]:
        networking = {"type": "limited", "allowed_hosts": [], "allow_mcp_servers": False} | rules
        environment = api.environment(config={"type": "cloud", "networking": networking})["id"]
        log = api.turn(api.session(agent_for(api, site.url), environment_id=environment), "hello")
        return [one["error"]["type"] for one in of_type(log, "session.error")]

    assert errors() == ["mcp_connection_failed_error"]
    assert site.seen == []
    assert errors(allow_mcp_servers=True) == []
    assert errors(allowed_hosts=["127.0.0.1"]) == []


def test_a_server_in_the_sandbox_is_left_out_with_a_warning(api: Api) -> None:
    stdio = {"command": "python3", "args": ["server.py"], "port": 4000}
    agent = api.agent(tools=[], mcp_servers=[{"type": "stdio", "name": "inner", "stdio": stdio}])
    log = api.turn(api.session(agent), "hello")
    warnings = [one["message"] for one in of_type(log, "session.warning")]
    assert any("inner" in text and "stdio" in text for text in warnings)
    assert log[-1]["stop_reason"] == {"type": "end_turn"}


def test_a_plain_agent_gets_all_tools_of_its_servers_allowed(api: Api, site: McpSite, ask: Ask) -> None:
    agent = api.agent(tools=[], mcp_servers=[{"type": "url", "name": "site", "url": site.url}])
    assert result_text(ask(agent)) == "echo: hi"


def test_an_agent_of_an_sdk_has_to_name_a_toolset_for_each_server(sdk_api: Api, api: Api, site: McpSite) -> None:
    servers = [{"type": "url", "name": "site", "url": site.url}]
    body = {"name": "x", "model": "claude-test", "tools": [], "mcp_servers": servers}
    assert sdk_api.call("POST", "/v1/agents", body).status_code == 400
    dangling = body | {"mcp_servers": [], "tools": [{"type": "mcp_toolset", "mcp_server_name": "site"}]}
    assert [one.call("POST", "/v1/agents", dangling).status_code for one in (sdk_api, api)] == [400, 400]


def test_a_connection_lost_in_the_middle_of_a_call_leaves_the_outcome_open(api: Api, site: McpSite) -> None:
    session = api.session(agent_for(api, site.url))
    api.say(session, 'tool:mcp__site__slow input:{"text": "hi"}')
    wait_for(lambda: site.calls, "the call")
    site.drop()
    api.wait_idle(session)
    log = api.log(session)
    assert of_type(log, "agent.mcp_tool_result")[0]["is_error"] is True
    assert "may have taken effect" in result_text(log)
    assert [one["error"]["type"] for one in of_type(log, "session.error")] == ["mcp_connection_failed_error"]
    assert len(site.calls) == 1
    site.let_go.set()
    assert result_text(api.turn(session, 'tool:mcp__site__echo input:{"text": "ho"}')) == "echo: ho"
