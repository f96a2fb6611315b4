"""Agents that call other agents, as the official client sees it: threads are listed, read, streamed and archived, a
question of one of them is answered by its id, and there is room for twenty-five.
"""

import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import anthropic
import pytest
from anthropic import Anthropic

from tests.e2e.anthropic_sdk.helpers import (
    TURN_HEAD,
    TURN_TAIL,
    Watch,
    asking_toolset,
    confirm,
    custom_result,
    custom_tool,
    listed,
    make_agent,
    make_session,
    of,
    rest,
    said,
    send,
    types,
    until,
)
from tests.fakes.model_server import FakeModel
from tests.support.api import message, wait_for

Watching = Callable[..., Watch]
PRIMARY = "sthr_primary"


@dataclass
class Team:
    """A session whose agent may call another. ``mark`` is in all its texts, so that scripts are for it alone."""

    client: Anthropic
    model: FakeModel
    tools: list[Any] = field(default_factory=list)
    mark: str = field(default_factory=lambda: f"mark-{uuid.uuid4().hex[:12]}")

    def __post_init__(self) -> None:
        self.worker = make_agent(self.client, name="Worker", tools=self.tools)
        roster = {"type": "coordinator", "agents": [self.worker.id, {"type": "self"}]}
        self.session = make_session(self.client, make_agent(self.client, name="Lead", multiagent=roster)).id

    def delegates(self, *tasks: str, then: str = "All done.") -> None:
        """The lead's next turn calls the worker so many times at once, and ends with a text."""
        name = f"call_agent_{self.worker.id}"
        calls = [
            {"type": "tool_use", "name": name, "input": {"message": f"{task} {self.mark}/{place}"}}
            for place, task in enumerate(tasks)
        ]
        self.model.script(
            {"blocks": calls, "match": f"lead {self.mark}"},
            {"blocks": [{"type": "text", "text": then}], "match": f"lead {self.mark}"},
        )

    def say(self) -> None:
        """Let the lead begin."""
        send(self.client, self.session, message(f"lead {self.mark}"))

    def threads(self, **query: Any) -> list[Any]:
        """The threads of other agents."""
        found = self.client.beta.sessions.threads.list(self.session, **query)
        return [thread for thread in found if thread.id != PRIMARY]

    def events(self, thread: str) -> list[Any]:
        """All events of a thread."""
        return list(self.client.beta.sessions.threads.events.list(thread, session_id=self.session))


def test_a_called_agent_is_seen_on_its_own_thread(either: Anthropic, model: FakeModel) -> None:
    team = Team(either, model)
    team.delegates('say:"I dug a hole."')
    team.say()
    rest(either, team.session)
    threads = list(either.beta.sessions.threads.list(team.session))
    assert [thread.id == PRIMARY for thread in threads] == [True, False]
    thread = either.beta.sessions.threads.retrieve(threads[1].id, session_id=team.session)
    assert thread.agent.type == "agent"
    assert (thread.agent.id, thread.agent.name, thread.parent_thread_id) == (team.worker.id, "Worker", PRIMARY)
    assert (thread.status, thread.usage.output_tokens) == ("idle", 4)
    own = team.events(thread.id)
    assert types(own) == [
        "session.thread_status_running",
        "agent.thread_message_received",
        "span.model_request_start",
        "agent.message",
        "span.model_request_end",
        "agent.thread_message_sent",
        "session.thread_status_idle",
    ]
    assert (own[1].from_session_thread_id, own[5].to_session_thread_id) == (PRIMARY, PRIMARY)
    assert own[6].stop_reason.type == "end_turn"


