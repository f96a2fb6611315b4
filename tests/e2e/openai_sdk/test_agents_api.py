"""The Agents API through the official client: agents, sessions, the stream helper, functions, items, turns, endings.

Everything is a view of the same agents, sessions and logs that the server's other families show.
"""

import json
from typing import Any

import openai
import pytest
from openai import OpenAI

from tests.e2e.openai_sdk.helpers import official
from tests.fakes.model_server import FakeModel
from tests.support.api import Api, text_of, wait_for
from tests.support.server import Server

NONE: Any = {"type": "none"}
HOSTED: Any = {"type": "openai_hosted"}
WEATHER: Any = {
    "type": "function",
    "name": "get_weather",
    "description": "The weather of a city.",
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
}


def managed(session_id: str) -> str:
    """The id under which another family shows a session."""
    return "sesn_" + session_id.rpartition("_")[2]


def settled(client: OpenAI, session_id: str) -> Any:
    """The session once it does not work any more."""
    sessions = client.beta.agents.sessions

    def rests() -> Any:
        found = sessions.retrieve(session_id)
        return found if found.status != "in_progress" else None

    return wait_for(rests, "the session to rest")


def test_an_agent_is_saved_read_changed_listed_and_removed(client: OpenAI, api: Api) -> None:
    agents = client.beta.agents
    made = agents.create(
        model="claude-test",
        name="Ada",
        instructions="Be kind.",
        metadata={"team": "one"},
        reasoning={"effort": "high"},
        tools=[WEATHER, {"type": "web_search", "allowed_domains": ["example.com"]}],
    )
    assert made.tools[0].type == "function"
    assert (made.tools[0].name, made.tools[0].defer_loading) == ("get_weather", False)
    assert made.tools[1].type == "web_search"
    assert made.tools[1].allowed_domains == ["example.com"]
    assert (made.reasoning.effort, made.service_tier, made.multi_agent.enabled) == ("high", "auto", False)
    assert agents.retrieve(made.id) == made
    assert api.get(f"/v1/agents/{made.id}")["system"] == "Be kind."
    changed = agents.update(made.id, instructions=None, metadata={"team": "two"})
    assert (changed.instructions, changed.metadata, changed.name) == (None, {"team": "two"}, "Ada")
    assert [tool.type for tool in changed.tools] == ["function", "web_search"]
    assert changed.reasoning.effort == "high"
    assert agents.update(made.id, multi_agent={"enabled": True}).multi_agent.enabled
    assert agents.update(made.id, name="Ada").multi_agent.enabled
    assert not agents.update(made.id, multi_agent=None).multi_agent.enabled
    unnamed = agents.create(model="claude-test")
    assert unnamed.name is None
    assert [one.id for one in agents.list()] == [unnamed.id, made.id]
    assert [one.id for one in agents.list(limit=1, order="asc")] == [made.id, unnamed.id]
    gone = agents.delete(made.id)
    assert (gone.id, gone.object, gone.deleted) == (made.id, "agent.deleted", True)
    with pytest.raises(openai.NotFoundError):
        agents.retrieve(made.id)
    assert [one.id for one in agents.list()] == [unnamed.id]


def test_an_mcp_server_is_kept_with_its_tools(client: OpenAI) -> None:
    server: Any = {
        "type": "mcp",
        "server_label": "docs",
        "transport": {"type": "http", "server_url": "https://mcp.example.com/mcp"},
        "allowed_tools": ["search"],
    }
    tool = client.beta.agents.create(model="claude-test", tools=[server]).tools[0]
    assert tool.type == "mcp"
    assert tool.transport.type == "http"
    assert (tool.server_label, tool.allowed_tools) == ("docs", ["search"])
    assert tool.transport.server_url == "https://mcp.example.com/mcp"


@pytest.mark.parametrize(
    ("asked", "param"),
    [
        ({"tools": [{"type": "computer_use"}]}, "tools.0.type"),
        ({"tools": [WEATHER, {"type": "tool_search"}]}, "tools.1.type"),
        ({"text": {"verbosity": "low"}}, "text.verbosity"),
        ({"text": {"format": {"type": "json_schema", "schema": {}}}}, "text.format"),
        ({"compaction": {"async": True}}, "compaction.async"),
    ],
)
def test_what_an_agent_cannot_be_is_refused_by_name(client: OpenAI, asked: dict[str, Any], param: str) -> None:
    with pytest.raises(openai.BadRequestError) as refused:
        client.beta.agents.create(model="claude-test", extra_body=asked)
    assert (refused.value.param, refused.value.code) == (param, "unsupported")


