"""Chats with agents through the official client: the chat opens or continues a session and tells its turn.

The agent's own tools run on the server, those of the client come back as calls whose ids lead to the session again;
earlier messages of a chat that names no session become the beginning of a new one's first message.
"""

import json
import threading
from pathlib import Path
from typing import Any

import httpx2
import openai
import pytest
from openai import OpenAI

from tests.e2e.openai_sdk.helpers import WEATHER, calls_of, joined, official, reasons, user
from tests.fakes.model_server import FakeModel
from tests.support.api import Api, Json, text_of, wait_for
from tests.support.server import Server


def session_of(done: Any) -> str:
    return str(done.model_extra["session_id"])


def test_an_agent_answers_and_its_session_is_visible(client: OpenAI, api: Api) -> None:
    agent = api.agent()
    raw = client.chat.completions.with_raw_response.create(
        model=agent["id"], messages=[user('say:"Good day"')], metadata={"purpose": "test"}
    )
    done = raw.parse()
    assert done.choices[0].message.content == "Good day"
    assert done.choices[0].finish_reason == "stop"
    assert done.usage is not None
    assert (done.usage.prompt_tokens, done.usage.completion_tokens) == (10, 2)
    session = raw.headers["x-session-id"]
    assert session == session_of(done)
    seen = api.get(f"/v1/sessions/{session}")
    assert (seen["status"], seen["agent"]["id"], seen["metadata"]) == ("idle", agent["id"], {"purpose": "test"})
    assert text_of(api.log(session)) == ["Good day"]


def test_an_agent_is_named_by_id_version_or_name(client: OpenAI, api: Api, model: FakeModel) -> None:
    first = api.agent(name="Ada", system="first words")
    api.post(f"/v1/agents/{first['id']}", version=1, system="second words")

    def system(name: str) -> str:
        asked = f"who {name} echo"
        said = client.chat.completions.create(model=name, messages=[user(asked)]).choices[0].message.content
        return str(json.loads(said or "")["system"])

    assert "second words" in system(first["id"])
    assert "first words" in system(f"{first['id']}@1")
    assert "second words" in system("agents/Ada")
    api.agent(name="Ada")
    with pytest.raises(openai.BadRequestError) as several:
        system("agents/Ada")
    assert several.value.param == "model"
    for unknown in ("agents/Nobody", "agent_" + "0" * 32, f"{first['id']}@9"):
        with pytest.raises(openai.NotFoundError):
            system(unknown)


def test_a_stream_tells_the_turn_as_it_is_said(client: OpenAI, api: Api, model: FakeModel) -> None:
    agent = api.agent()
    model.hold(after_tokens=3, match="slowly now")
    stream = client.chat.completions.create(
        model=agent["id"],
        messages=[user("tokens:8 slowly now")],
        stream=True,
        stream_options={"include_usage": True},
    )
    early = [next(stream), next(stream)]
    assert joined(early).startswith("hi")
    model.release()
    chunks = early + list(stream)
    assert joined(chunks) == "hi" + " word" * 7
    assert reasons(chunks) == ["stop"]
    assert chunks[-1].usage is not None
    assert chunks[-1].usage.completion_tokens == 8


def test_the_agents_own_tools_run_on_the_server(client: OpenAI, api: Api) -> None:
    agent = api.agent(tools=[{"type": "agent_toolset_20260401"}])
    words = 'tool:bash input:{"command": "echo from-the-sandbox"}'
    done = client.chat.completions.create(model=agent["id"], messages=[user(words)])
    assert done.choices[0].finish_reason == "stop"
    assert done.choices[0].message.tool_calls is None
    log = api.log(session_of(done))
    results = [event for event in log if event["type"] == "agent.tool_result"]
    assert "from-the-sandbox" in json.dumps(results)
    assert done.usage is not None
    assert done.usage.prompt_tokens == 20


@pytest.mark.parametrize("stream", [False, True])
def test_custom_tools_come_back_as_calls_and_tool_messages_answer_them(
    client: OpenAI, api: Api, weather_agent: Json, stream: bool
) -> None:
    asked: list[Any] = [user('tool:get_weather input:{"city": "Bonn"} parallel:2')]
    named = weather_agent["id"]
    if stream:
        chunks = list(client.chat.completions.create(model=named, messages=asked, stream=True))
        assert reasons(chunks) == ["tool_calls"]
        calls = list(calls_of(chunks).values())
        session = session_of(chunks[0])
    else:
        done = client.chat.completions.create(model=named, messages=asked)
        assert (done.choices[0].finish_reason, done.choices[0].message.content) == ("tool_calls", None)
        made = done.choices[0].message.tool_calls or []
        calls = [[call.id, call.function.name, call.function.arguments] for call in made if call.type == "function"]
        session = session_of(done)
    assert [(name, json.loads(text)) for _, name, text in calls] == [("get_weather", {"city": "Bonn"})] * 2
    asked.append(
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [
                {"id": one, "type": "function", "function": {"name": name, "arguments": text}}
                for one, name, text in calls
            ],
        }
    )
    asked += [{"role": "tool", "tool_call_id": one, "content": "sunny"} for one, _, _ in calls]
    after = client.chat.completions.create(model=named, messages=asked)
    assert after.choices[0].finish_reason == "stop"
    assert (after.choices[0].message.content or "").startswith("hi")
    assert session_of(after) == session
    assert [event["type"] for event in api.log(session)].count("user.custom_tool_result") == 2
    again = client.chat.completions.create(model=named, messages=asked)
    assert again.choices[0].message.content == after.choices[0].message.content
    assert [event["type"] for event in api.log(session)].count("agent.message") == 1


