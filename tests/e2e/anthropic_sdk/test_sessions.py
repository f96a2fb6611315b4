"""Sessions: creation, pinning and overriding of agents, changes, archive, removal."""

from collections.abc import Callable, Iterator
from typing import Any

import anthropic
import pytest
from anthropic import Anthropic

from tests.e2e.anthropic_sdk.helpers import (
    SIMPLE_TURN,
    Watch,
    custom_tool,
    listed,
    make_agent,
    make_environment,
    make_session,
    of,
    rest,
    said,
    say,
    send,
    turn,
    types,
    until,
)
from tests.fakes.model_server import FakeModel
from tests.support.api import message

Watching = Callable[..., Watch]
ZEROS = {
    "input_tokens": 0,
    "output_tokens": 0,
    "cache_read_input_tokens": 0,
    "cache_creation": {"ephemeral_5m_input_tokens": 0, "ephemeral_1h_input_tokens": 0},
    "active_seconds": 0,
    "list_cost": {"amount": "0", "currency": "USD"},
    "server_tool_use": {"web_search_requests": 0, "web_fetch_requests": 0},
}


def test_a_new_session_is_idle_and_shows_its_whole_agent_and_zero_usage(either: Anthropic) -> None:
    agent = make_agent(either, system="S", tools=[custom_tool()], metadata={"not": "shown"})
    session = make_session(either, agent, title="T", metadata={"a": "1"})
    assert (session.type, session.status, session.title, session.metadata) == ("session", "idle", "T", {"a": "1"})
    gone = {"metadata", "created_at", "updated_at", "archived_at"}
    whole = {key: value for key, value in agent.to_dict().items() if key not in gone}
    shown = session.agent.to_dict()
    assert {key: whole[key] for key in shown} == shown
    assert set(shown) >= {"id", "version", "name", "model", "system", "tools", "mcp_servers", "skills", "multiagent"}
    usage = session.usage.to_dict()
    assert {key: usage[key] for key in ZEROS} == ZEROS
    assert (session.resources, session.vault_ids, session.outcome_evaluations) == ([], [], [])
    assert either.beta.sessions.events.list(session.id).data == []
    read = either.beta.sessions.retrieve(session.id).to_dict()
    assert {k: v for k, v in read.items() if k != "stats"} == {
        k: v for k, v in session.to_dict().items() if k != "stats"
    }


def test_a_session_with_first_events_is_running_at_once(either: Anthropic, model: FakeModel) -> None:
    model.hold(match="begin with this")
    session = make_session(either, initial_events=[message("begin with this"), message("and this")])
    assert session.status == "running"
    model.wait_held()
    assert types(listed(either, session.id))[:2] == ["session.status_running", "session.thread_status_running"]
    model.release()
    rest(either, session.id)
    events = listed(either, session.id)
    assert events[0].type == "session.status_running"
    assert [said(event) for event in of(events, "user.message")] == ["begin with this", "and this"]


def test_an_agent_named_by_id_is_pinned_at_its_latest_version(client: Anthropic) -> None:
    agent = make_agent(client, system="One")
    client.beta.agents.update(agent.id, system="Two")
    latest = make_session(client, agent)
    first = make_session(client, {"type": "agent", "id": agent.id, "version": 1})
    client.beta.agents.update(agent.id, system="Three")
    seen = [client.beta.sessions.retrieve(session.id).agent for session in (latest, first)]
    assert [(one.version, one.system) for one in seen] == [(2, "Two"), (1, "One")]


def test_overrides_change_one_session_only(client: Anthropic, model: FakeModel) -> None:
    agent = make_agent(client, system="As made", tools=[custom_tool("first")])
    override = {
        "type": "agent_with_overrides",
        "id": agent.id,
        "model": "claude-other",
        "system": None,
        "tools": [custom_tool("second")],
    }
    changed, usual = make_session(client, override), make_session(client, agent)
    assert (changed.agent.model.id, changed.agent.system) == ("claude-other", None)
    assert [tool.name for tool in changed.agent.tools] == ["second"]
    assert (usual.agent.model.id, usual.agent.system) == ("claude-test", "As made")
    assert client.beta.agents.retrieve(agent.id).to_dict() == agent.to_dict()
    turn(client, changed.id, "who are you, changed one")
    request = model.requests_of("who are you, changed one")[0]["body"]
    assert request["model"] == "claude-other"
    assert [tool["name"] for tool in request["tools"]] == ["second"]


def test_title_and_metadata_change_at_any_time_and_are_told_with_only_what_changed(
    either: Anthropic, model: FakeModel, watch: Watching
) -> None:
    session = make_session(either, title="Old", metadata={"keep": "1", "drop": "2"})
    stream = watch(either, session.id)
    model.hold(match="busy meanwhile")
    say(either, session.id, "busy meanwhile")
    model.wait_held()
    assert either.beta.sessions.update(session.id, title="New").title == "New"
    patched = either.beta.sessions.update(session.id, metadata={"drop": None, "new": "3"})  # type: ignore[dict-item]
    assert patched.metadata == {"keep": "1", "new": "3"}
    either.beta.sessions.update(session.id, title="New", metadata={"new": "3"})
    model.release()
    stream.wait_idle()
    told = [event.to_dict() for event in of(stream.events, "session.updated")]
    assert [(one.get("title"), one.get("metadata")) for one in told] == [("New", None), (None, patched.metadata)]
    assert either.beta.sessions.update(session.id, title=None).title is None


