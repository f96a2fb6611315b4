"""Agents that call other agents, as OpenAI's clients see them: the session tells of its own agent alone, and each agent
that was called is a subagent with items and turns of its own.
"""

import json
import uuid
from typing import Any

import openai
import pytest
from openai import OpenAI

from tests.e2e.openai_sdk.helpers import joined, user
from tests.fakes.model_server import FakeModel
from tests.support.api import Api, Json, wait_for

ASK: Json = {
    "type": "custom",
    "name": "ask_client",
    "description": "Asks.",
    "input_schema": {"type": "object", "properties": {}},
}


class Team:
    """A lead that may call a worker; ``mark`` is in all their texts, so that scripts are for them alone."""

    def __init__(self, api: Api, model: FakeModel, tools: list[Json] | None = None) -> None:
        self.model = model
        self.mark = f"mark-{uuid.uuid4().hex[:12]}"
        self.worker = api.agent(name="Worker", tools=tools or [], model="claude-worker")
        self.lead = api.agent(name="Lead", callable_agents=[{"type": "agent", "id": self.worker["id"]}])

    @property
    def word(self) -> str:
        """What the client says to the lead."""
        return f"lead {self.mark}"

    def delegates(self, *tasks: str) -> None:
        """The lead's next turn gives out tasks, and ends with a text."""
        tool = "call_agent_" + "".join(c if c.isalnum() else "_" for c in self.worker["id"])
        calls = [{"type": "tool_use", "name": tool, "input": {"message": f"{task} {self.mark}"}} for task in tasks]
        self.model.script(
            {"blocks": calls, "match": self.word},
            {"blocks": [{"type": "text", "text": "All done."}], "match": self.word},
        )


def ran(client: OpenAI, team: Team, *tasks: str) -> str:
    """A session whose lead gave out tasks and is at rest; its id."""
    team.delegates(*tasks)
    session = client.beta.agents.sessions.create(
        agent_id=team.lead["id"], environment={"type": "none"}, input=team.word
    )
    sessions = client.beta.agents.sessions
    wait_for(lambda: sessions.retrieve(session.id).status != "in_progress", "the session to rest")
    return session.id


def said(items: Any) -> list[str]:
    """The texts of messages, oldest first."""
    return [item.content[0].text for item in items if item.type == "message"]


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
def test_a_chat_is_answered_by_its_own_agent_alone_and_counts_all(
    client: OpenAI, api: Api, model: FakeModel, stream: bool
) -> None:
    team = Team(api, model)
    team.delegates('say:"I dug a hole."')
    asked: Any = {"model": team.lead["id"], "messages": [user(team.word)]}
    if stream:
        options = {"stream": True, "stream_options": {"include_usage": True}}
        chunks = list(client.chat.completions.create(**asked, **options))
        text, usage = joined(chunks), chunks[-1].usage
    else:
        done = client.chat.completions.create(**asked)
        text, usage = done.choices[0].message.content, done.usage
    assert text == "All done."
    assert usage.prompt_tokens == 30


def test_the_calls_of_an_agent_that_was_called_come_to_the_chats_client(
    client: OpenAI, api: Api, model: FakeModel
) -> None:
    team = Team(api, model, [ASK])
    team.delegates("tool:ask_client")
    messages: list[Any] = [user(team.word)]
    first = client.chat.completions.create(model=team.lead["id"], messages=messages).choices[0]
    assert first.finish_reason == "tool_calls"
    (call,) = first.message.tool_calls or []
    assert call.type == "function"
    assert (call.function.name, json.loads(call.function.arguments)) == ("ask_client", {})
    messages += [first.message.to_dict(), {"role": "tool", "tool_call_id": call.id, "content": "yes"}]
    last = client.chat.completions.create(model=team.lead["id"], messages=messages).choices[0]
    assert (last.finish_reason, last.message.content) == ("stop", "All done.")


def test_items_and_turns_of_a_session_are_those_of_its_own_agent(client: OpenAI, api: Api, model: FakeModel) -> None:
    team = Team(api, model)
    session = ran(client, team, 'say:"I dug a hole."')
    sessions = client.beta.agents.sessions
    for order in ("asc", "desc"):
        items = list(sessions.items.list(session, order=order))
        assert sorted(said(items)) == ["All done.", team.word]
        (call,) = [item for item in items if item.type == "mcp_call"]
        assert (call.status, call.output) == ("completed", "I dug a hole.")
    (turn,) = sessions.turns.list(session)
    assert turn.subagent_id is None
    assert len(list(sessions.turns.items.list(turn.id, session_id=session))) == 3


def test_a_stream_tells_of_the_sessions_own_agent(client: OpenAI, api: Api, model: FakeModel) -> None:
    team = Team(api, model)
    team.delegates('say:"I dug a hole."')
    stream = client.beta.agents.sessions.create(
        agent_id=team.lead["id"], environment={"type": "none"}, input=team.word, stream=True
    )
    events = list(stream)
    texts = [event.text for event in events if event.type == "agent.session.turn.output_text.done"]
    assert texts == ["All done."]
    assert "I dug" not in "".join(event.delta for event in events if event.type.endswith("output_text.delta"))
    (created,) = [event for event in events if event.type == "agent.session.subagent.created"]
    session = events[0].session.id
    assert [created.subagent] == list(client.beta.agents.sessions.subagents.list(session))
    assert events[-1].type == "agent.session.idle"