def test_a_session_with_input_ends_its_turn_and_is_visible_elsewhere(client: OpenAI, api: Api) -> None:
    agent = client.beta.agents.create(model="claude-test", instructions="Be kind.")
    session = client.beta.agents.sessions.create(
        agent_id=agent.id, environment=NONE, input='say:"Good day"', metadata={"a": "b"}
    )
    assert (session.object, session.environment.type, session.metadata) == ("agent.session", "none", {"a": "b"})
    assert (session.agent.id, session.agent.instructions) == (agent.id, "Be kind.")
    rested = settled(client, session.id)
    assert (rested.status, rested.required_actions, rested.error) == ("idle", [], None)
    assert rested.usage is not None
    assert (rested.usage.input_tokens, rested.usage.output_tokens, rested.usage.total_tokens) == (10, 2, 12)
    seen = api.get(f"/v1/sessions/{managed(session.id)}")
    assert (seen["agent"]["id"], seen["metadata"]) == (agent.id, {"a": "b"})
    assert text_of(api.log(managed(session.id))) == ["Good day"]


def test_a_session_made_elsewhere_is_visible_here(client: OpenAI, api: Api) -> None:
    session = api.session(api.agent(tools=[{"type": "agent_toolset_20260401"}]))
    api.turn(session, "tokens:2")
    seen = client.beta.agents.sessions.retrieve(session)
    assert (seen.status, seen.environment.type) == ("idle", "openai_hosted")
    items = client.beta.agents.sessions.items.list(seen.id, order="asc").data
    assert [item.type for item in items] == ["message", "message"]


def test_the_stream_helper_tells_one_turn_in_order(client: OpenAI) -> None:
    agent = client.beta.agents.create(model="claude-test")
    sessions = client.beta.agents.sessions
    session = sessions.create(agent_id=agent.id, environment=HOSTED)
    assert session.status == "idle"
    with sessions.stream(session.id, input='think:"hmm so" tokens:4') as stream:
        events = list(stream)
    kinds = [event.type.removeprefix("agent.session.") for event in events]
    text = "turn.output_text.delta"
    assert kinds[0] == "turn.created"
    assert kinds[-2:] == ["turn.completed", "idle"]
    for before, after in (
        ("turn.created", "turn.in_progress"),
        ("in_progress", "turn.in_progress"),
        ("turn.in_progress", "turn.item.added"),
        ("turn.reasoning_summary_part.added", "turn.reasoning_summary_text.done"),
        ("turn.reasoning_summary_part.done", "turn.content_part.added"),
        ("turn.content_part.added", text),
        (text, "turn.output_text.done"),
        ("turn.output_text.done", "turn.content_part.done"),
        ("turn.content_part.done", "turn.completed"),
    ):
        assert kinds.index(before) < kinds.index(after), (before, after, kinds)
    deltas = [event.delta for event in events if event.type == "agent.session.turn.output_text.delta"]
    assert "".join(deltas) == "hi word word word"
    assert len({event.event_id for event in events}) == len(events)
    completed = next(event for event in events if event.type == "agent.session.turn.completed")
    assert completed.turn.status == "completed"
    assert completed.usage is not None
    assert completed.usage.output_tokens == 6
    idle = events[-1]
    assert idle.type == "agent.session.idle"
    assert idle.session.usage is not None
    assert idle.session.usage.output_tokens == 6


def test_the_result_of_a_turn_is_collected(client: OpenAI) -> None:
    agent = client.beta.agents.create(model="claude-test")
    session = client.beta.agents.sessions.create(agent_id=agent.id, environment=HOSTED)
    with client.beta.agents.sessions.stream(session.id, input='say:"All done"') as stream:
        result = stream.get_final_result()
    assert result.output_text == "All done"
    again = client.beta.agents.sessions.create(
        agent={"model": "claude-test"}, environment=NONE, input='say:"At once"', stream=True
    )
    assert again.get_final_result().output_text == "At once"