def test_the_sessions_own_events_tell_of_the_thread_and_nothing_of_its_work(
    client: Anthropic, model: FakeModel, watch: Watching
) -> None:
    team = Team(client, model)
    team.delegates('say:"deep"')
    stream = watch(client, team.session)
    team.say()
    events = stream.wait_idle()
    [thread] = team.threads()
    assert types(events) == [
        *TURN_HEAD,
        "user.message",
        "span.model_request_start",
        "agent.thread_message_sent",
        "agent.tool_use",
        "span.model_request_end",
        "session.thread_created",
        "session.thread_status_running",
        "session.thread_status_idle",
        "agent.tool_result",
        "agent.thread_message_received",
        "span.model_request_start",
        "agent.message",
        "span.model_request_end",
        *TURN_TAIL,
    ]
    [created], [sent] = of(events, "session.thread_created"), of(events, "agent.thread_message_sent")
    [received], [result] = of(events, "agent.thread_message_received"), of(events, "agent.tool_result")
    assert (created.session_thread_id, created.agent_name) == (thread.id, "Worker")
    assert (sent.to_session_thread_id, sent.to_agent_name) == (thread.id, "Worker")
    assert (received.from_session_thread_id, said(received), said(result)) == (thread.id, "deep", "deep")
    assert [event.id for event in listed(client, team.session)] == [event.id for event in events]
    ends = of(events, "span.model_request_end") + of(team.events(thread.id), "span.model_request_end")
    used = client.beta.sessions.retrieve(team.session).usage
    assert used.output_tokens == sum(end.model_usage.output_tokens for end in ends)


def test_a_thread_streams_its_own_events_and_deltas(client: Anthropic, model: FakeModel, watch: Watching) -> None:
    team = Team(client, model)
    team.delegates('say:"one two three"', 'other say:"four five"')
    model.hold(match=f"{team.mark}/")
    whole = watch(client, team.session, event_deltas=["agent.message"])
    team.say()
    model.wait_held(2)
    first = next(t for t in team.threads() if f"{team.mark}/0" in said(team.events(t.id)[1]))
    with client.beta.sessions.threads.events.stream(
        first.id, session_id=team.session, event_deltas=["agent.message"]
    ) as stream:
        model.release()
        events = list(until(stream, lambda event: event.type == "session.thread_status_idle"))
    texts = [event.delta.content.text for event in events if event.type == "event_delta"]
    assert "".join(texts) == "one two three"
    assert [said(event) for event in of(events, "agent.message")] == ["one two three"]
    shown = [event.delta.content.text for event in of(whole.wait_idle(), "event_delta")]
    assert "".join(shown) == "All done."


def test_a_question_of_a_thread_is_answered_by_its_id(either: Anthropic, model: FakeModel, watch: Watching) -> None:
    team = Team(either, model, [custom_tool("ask"), asking_toolset()])
    team.delegates('tool:ask say:"heard"', 'tool:web_fetch input:{"url":"http://127.0.0.1:9/"} say:"not fetched"')
    stream = watch(either, team.session)
    team.say()
    idle = stream.wait_idle()[-1]
    [custom], [fetch] = (
        of(stream.events, "agent.custom_tool_use"),
        of(
            [event for event in stream.events if getattr(event, "session_thread_id", None) != PRIMARY], "agent.tool_use"
        )[-1:],
    )
    assert sorted(idle.stop_reason.event_ids) == sorted([custom.id, fetch.id])
    threads = {thread.id: thread for thread in team.threads()}
    assert {custom.session_thread_id, fetch.session_thread_id} == set(threads)
    assert {thread.status for thread in threads.values()} == {"idle"}
    waits = of(team.events(custom.session_thread_id), "session.thread_status_idle")[-1]
    assert waits.stop_reason.event_ids == [custom.id]
    with pytest.raises(anthropic.BadRequestError, match="waiting on responses to events"):
        send(either, team.session, message("hello?"))
    send(either, team.session, custom_result(custom, "yes"), confirm(fetch, "deny", deny_message="No."))
    events = wait_for(lambda: _ended(listed(either, team.session)), "the end of the turn")
    results = [said(event) for event in of(events, "agent.tool_result")]
    assert sorted(results) == ["heard", "not fetched"]
    answers = of(events, "user.custom_tool_result") + of(events, "user.tool_confirmation")
    assert [event.session_thread_id for event in answers] == [custom.session_thread_id, fetch.session_thread_id]