def test_a_part_of_the_answers_leaves_the_other_calls_open(client: OpenAI, weather_agent: Json) -> None:
    asked: list[Any] = [user("tool:get_weather parallel:2")]
    done = client.chat.completions.create(model=weather_agent["id"], messages=asked)
    first, second = done.choices[0].message.tool_calls or []
    asked.append(done.choices[0].message.to_dict())
    some = [*asked, {"role": "tool", "tool_call_id": first.id, "content": "sunny"}]
    left = client.chat.completions.create(model=weather_agent["id"], messages=some)
    assert [call.id for call in left.choices[0].message.tool_calls or []] == [second.id]
    with pytest.raises(openai.BadRequestError) as waiting:
        client.chat.completions.create(
            model=weather_agent["id"],
            messages=[user("and now?")],
            extra_headers={"x-session-id": session_of(done)},
        )
    assert waiting.value.code == "calls_open"


def test_tools_and_instructions_of_the_chat_come_on_top_of_the_agents(client: OpenAI, api: Api) -> None:
    agent = api.agent(system="I am myself.")
    messages: list[Any] = [{"role": "system", "content": "Speak kindly."}, user("echo")]
    done = client.chat.completions.create(model=agent["id"], messages=messages, tools=[WEATHER])
    echoed = json.loads(done.choices[0].message.content or "")
    assert "I am myself." in echoed["system"]
    assert "Speak kindly." in echoed["system"]
    assert echoed["tools"] == ["get_weather"]
    assert api.get(f"/v1/agents/{agent['id']}")["version"] == 1


@pytest.mark.parametrize("how", ["metadata", "header"])
def test_a_chat_continues_the_session_it_names(client: OpenAI, api: Api, how: str) -> None:
    agent = api.agent()
    first = client.chat.completions.create(model=agent["id"], messages=[user('say:"One."')])
    session = session_of(first)
    messages: list[Any] = [user('say:"One."'), {"role": "assistant", "content": "One."}, user('say:"Two."')]
    options: dict[str, Any] = (
        {"metadata": {"session_id": session}} if how == "metadata" else {"extra_headers": {"x-session-id": session}}
    )
    second = client.chat.completions.create(model=agent["id"], messages=messages, **options)
    assert second.choices[0].message.content == "Two."
    assert session_of(second) == session
    assert text_of(api.log(session)) == ["One.", "Two."]
    assert [event["type"] for event in api.log(session)].count("user.message") == 2


def test_earlier_messages_begin_a_new_session_the_same_way_each_time(
    client: OpenAI, api: Api, model: FakeModel
) -> None:
    agent = api.agent()
    messages: list[Any] = [user("My name is Kim."), {"role": "assistant", "content": "Hello Kim."}, user("who am I?")]
    sessions = {session_of(client.chat.completions.create(model=agent["id"], messages=messages)) for _ in range(2)}
    assert len(sessions) == 2
    first, second = (model.requests_of("who am I?")[place]["body"]["messages"] for place in (0, 1))
    assert first == second
    text = json.dumps(first)
    assert "User: My name is Kim." in text
    assert "Assistant: Hello Kim." in text


def test_what_the_agent_decides_is_refused_by_name(client: OpenAI, api: Api) -> None:
    for asked, param in (({"temperature": 0.5}, "temperature"), ({"tool_choice": "required"}, "tool_choice")):
        with pytest.raises(openai.BadRequestError) as refused:
            client.chat.completions.create(
                model=api.agent()["id"], messages=[user("hi")], tools=[WEATHER], extra_body=asked
            )
        assert (refused.value.param, refused.value.code) == (param, "unsupported")


def test_a_turn_that_fails_is_the_clients_exception_and_names_its_session(client: OpenAI, api: Api) -> None:
    agent = api.agent()
    with pytest.raises(openai.APIStatusError) as failed:
        client.chat.completions.create(model=agent["id"], messages=[user("error:401")])
    assert failed.value.status_code == 502
    session = failed.value.response.headers["x-session-id"]
    assert api.get(f"/v1/sessions/{session}")["stop_reason"]["type"] == "retries_exhausted"
    with pytest.raises(openai.APIError):
        list(client.chat.completions.create(model=agent["id"], messages=[user("error:401")], stream=True))