def test_words_come_while_they_are_said(client: OpenAI, model: FakeModel) -> None:
    agent = client.beta.agents.create(model="claude-test")
    session = client.beta.agents.sessions.create(agent_id=agent.id, environment=HOSTED)
    model.hold(after_tokens=2, match="word by word")
    with client.beta.agents.sessions.stream(session.id, input="tokens:4 word by word") as stream:
        for event in stream:
            if event.type == "agent.session.turn.output_text.delta":
                break
        assert client.beta.agents.sessions.retrieve(session.id).status == "in_progress"
        model.release()
        rest = [event.type for event in stream]
    assert rest[-1] == "agent.session.idle"


def test_functions_go_round_through_the_helpers_handlers(client: OpenAI) -> None:
    agent = client.beta.agents.create(model="claude-test", tools=[WEATHER])
    sessions = client.beta.agents.sessions
    session = sessions.create(agent_id=agent.id, environment=HOSTED)
    asked: list[Any] = []

    def weather(given: Any) -> str:
        asked.append(given)
        return "sunny"

    words = 'tool:get_weather input:{"city": "Bonn"} parallel:2'
    with sessions.stream(session.id, input=words, tool_handlers={"get_weather": weather}) as stream:
        events = list(stream)
    assert asked == [{"city": "Bonn"}] * 2
    done = [event.item for event in events if event.type == "agent.session.turn.item.done"]
    assert [item.status for item in done if item.type == "function_call"] == ["completed"] * 2
    items = list(sessions.items.list(session.id, order="asc"))
    assert [item.type for item in items] == [
        "message",
        "function_call",
        "function_call",
        "function_call_output",
        "function_call_output",
        "message",
    ]
    outputs = [item.output for item in items if item.type == "function_call_output"]
    assert outputs == ["sunny"] * 2
    assert len(list(sessions.turns.list(session.id))) == 1


def test_functions_are_answered_by_hand(client: OpenAI) -> None:
    sessions = client.beta.agents.sessions
    session = sessions.create(
        agent={"model": "claude-test", "tools": [WEATHER]},
        environment=NONE,
        input='tool:get_weather input:{"city": "Bonn"} parallel:2',
    )
    waiting = settled(client, session.id)
    assert waiting.status == "requires_action"
    first, second = waiting.required_actions
    assert (first.type, first.name, first.arguments) == ("function_call", "get_weather", {"city": "Bonn"})
    assert sessions.turns.retrieve(first.turn_id, session_id=session.id).status == "waiting"

    def answer(action: Any, **fields: Any) -> None:
        event: Any = {
            "type": "agent.session.input.tool_result",
            "turn_id": action.turn_id,
            "call_id": action.call_id,
            **fields,
        }
        sessions.events.create(session.id, events=[event])

    answer(first, success=True, output=[{"type": "input_text", "text": "sunny"}])
    left = sessions.retrieve(session.id)
    assert (left.status, [one.call_id for one in left.required_actions if one.type == "function_call"]) == (
        "requires_action",
        [second.call_id],
    )
    answer(first, success=True, output=[{"type": "input_text", "text": "sunny"}])
    with pytest.raises(openai.BadRequestError) as unknown:
        answer(first, success=True, output="rainy")
    assert unknown.value.code == "invalid_request_error"
    assert isinstance(unknown.value.body, dict)
    assert unknown.value.body["message"] == f"Unknown pending tool call: {first.call_id}"
    with pytest.raises(openai.BadRequestError):
        sessions.events.create(
            session.id,
            events=[
                {
                    "type": "agent.session.input.message",
                    "input": [{"role": "user", "content": [{"type": "input_text", "text": "hm"}]}],
                }
            ],
        )
    answer(second, success=False, error="no such city")
    assert settled(client, session.id).status == "idle"
    failed = [item for item in sessions.items.list(session.id) if item.type == "function_call_output"]
    assert [(item.status, item.error) for item in failed] == [("failed", "no such city"), ("completed", None)]


def test_tools_of_the_environment_run_on_the_server_and_are_items(client: OpenAI) -> None:
    agent = client.beta.agents.create(model="claude-test")
    sessions = client.beta.agents.sessions
    session = sessions.create(agent_id=agent.id, environment=HOSTED)
    with sessions.stream(session.id, input='tool:bash input:{"command": "echo from-inside"}') as stream:
        stream.until_done()
    command = next(item for item in sessions.items.list(session.id) if item.type == "command_execution")
    assert (command.command, command.status) == ("echo from-inside", "completed")
    assert "from-inside" in (command.output or "")