def test_agents_that_were_called_are_subagents(client: OpenAI, api: Api, model: FakeModel) -> None:
    team = Team(api, model)
    session = ran(client, team, 'say:"I dug a hole."', 'say:"I filled it."', 'say:"I sat down."')
    subagents = client.beta.agents.sessions.subagents
    up = list(subagents.list(session, order="asc", limit=2))
    down = list(subagents.list(session, limit=1))
    assert [one.id for one in up] == [one.id for one in down][::-1]
    assert len({one.id for one in up}) == 3
    for one in up:
        assert (one.name, one.status, one.closed_at, one.session_id) == ("Worker", "active", None, session)
        assert one.parent_agent_id == team.lead["id"]
        assert subagents.retrieve(one.id, session_id=session) == one
    heard = [list(subagents.items.list(one.id, session_id=session, order="asc")) for one in up]
    assert sorted(said(items)[-1] for items in heard) == ["I dug a hole.", "I filled it.", "I sat down."]
    assert all(said(items)[0].endswith(team.mark) for items in heard)
    (turn,) = subagents.turns.list(up[0].id, session_id=session)
    assert (turn.subagent_id, turn.agent_id, turn.status) == (up[0].id, team.worker["id"], "completed")
    assert turn.usage is not None
    assert turn.usage.input_tokens == 10
    assert subagents.turns.retrieve(turn.id, session_id=session, subagent_id=up[0].id) == turn
    of_turn = list(subagents.turns.items.list(turn.id, session_id=session, subagent_id=up[0].id, order="asc"))
    assert of_turn == heard[0]
    assert {item.turn_id for item in of_turn} == {turn.id}
    assert [one.id for one in client.beta.agents.sessions.turns.list(session)] == [turn.id]


def test_an_agent_of_several_calls_subagents_of_no_other_name(client: OpenAI, model: FakeModel) -> None:
    mark = f"several {uuid.uuid4().hex[:12]}"
    call = {"type": "tool_use", "name": "general_subagent", "input": {"task": f'say:"Dug." {mark}/task'}}
    done = {"blocks": [{"type": "text", "text": "All done."}], "match": f"lead {mark}"}
    model.script({"blocks": [call], "match": f"lead {mark}"}, done)
    sessions = client.beta.agents.sessions
    agent: Any = {"model": "claude-test", "multi_agent": {"enabled": True}}
    session = sessions.create(agent=agent, environment={"type": "none"}, input=f"lead {mark}").id
    wait_for(lambda: sessions.retrieve(session).status == "idle", "the session to rest")
    (one,) = sessions.subagents.list(session)
    (turn,) = sessions.subagents.turns.list(one.id, session_id=session)
    assert (turn.agent_id, turn.subagent_id) == (one.id, one.id)
    assert said(sessions.subagents.items.list(one.id, session_id=session))[0] == "Dug."


def test_a_subagent_that_was_archived_is_closed(client: OpenAI, api: Api, model: FakeModel) -> None:
    session = ran(client, Team(api, model), "tokens:1")
    (one,) = client.beta.agents.sessions.subagents.list(session)
    threads = f"/v1/sessions/sesn_{session.rpartition('_')[2]}/threads"
    api.post(f"{threads}/sthr_{one.id.rpartition('_')[2]}/archive")
    closed = client.beta.agents.sessions.subagents.retrieve(one.id, session_id=session)
    assert closed.status == "closed"
    assert closed.closed_at is not None
    assert closed.closed_at >= one.opened_at


def test_a_subagent_that_waits_for_the_client_has_a_waiting_turn(client: OpenAI, api: Api, model: FakeModel) -> None:
    session = ran(client, Team(api, model, [ASK]), "tool:ask_client")
    sessions = client.beta.agents.sessions
    found = sessions.retrieve(session)
    (action,) = found.required_actions
    assert (found.status, action.type) == ("requires_action", "function_call")
    (one,) = sessions.subagents.list(session)
    (turn,) = sessions.subagents.turns.list(one.id, session_id=session)
    assert (turn.status, turn.completed_at) == ("waiting", None)
    (call,) = [item for item in sessions.subagents.items.list(one.id, session_id=session) if item.type != "message"]
    assert (call.type, call.status) == ("function_call", "in_progress")
    sessions.events.create(
        session,
        events=[
            {
                "type": "agent.session.input.tool_result",
                "turn_id": action.turn_id,
                "call_id": action.call_id,
                "success": True,
                "output": "yes",
            }
        ],
    )
    wait_for(lambda: sessions.retrieve(session).status == "idle", "the session to rest")
    (turn,) = sessions.subagents.turns.list(one.id, session_id=session)
    assert turn.status == "completed"


@pytest.mark.parametrize("strange", ["suba_" + "0" * 32, "nonsense"])
def test_an_unknown_subagent_is_not_found(client: OpenAI, api: Api, model: FakeModel, strange: str) -> None:
    session = ran(client, Team(api, model), "tokens:1")
    subagents = client.beta.agents.sessions.subagents
    (one,) = subagents.list(session)
    for ask in (
        lambda: subagents.retrieve(strange, session_id=session),
        lambda: subagents.items.list(strange, session_id=session),
        lambda: subagents.turns.list(strange, session_id=session),
        lambda: subagents.turns.retrieve("turn_" + uuid.uuid4().hex, session_id=session, subagent_id=one.id),
    ):
        with pytest.raises(openai.NotFoundError):
            ask()
