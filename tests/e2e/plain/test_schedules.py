"""Agents that have themselves woken: the tools, the message that wakes, its place in the log, restarts, and who may."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.model_server import FakeModel
from tests.support.api import Api, Json, assert_whole, message, text_of, types_of, wait_for
from tests.support.server import Server

TOOLSET: Json = {"type": "agent_toolset_20260401"}
NAMES = {"schedule", "cancel_schedule", "list_schedules"}


@pytest.fixture
def agent(api: Api) -> Json:
    return api.agent(tools=[TOOLSET])


def call(tool: str, given: str = "{}", mark: str = "") -> str:
    """A message that has the model call a tool."""
    return f"tool:{tool} input:{given} {mark}"


def results(log: list[Json]) -> list[str]:
    """What tools answered."""
    return [event["content"][0]["text"] for event in log if event["type"] == "agent.tool_result"]


def wakings(log: list[Json]) -> list[Json]:
    """The messages that woke."""
    return [event for event in log if event.get("metadata", {}).get("type") == "wakeup"]


def test_a_session_wakes_itself_once_in_a_turn_of_its_own(api: Api, agent: Json) -> None:
    session = api.session(agent)
    watch = api.stream(f"/v1/sessions/{session}/events/stream?include=chunks")
    log = api.turn(session, call("schedule", '{"delay_seconds": 5, "prompt": "say:\\"awake\\" now"}'))
    (span,) = [event for event in log if event["type"] == "span.wakeup_scheduled"]
    assert (span["kind"], "cron" in span) == ("one_shot", False)
    use = next(event for event in log if event["type"] == "agent.tool_use")
    assert span["parent_event_id"] == use["id"]
    assert results(log)[0].startswith(f"Scheduled {span['schedule_id']}")
    (waking,) = wait_for(lambda: wakings(api.log(session)), "the session to wake")
    api.wait_idle(session)
    log = api.log(session)
    assert_whole(log)
    assert waking["content"] == [{"type": "text", "text": 'say:"awake" now'}]
    assert waking["parent_event_id"] == span["id"]
    assert waking["metadata"]["schedule_id"] == span["schedule_id"]
    assert span["fire_at"] <= waking["processed_at"]
    assert text_of(log)[-1] == "awake"
    assert types_of(log).count("session.status_running") == types_of(log).count("session.status_idle") == 2
    watch.wait("session.status_idle", 2)
    assert "span.wakeup_scheduled" in watch.types()
    watch.close()
    assert "No schedules are open." in results(api.turn(session, call("list_schedules")))[-1]


def test_the_span_is_for_those_who_ask_for_everything(api: Api, sdk_api: Api, agent: Json) -> None:
    session = api.session(agent)
    api.turn(session, call("schedule", '{"delay_seconds": 600, "prompt": "x"}'))
    kinds = types_of(sdk_api.events(session))
    assert "span.wakeup_scheduled" not in kinds
    assert kinds.count("agent.tool_result") == 1
    assert "span.wakeup_scheduled" in types_of(sdk_api.events(session, include="chunks"))


def test_schedules_are_listed_and_cancelled(api: Api, agent: Json) -> None:
    session = api.session(agent)
    api.turn(session, call("schedule", '{"delay_seconds": 900, "prompt": "later"}', "a"))
    api.turn(session, call("schedule", '{"cron": "0 9 * * 1", "timezone": "Asia/Tokyo", "prompt": "weekly"}', "b"))
    log = api.turn(session, call("list_schedules", mark="c"))
    lines = results(log)[-1].splitlines()
    ids = [event["schedule_id"] for event in log if event["type"] == "span.wakeup_scheduled"]
    assert {line.split()[0] for line in lines} == set(ids)
    assert any("cron 0 9 * * 1 (Asia/Tokyo): weekly" in line for line in lines)
    log = api.turn(session, call("cancel_schedule", f'{{"id": "{ids[0]}"}}', "d"))
    assert results(log)[-1] == f"Cancelled {ids[0]}."
    log = api.turn(session, call("cancel_schedule", f'{{"id": "{ids[0]}"}}', "e"))
    assert results(log)[-1].startswith("Error: no open schedule")
    assert results(api.turn(session, call("list_schedules", mark="f")))[-1].split()[0] == ids[1]


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ('{"prompt": "x", "delay_seconds": 4}', "between 5 and 604800"),
        ('{"prompt": "x"}', "exactly one"),
        ('{"prompt": "x", "at": "2020-01-01T00:00:00Z"}', "in the future"),
        ('{"prompt": "x", "cron": "@daily"}', "five fields"),
    ],
)
def test_what_cannot_be_scheduled_is_told_to_the_model(api: Api, agent: Json, given: str, reason: str) -> None:
    log = api.turn(api.session(agent), call("schedule", given))
    assert results(log)[-1].startswith("Error: ")
    assert reason in results(log)[-1]
    assert "span.wakeup_scheduled" not in types_of(log)


def test_another_session_cannot_reach_a_schedule(api: Api, agent: Json) -> None:
    one, other = api.session(agent), api.session(agent)
    log = api.turn(one, call("schedule", '{"delay_seconds": 900, "prompt": "x"}'))
    (span,) = [event for event in log if event["type"] == "span.wakeup_scheduled"]
    log = api.turn(other, call("cancel_schedule", f'{{"id": "{span["schedule_id"]}"}}'))
    assert results(log)[-1].startswith("Error: no open schedule")


def offered(api: Api, model: FakeModel, agent: Json) -> set[str]:
    """The tools the model is offered for an agent."""
    session = api.session(agent)
    api.turn(session, f"tokens:1 {session}")
    (request,) = model.requests_of(session)
    return {tool["name"] for tool in request["body"]["tools"]}


def test_the_tools_are_offered_to_agents_of_plain_clients(api: Api, model: FakeModel, agent: Json) -> None:
    assert offered(api, model, agent) >= NAMES


def test_other_agents_get_those_they_name(api: Api, sdk_api: Api, model: FakeModel) -> None:
    assert offered(api, model, sdk_api.agent(tools=[TOOLSET])) & NAMES == set()
    named = [TOOLSET | {"configs": [{"name": "schedule", "enabled": True}]}]
    assert offered(api, model, sdk_api.agent(tools=named)) & NAMES == {"schedule"}


@pytest.fixture
def lasting(shared_model: FakeModel, tmp_path: Path) -> Iterator[Server]:
    """A server that can be killed and started again on what it kept."""
    env = {"ANTHROPIC_BASE_URL": shared_model.url, "ANTHROPIC_API_KEY": "provider-key"}
    with Server(env, state=tmp_path / "state") as running:
        yield running


def test_a_wake_up_outlives_the_server_and_comes_once(lasting: Server) -> None:
    api = Api(lasting.url, lasting.api_key)
    session = api.session(api.agent(tools=[TOOLSET]))
    api.turn(session, call("schedule", '{"delay_seconds": 5, "prompt": "say:\\"awake\\" now"}'))
    lasting.restart()
    again = Api(lasting.url, lasting.api_key)
    wait_for(lambda: wakings(again.log(session)), "the session to wake")
    again.wait_idle(session)
    lasting.restart()
    last = Api(lasting.url, lasting.api_key)
    log = last.turn(session, 'say:"end" x')
    assert len(wakings(log)) == 1
    assert_whole(log)
    for client in (api, again, last):
        client.close()


def test_a_session_that_waits_for_an_answer_is_woken_after_it(api: Api) -> None:
    ask: Json = {"type": "custom", "name": "ask", "description": "Asks", "input_schema": {"type": "object"}}
    session = api.session(api.agent(tools=[TOOLSET, ask]))
    api.turn(session, call("schedule", '{"delay_seconds": 5, "prompt": "say:\\"awake\\" now"}', "a"))
    api.turn(session, call("ask", mark="b"))
    waiting = api.get(f"/v1/sessions/{session}")["stop_reason"]
    assert waiting["type"] == "requires_action"

    def queued() -> list[Any]:
        pending: list[Any] = api.get(f"/v1/sessions/{session}/pending")["data"]
        return pending

    assert wait_for(queued, "the message")[0]["data"]["content"][0]["text"] == 'say:"awake" now'
    assert api.send(session, message("hello")).status_code == 400
    answer = {"type": "user.custom_tool_result", "custom_tool_use_id": waiting["event_ids"][0], "content": "yes"}
    assert api.send(session, answer).status_code == 202
    wait_for(lambda: wakings(api.log(session)), "the session to wake")
    api.wait_idle(session)
    assert text_of(api.log(session))[-1] == "awake"