def test_a_tool_that_needs_consent_is_told_and_can_be_allowed_elsewhere(client: OpenAI, api: Api) -> None:
    asks = {"default_config": {"permission_policy": {"type": "always_ask"}}}
    agent = api.agent(tools=[{"type": "agent_toolset_20260401", **asks}])
    with pytest.raises(openai.ConflictError) as waits:
        client.chat.completions.create(model=agent["id"], messages=[user('tool:bash input:{"command": "true"}')])
    assert waits.value.code == "confirmation_required"
    session = waits.value.response.headers["x-session-id"]
    use = next(event for event in api.log(session) if event["type"] == "agent.tool_use")
    api.send(session, {"type": "user.tool_confirmation", "tool_use_id": use["id"], "result": "deny"})
    api.wait_idle(session)
    assert text_of(api.log(session))


def test_the_turn_goes_on_when_the_client_leaves(api: Api, server: Server, key: str, model: FakeModel) -> None:
    agent = api.agent()
    model.hold(after_tokens=1, match="leave early")
    body = {"model": agent["id"], "messages": [user("tokens:3 leave early")]}
    patience = httpx2.Timeout(20, read=0.5)
    with httpx2.Client(timeout=patience, verify=False) as impatient, pytest.raises(httpx2.ReadTimeout):
        impatient.post(
            f"{server.url}/openai/v1/chat/completions", json=body, headers={"authorization": f"Bearer {key}"}
        )
    model.release()
    session = api.get("/v1/sessions")["data"][0]["id"]
    api.wait_idle(session)
    assert text_of(api.log(session)) == ["hi word word"]


def test_a_repeat_under_one_key_meets_the_same_session(client: OpenAI, api: Api) -> None:
    agent = api.agent()

    def ask(**options: Any) -> Any:
        return client.chat.completions.create(
            model=agent["id"], messages=[user("tokens:2")], extra_headers={"Idempotency-Key": "again"}, **options
        )

    streamed = [list(ask(stream=True)) for _ in range(2)]
    assert [joined(chunks) for chunks in streamed] == ["hi word"] * 2
    assert session_of(streamed[0][0]) == session_of(streamed[1][0])
    assert len(api.get("/v1/sessions")["data"]) == 1


def test_another_tenants_agents_and_sessions_are_unknown(server: Server, client: OpenAI, api: Api) -> None:
    agent = api.agent()
    session = session_of(client.chat.completions.create(model=agent["id"], messages=[user("tokens:1")]))
    other = server.tenant("Other")
    theirs = Api(server.url, other)
    own = theirs.agent()["id"]
    theirs.close()
    with official(f"{server.url}/openai/v1", other) as stranger:
        for named, metadata in ((agent["id"], {}), (own, {"session_id": session})):
            with pytest.raises(openai.NotFoundError):
                stranger.chat.completions.create(model=named, messages=[user("hi")], metadata=metadata)


@pytest.mark.long
def test_a_stream_cut_by_a_restart_leaves_a_turn_that_ends(shared_model: FakeModel, tmp_path: Path) -> None:
    shared_model.reset()
    env = {
        "ANTHROPIC_BASE_URL": shared_model.url,
        "ANTHROPIC_API_KEY": "k",
        "LAMBENT_LEASE_SECONDS": "3",
        "LAMBENT_HEARTBEAT_SECONDS": "1",
    }
    with Server(env, state=tmp_path / "state") as server:
        key = server.tenant()
        api = Api(server.url, key)
        agent = api.agent()
        shared_model.hold(after_tokens=2, match="cut in the middle")
        seen: list[Any] = []
        broken = threading.Event()

        def read() -> None:
            with official(f"{server.url}/openai/v1", key) as client:
                stream = client.chat.completions.create(
                    model=agent["id"], messages=[user("tokens:4 cut in the middle")], stream=True
                )
                try:
                    seen.extend(stream)
                except (openai.APIError, httpx2.HTTPError):
                    broken.set()

        reader = threading.Thread(target=read)
        reader.start()
        wait_for(lambda: joined(list(seen)), "the first word")
        server.kill()
        reader.join(20)
        assert broken.is_set()
        shared_model.release()
        server.start()
        after = Api(server.url, key)
        session = after.get("/v1/sessions")["data"][0]["id"]
        after.wait_idle(session)
        assert text_of(after.log(session)) == ["hi word word word"]
        with official(f"{server.url}/openai/v1", key) as client:
            items = client.beta.agents.sessions.items.list(session, order="asc").data
        assert [item.type for item in items] == ["message", "message"]
        api.close()
        after.close()