def test_approvals_are_asked_for_and_given(client: OpenAI, api: Api) -> None:
    asks = {"default_config": {"permission_policy": {"type": "always_ask"}}}
    session = api.session(api.agent(tools=[{"type": "agent_toolset_20260401", **asks}]))
    sessions = client.beta.agents.sessions
    for decision, status in (("deny", "failed"), ("approve", "completed")):
        api.say(session, 'tool:bash input:{"command": "true"}')
        action = wait_for(lambda: sessions.retrieve(session).required_actions, "the question")[0]
        assert action.type == "mcp_approval_request"
        assert action.request.name == "bash"
        answer: Any = {
            "type": "agent.session.input.mcp_approval_request_result",
            "request_id": action.request_id,
            "response": {"type": "mcp_tool_call", "decision": decision},
        }
        sessions.events.create(session, events=[answer])
        assert settled(client, session).status == "idle"
        newest = next(item for item in sessions.items.list(session) if item.type == "command_execution")
        assert newest.status == status


def test_a_turn_is_cancelled(client: OpenAI, model: FakeModel) -> None:
    agent = client.beta.agents.create(model="claude-test")
    sessions = client.beta.agents.sessions
    session = sessions.create(agent_id=agent.id, environment=HOSTED)
    with sessions.stream(session.id, input="tokens:9 hang:2 cancel me") as stream:
        for event in stream:
            if event.type == "agent.session.turn.output_text.delta":
                sessions.events.create(session.id, events=[{"type": "agent.session.input.cancel"}])
                break
        rest = [event.type for event in stream]
    assert rest[-2:] == ["agent.session.turn.cancelled", "agent.session.idle"]
    assert next(iter(sessions.turns.list(session.id))).status == "cancelled"


def test_a_turn_that_fails_tells_why_and_leaves_the_session_usable(client: OpenAI, model: FakeModel) -> None:
    agent = client.beta.agents.create(model="claude-test")
    sessions = client.beta.agents.sessions
    session = sessions.create(agent_id=agent.id, environment=HOSTED)
    with sessions.stream(session.id, input="error:401") as stream:
        kinds = [event.type for event in stream]
    assert kinds[-3:] == ["error", "agent.session.turn.failed", "agent.session.idle"]
    turn = next(iter(sessions.turns.list(session.id)))
    assert turn.status == "failed"
    assert turn.error is not None
    model.script({"blocks": [{"type": "text", "text": "well again"}], "match": "once more"})
    with sessions.stream(session.id, input="once more") as stream:
        assert stream.get_final_result().output_text == "well again"


def test_items_and_turns_are_paged_both_ways(client: OpenAI) -> None:
    agent = client.beta.agents.create(model="claude-test")
    sessions = client.beta.agents.sessions
    session = sessions.create(agent_id=agent.id, environment=HOSTED)
    for number in range(3):
        with sessions.stream(session.id, input=f'say:"{number}"') as stream:
            stream.until_done()
    up = [item.id for item in sessions.items.list(session.id, order="asc", limit=4)]
    down = [item.id for item in sessions.items.list(session.id, limit=4)]
    assert len(up) == 6
    assert up == down[::-1]
    turns = [turn.id for turn in sessions.turns.list(session.id, limit=2)]
    assert turns == [turn.id for turn in sessions.turns.list(session.id, order="asc", limit=2)][::-1]
    assert len(set(turns)) == 3
    of_one = sessions.turns.items.list(turns[1], session_id=session.id, order="asc").data
    assert [item.id for item in of_one] == up[2:4]
    traces = list(sessions.traces.list(session.id))
    assert [trace.id for trace in traces] == turns
    spans: Any = traces[0].otlp["resourceSpans"]
    assert len(spans[0]["scopeSpans"][0]["spans"]) == 2
    assert list(sessions.subagents.list(session.id)) == []
    with pytest.raises(openai.BadRequestError) as unknown:
        sessions.items.list(session.id, after="msg_unknown")
    assert unknown.value.param == "after"