def _ended(events: list[Any]) -> list[Any] | None:
    last = events[-1]
    return events if last.type == "session.status_idle" and last.stop_reason.type == "end_turn" else None


def test_a_thread_at_rest_is_archived_and_takes_nothing_more(either: Anthropic, model: FakeModel) -> None:
    team = Team(either, model)
    team.delegates('say:"done"')
    team.say()
    rest(either, team.session)
    [thread] = team.threads()
    threads = either.beta.sessions.threads
    archived = threads.archive(thread.id, session_id=team.session)
    assert (archived.status, archived.archived_at) == (
        "terminated",
        threads.archive(thread.id, session_id=team.session).archived_at,
    )
    assert types(team.events(thread.id))[-1] == "session.thread_status_terminated"
    assert types(listed(either, team.session))[-1] == "session.thread_status_terminated"
    with pytest.raises(anthropic.BadRequestError):
        send(either, team.session, {"type": "user.interrupt", "session_thread_id": thread.id})
    with pytest.raises(anthropic.BadRequestError):
        threads.archive(PRIMARY, session_id=team.session)
    assert [one.id for one in team.threads(statuses=["terminated"])] == [thread.id]
    assert team.threads(statuses=["idle"]) == []


def test_a_thread_at_work_is_not_archived_but_can_be_stopped(
    client: Anthropic, model: FakeModel, watch: Watching
) -> None:
    team = Team(client, model)
    team.delegates('slow say:"a b c"')
    model.hold(after_tokens=1, match=f"{team.mark}/0")
    stream = watch(client, team.session)
    team.say()
    model.wait_held()
    [thread] = team.threads(statuses=["running"])
    with pytest.raises(anthropic.BadRequestError):
        client.beta.sessions.threads.archive(thread.id, session_id=team.session)
    send(client, team.session, {"type": "user.interrupt", "session_thread_id": thread.id})
    events = stream.wait_idle()
    model.release()
    assert of(events, "agent.tool_result")[0].is_error
    assert said(of(events, "agent.message")[-1]) == "All done."
    assert types(events).count("session.status_idle") == 1
    assert [event.session_thread_id for event in of(team.events(thread.id), "user.interrupt")] == [thread.id]


def test_an_interrupt_without_a_thread_stops_all(client: Anthropic, model: FakeModel) -> None:
    team = Team(client, model)
    team.delegates('slow say:"a b c"', 'slower say:"d e f"')
    model.hold(after_tokens=1, match=f"{team.mark}/")
    team.say()
    model.wait_held(2)
    send(client, team.session, {"type": "user.interrupt"})
    rest(client, team.session)
    model.release()
    assert {thread.status for thread in team.threads()} == {"idle"}
    events = listed(client, team.session)
    assert events[-1].stop_reason.type == "end_turn"
    assert len(of(events, "agent.tool_result")) == 2


def test_the_twenty_sixth_thread_is_refused(client: Anthropic, model: FakeModel) -> None:
    team = Team(client, model)
    team.delegates(*[f'{number} say:"ok"' for number in range(26)])
    team.say()
    rest(client, team.session, 60)
    results = of(listed(client, team.session), "agent.tool_result")
    assert [bool(result.is_error) for result in results].count(True) == 1
    assert len(team.threads()) == 25


def test_a_message_to_a_thread_is_answered_on_it(client: Anthropic, model: FakeModel, watch: Watching) -> None:
    team = Team(client, model)
    team.delegates('say:"done"')
    team.say()
    rest(client, team.session)
    [thread] = team.threads()
    stream = watch(client, team.session)
    accepted = send(client, team.session, message(f'say:"once more" {team.mark}') | {"session_thread_id": thread.id})[0]
    assert accepted.to_dict()["session_thread_id"] == thread.id
    events = stream.wait_idle()
    own = team.events(thread.id)
    assert [event.id for event in of(own, "user.message")] == [accepted.id]
    assert said(of(own, "agent.message")[-1]) == "once more"
    assert said(of(events, "agent.thread_message_received")[0]) == "once more"
    assert of(events, "agent.message") == []