def test_a_change_of_tools_holds_from_the_next_turn(client: Anthropic, model: FakeModel, watch: Watching) -> None:
    session = make_session(client, make_agent(client, tools=[custom_tool("before")]))
    stream = watch(client, session.id)
    turn(client, session.id, "turn one of tools")
    changed = client.beta.sessions.update(session.id, agent={"tools": [custom_tool("after")]})  # type: ignore[typeddict-item]
    assert [tool.name for tool in changed.agent.tools] == ["after"]  # type: ignore[union-attr]
    turn(client, session.id, "turn two of tools")
    offered = [model.requests_of(text)[0]["body"]["tools"] for text in ("turn one of tools", "turn two of tools")]
    assert [[tool["name"] for tool in tools] for tools in offered] == [["before"], ["after"]]
    stream.wait_idle(2)
    assert len(of(stream.events, "session.updated")) == 1


class TestWhileRunning:
    """A session at work is not archived, removed or given other tools."""

    @pytest.fixture
    def session(self, either: Anthropic, model: FakeModel) -> Iterator[str]:
        """A session whose model has said one word and waits."""
        made = make_session(either, make_agent(either, tools=[custom_tool()]))
        model.hold(after_tokens=1, match="keep at work")
        say(either, made.id, "keep at work")
        model.wait_held()
        yield made.id
        model.release()

    @pytest.mark.parametrize(
        "act",
        [
            pytest.param(lambda c, s: c.beta.sessions.archive(s), id="archive"),
            pytest.param(lambda c, s: c.beta.sessions.delete(s), id="delete"),
            pytest.param(lambda c, s: c.beta.sessions.update(s, agent={"tools": []}), id="tools"),
        ],
    )
    def test_it_is_refused_and_the_turn_completes(
        self, either: Anthropic, model: FakeModel, session: str, act: Callable[[Anthropic, str], Any]
    ) -> None:
        with pytest.raises(anthropic.BadRequestError) as caught:
            act(either, session)
        assert caught.value.body["error"]["type"] == "invalid_request_error"  # type: ignore[index]
        model.release()
        after = rest(either, session)
        assert (after.status, len(after.agent.tools)) == ("idle", 1)
        assert types(listed(either, session)) == SIMPLE_TURN


def test_an_archived_session_is_terminated_and_read_only(either: Anthropic, watch: Watching) -> None:
    session = make_session(either)
    before = turn(either, session.id, "before the end")
    stream = watch(either, session.id)
    archived = either.beta.sessions.archive(session.id)
    assert (archived.status, archived.archived_at is not None) == ("terminated", True)
    again = either.beta.sessions.archive(session.id)
    assert (again.archived_at, again.status) == (archived.archived_at, "terminated")
    stream.wait("session.status_terminated")
    with pytest.raises(anthropic.BadRequestError, match="archived"):
        say(either, session.id, "after the end")
    with pytest.raises(anthropic.BadRequestError, match="archived"):
        send(either, session.id, {"type": "user.interrupt"})
    with pytest.raises(anthropic.BadRequestError, match="archived"):
        either.beta.sessions.update(session.id, title="late")
    after = listed(either, session.id)
    assert [event.id for event in after[: len(before)]] == [event.id for event in before]
    assert types(after).count("session.status_terminated") == 1
    assert either.beta.sessions.list().data == []


def test_a_removed_session_ends_its_streams_and_is_gone(either: Anthropic, watch: Watching) -> None:
    session = make_session(either)
    turn(either, session.id, "soon gone")
    stream = watch(either, session.id)
    gone = either.beta.sessions.delete(session.id)
    assert (gone.id, gone.type) == (session.id, "session_deleted")
    assert stream.ended.wait(10)
    assert stream.error is None
    assert stream.types() == ["session.deleted"]
    for read in (
        lambda: either.beta.sessions.retrieve(session.id),
        lambda: either.beta.sessions.events.list(session.id),
        lambda: either.beta.sessions.events.stream(session.id),
        lambda: say(either, session.id, "anyone?"),
        lambda: either.beta.sessions.delete(session.id),
    ):
        with pytest.raises(anthropic.NotFoundError):
            read()
    assert either.beta.sessions.list(include_archived=True).data == []


def test_an_archived_session_can_be_removed(client: Anthropic) -> None:
    session = make_session(client)
    client.beta.sessions.archive(session.id)
    assert client.beta.sessions.delete(session.id).type == "session_deleted"


def test_the_primary_thread_is_listed_read_and_streamed(either: Anthropic, model: FakeModel) -> None:
    session = make_session(either)
    threads = list(either.beta.sessions.threads.list(session.id))
    assert [(one.parent_thread_id, one.status, one.session_id) for one in threads] == [(None, "idle", session.id)]
    thread = either.beta.sessions.threads.retrieve(threads[0].id, session_id=session.id)
    assert (thread.id, thread.type, thread.agent.to_dict()["id"]) == (threads[0].id, "session_thread", session.agent.id)
    with either.beta.sessions.threads.events.stream(thread.id, session_id=session.id) as stream:
        say(either, session.id, "hello, thread")
        seen = list(until(stream))
    assert types(seen) == SIMPLE_TURN
    told = list(either.beta.sessions.threads.events.list(thread.id, session_id=session.id))
    assert [event.id for event in told] == [event.id for event in seen]


def test_sessions_of_one_environment_do_not_meet(client: Anthropic) -> None:
    agent, environment = make_agent(client), make_environment(client)
    one, two = (make_session(client, agent, environment_id=environment.id) for _ in range(2))
    turn(client, one.id, "only for the first")
    assert listed(client, two.id) == []