def test_sessions_are_listed_by_agent_and_metadata_changed_and_removed(client: OpenAI, api: Api) -> None:
    sessions = client.beta.agents.sessions
    agents = [client.beta.agents.create(model="claude-test").id for _ in range(2)]
    made = [
        sessions.create(agent_id=agent, environment=HOSTED, metadata={"n": str(number)}).id
        for number, agent in enumerate((*agents, agents[0]))
    ]
    assert [one.id for one in sessions.list(limit=2)] == made[::-1]
    assert [one.id for one in sessions.list(agent_id=agents[0], order="asc")] == [made[0], made[2]]
    assert [one.id for one in sessions.list(metadata={"n": "1"})] == [made[1]]
    changed = sessions.update(made[0], metadata={"m": "x"}, agent={"tools": [WEATHER]})
    assert changed.metadata == {"m": "x"}
    assert [tool.type for tool in changed.agent.tools] == ["function"]
    with pytest.raises(openai.BadRequestError) as fixed:
        sessions.update(made[0], agent={"model": "other"})
    assert fixed.value.param == "agent.model"
    gone = sessions.delete(made[0])
    assert (gone.id, gone.object, gone.deleted) == (made[0], "agent.session.deleted", True)
    with pytest.raises(openai.NotFoundError):
        sessions.retrieve(made[0])
    assert api.call("GET", f"/v1/sessions/{managed(made[0])}").status_code == 404


def test_a_new_session_is_streamed_with_its_first_turn(client: OpenAI) -> None:
    stream = client.beta.agents.sessions.create(
        agent={"model": "claude-test"}, environment=HOSTED, input="tokens:2", stream=True
    )
    kinds = [event.type for event in stream]
    assert kinds[0] == "agent.session.created"
    assert kinds[-2:] == ["agent.session.turn.completed", "agent.session.idle"]


def test_the_same_inline_description_is_the_same_agent(client: OpenAI, api: Api) -> None:
    sessions = client.beta.agents.sessions
    inline: Any = {"model": "claude-test", "instructions": "Be brief."}
    made = [sessions.create(agent=inline, environment=NONE, input="echo") for _ in range(2)]
    assert made[0].agent.id == made[1].agent.id
    saved = client.beta.agents.create(model="claude-test", instructions="Be long.").id
    differing = sessions.create(agent_id=saved, agent={"instructions": "Be odd."}, environment=NONE, input="echo")
    assert (differing.agent.id, differing.agent.instructions) == (saved, "Be odd.")
    settled(client, differing.id)
    assert json.loads(text_of(api.log(managed(differing.id)))[0])["system"].startswith("Be odd.")


def test_the_environment_is_what_was_asked_for(client: OpenAI, api: Api) -> None:
    agent = client.beta.agents.create(model="claude-test").id
    environment: Any = {
        "type": "openai_hosted",
        "network": {"access": "restricted", "allowed_domains": ["example.com"]},
        "packages": {"python": ["six"]},
        "files": [{"type": "inline", "path": "/workspace/in.txt", "data": "aGVsbG8="}],
    }
    shown = client.beta.agents.sessions.create(agent_id=agent, environment=environment).environment
    assert shown.type == "openai_hosted"
    assert (shown.network.access, shown.network.allowed_domains) == ("restricted", ["example.com"])
    assert shown.packages.python == ["six"]
    assert [(one.path, one.size_bytes) for one in shown.files] == [("/workspace/in.txt", 5)]
    own = client.beta.agents.sessions.create(
        agent_id=agent, environment={"type": "self_hosted", "workspace_directory": "/workspace"}
    ).environment
    assert own.type == "self_hosted"
    template = api.environment(name="A template", packages={"npm": ["left-pad"]})
    shaped: Any = {"type": "openai_hosted", "environment_template_id": template["id"]}
    made = client.beta.agents.sessions.create(agent_id=agent, environment=shaped).environment
    assert made.type == "openai_hosted"
    assert made.packages.npm == ["left-pad"]


def test_a_network_with_blocked_domains_is_a_restricted_one(client: OpenAI, api: Api) -> None:
    agent = client.beta.agents.create(model="claude-test").id
    network: Any = {"access": "restricted", "blocked_domains": ["evil.example.com"]}
    environment: Any = {"type": "openai_hosted", "network": network}
    made = client.beta.agents.sessions.create(agent_id=agent, environment=environment)
    assert made.environment.type == "openai_hosted"
    assert (made.environment.network.access, made.environment.network.allowed_domains) == ("restricted", [])
    templates = client.beta.agents.environments.templates
    assert [one.network.access for one in templates.list()] == ["restricted"]
    place = api.get(f"/v1/sessions/{managed(made.id)}")["environment_id"]
    assert api.get(f"/v1/environments/{place}")["network"]["denylist"] == ["evil.example.com"]


@pytest.mark.parametrize(
    "network",
    [
        {"access": "enabled", "blocked_domains": ["evil.example.com"]},
        {"access": "restricted", "allowed_domains": ["example.com"], "blocked_domains": ["evil.example.com"]},
    ],
)
def test_blocked_domains_that_would_not_hold_are_refused(client: OpenAI, network: Any) -> None:
    with pytest.raises(openai.BadRequestError) as refused:
        client.beta.agents.sessions.create(
            agent={"model": "claude-test"}, environment={"type": "openai_hosted", "network": network}
        )
    assert refused.value.param == "environment.network.blocked_domains"


@pytest.mark.parametrize(
    ("asked", "param"),
    [
        ({"environment": NONE, "agent": {"model": "m"}}, "input"),
        ({"environment": HOSTED}, "agent"),
        (
            {"environment": {**HOSTED, "setup_commands": [{"command": "x"}]}, "agent": {"model": "m"}},
            "environment.setup_commands",
        ),
        ({"environment": HOSTED, "agent": {"model": "m"}, "review": "auto_review"}, "review"),
        ({"environment": HOSTED, "agent": {"model": "m"}, "spend_control": {"limit": 0}}, "spend_control.limit"),
    ],
)
def test_what_a_session_cannot_be_is_refused_by_name(client: OpenAI, asked: dict[str, Any], param: str) -> None:
    with pytest.raises(openai.BadRequestError) as refused:
        client.post("/agents/sessions", body=asked, cast_to=object)
    assert refused.value.param == param


def test_a_session_may_have_a_budget(client: OpenAI) -> None:
    sessions = client.beta.agents.sessions
    inline: Any = {"model": "claude-sonnet-5-5"}
    session = sessions.create(agent=inline, environment=HOSTED, spend_control={"limit": 5})
    assert session.spend_control is not None
    assert (session.spend_control.limit, session.spend_control.consumed) == (5, 0)
    raised = sessions.update(session.id, spend_control={"limit": 9})
    assert raised.spend_control is not None
    assert raised.spend_control.limit == 9


def test_the_shared_base_serves_those_who_say_who_they_are(plain_base: OpenAI, api: Api, sdk_api: Api) -> None:
    agent = plain_base.beta.agents.create(model="claude-test", name="Shared")
    assert agent.object == "agent"
    assert plain_base.beta.agents.retrieve(agent.id) == agent
    session = plain_base.beta.agents.sessions.create(agent_id=agent.id, environment=NONE, input="tokens:1")
    assert settled(plain_base, session.id).status == "idle"
    assert plain_base.beta.agents.vaults.create(name="Keys").object == "vault"
    marked = {"openai-beta": "agents=v1"}
    assert api.get(f"/v1/agents/{agent.id}")["type"] == "agent"
    assert api.call("GET", f"/v1/agents/{agent.id}", headers=marked).json()["object"] == "agent"
    assert sdk_api.call("GET", f"/v1/agents/{agent.id}", headers=marked).json()["type"] == "agent"


def test_tenants_are_apart(server: Server, client: OpenAI) -> None:
    agent = client.beta.agents.create(model="claude-test").id
    session = client.beta.agents.sessions.create(agent_id=agent, environment=HOSTED).id
    with official(f"{server.url}/openai/v1", server.tenant("Other")) as stranger:
        sessions = stranger.beta.agents.sessions
        for refused in (
            lambda: stranger.beta.agents.retrieve(agent),
            lambda: sessions.create(agent_id=agent, environment=HOSTED),
            lambda: sessions.retrieve(session),
            lambda: sessions.items.list(session),
            lambda: sessions.events.stream(session),
            lambda: sessions.delete(session),
        ):
            with pytest.raises(openai.NotFoundError):
                refused()
        assert list(stranger.beta.agents.list()) == []
        assert list(sessions.list()) == []


def test_an_input_repeated_under_one_key_is_taken_once(client: OpenAI, api: Api) -> None:
    agent = client.beta.agents.create(model="claude-test").id
    sessions = client.beta.agents.sessions
    session = sessions.create(agent_id=agent, environment=HOSTED).id
    message: Any = {
        "type": "agent.session.input.message",
        "input": [{"role": "user", "content": [{"type": "input_text", "text": "tokens:1"}]}],
    }
    for _ in range(2):
        sessions.events.create(session, events=[message], idempotency_key="one-key")
    settled(client, session)
    assert [event["type"] for event in api.log(managed(session))].count("user.message") == 1
