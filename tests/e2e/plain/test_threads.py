"""Agents that call other agents: threads, their events, lists and streams, questions to the client, stopping and
archiving one of them.
"""

import uuid
from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.fakes.model_server import FakeModel
from tests.support.api import Api, Json, assert_whole, message, text_of, types_of, wait_for

PRIMARY = "sthr_primary"
CLIENT_TOOL = {
    "type": "custom",
    "name": "ask_client",
    "description": "Asks.",
    "input_schema": {"type": "object", "properties": {}},
}


@dataclass
class Team:
    """A session whose agent may call others. ``mark`` is in all its texts, so that scripts are for it alone."""

    api: Api
    model: FakeModel
    tools: list[Json] = field(default_factory=list)
    options: Json = field(default_factory=dict)
    mark: str = field(default_factory=lambda: f"mark-{uuid.uuid4().hex[:12]}")

    def __post_init__(self) -> None:
        self.worker = self.api.agent(name="Worker", system="You work.", tools=self.tools, model="claude-worker")
        roster = {"callable_agents": [{"type": "agent", "id": self.worker["id"]}]}
        self.lead = self.api.agent(name="Lead", **(roster | self.options))
        self.session = self.api.session(self.lead)
        self.path = f"/v1/sessions/{self.session}"

    @property
    def tool(self) -> str:
        """The tool that calls the worker."""
        return "call_agent_" + "".join(c if c.isalnum() else "_" for c in self.worker["id"])

    def calls(self, *tasks: str, name: str = "") -> list[Json]:
        """Calls of the worker, whose tasks carry the mark of this team and their place."""
        return [
            {"type": "tool_use", "name": name or self.tool, "input": {"message": f"{task} {self.mark}/{place}"}}
            for place, task in enumerate(tasks)
        ]

    def delegates(self, *tasks: str, then: str = "All done.") -> None:
        """The lead's next turn calls the worker so many times at once, and ends with a text."""
        self.model.script(
            {"blocks": self.calls(*tasks), "match": f"lead {self.mark}"},
            {"blocks": [{"type": "text", "text": then}], "match": f"lead {self.mark}"},
        )

    def say(self) -> None:
        """Let the lead begin."""
        assert self.api.say(self.session, f"lead {self.mark}").status_code in (200, 202)

    def turn(self, *tasks: str) -> list[Json]:
        """A whole turn in which the lead calls the worker; the log."""
        self.delegates(*tasks)
        self.say()
        self.api.wait_idle(self.session)
        return self.api.log(self.session)

    def threads(self, **query: Any) -> list[Json]:
        """The threads of other agents."""
        data = self.api.get(f"{self.path}/threads", **query)["data"]
        return [thread for thread in data if thread["id"] != PRIMARY]

    def results(self) -> list[str]:
        """What the lead was told by its calls."""
        return [
            event["content"][0]["text"]
            for event in self.api.log(self.session)
            if event["type"] == "agent.tool_result" and "session_thread_id" not in event
        ]


def test_a_call_makes_a_thread_whose_answer_reaches_the_caller(api: Api, model: FakeModel) -> None:
    team = Team(api, model)
    log = team.turn('say:"I dug a hole."')
    assert_whole(log)
    assert team.results() == ["I dug a hole."]
    [thread] = team.threads()
    assert (thread["agent_id"], thread["agent_name"]) == (team.worker["id"], "Worker")
    assert (thread["parent_thread_id"], thread["status"], thread["archived_at"]) == (PRIMARY, "idle", None)
    assert (thread["agent"]["type"], thread["agent"]["system"]) == ("agent", "You work.")
    assert set(thread["stats"]) >= {"active_seconds", "duration", "startup", "duration_seconds", "startup_seconds"}
    assert thread["usage"]["output_tokens"] == 4
    session = api.get(team.path)
    assert session["usage"]["output_tokens"] == 4 + 1 + 2
    own = [event for event in log if event.get("session_thread_id") == thread["id"]]
    assert [event["content"] for event in own if event["type"] == "agent.message"]
    assert {event["model"] for event in own if event["type"].startswith("span.model")} == {"claude-worker"}
    [created] = [event for event in log if event["type"] == "session.thread_created"]
    assert (created["session_thread_id"], created["agent_id"]) == (thread["id"], team.worker["id"])
    assert api.get(f"{team.path}/threads/{thread['id']}")["id"] == thread["id"]


def test_what_passes_between_the_agents_stands_in_order(api: Api, model: FakeModel) -> None:
    team = Team(api, model)
    log = team.turn('say:"done"')
    [thread] = team.threads()
    wanted = [
        ("agent.thread_message_sent", None),
        ("agent.tool_use", None),
        ("session.thread_created", thread["id"]),
        ("session.thread_status_running", thread["id"]),
        ("agent.thread_message_received", thread["id"]),
        ("agent.message", thread["id"]),
        ("agent.thread_message_sent", thread["id"]),
        ("session.thread_status_idle", thread["id"]),
        ("session.thread_idle", thread["id"]),
        ("agent.tool_result", None),
        ("agent.thread_message_received", None),
    ]
    kinds = {kind for kind, _ in wanted}
    of_calls = [(event["type"], event.get("session_thread_id")) for event in log if event["type"] in kinds]
    assert [one for one in of_calls if one[1] != PRIMARY][:-1] == wanted
    sent, received = (
        [event for event in log if event["type"] == kind and "session_thread_id" not in event]
        for kind in ("agent.thread_message_sent", "agent.thread_message_received")
    )
    assert [event["to_thread_id"] for event in sent] == [thread["id"]]
    assert [event["from_thread_id"] for event in received] == [thread["id"]]
    assert [text["text"] for event in received for text in event["content"]] == ["done"]
    assert received[0]["from_agent_name"] == "Worker"


def test_each_thread_has_lists_and_streams_of_its_own(api: Api, model: FakeModel) -> None:
    team = Team(api, model)
    whole = api.stream(f"{team.path}/events/stream?include=chunks")
    log = team.turn('one say:"first words"', 'two say:"second words"')
    ones = team.threads()
    assert [thread["status"] for thread in ones] == ["idle", "idle"]
    listed = [api.get(f"{team.path}/threads/{one['id']}/events")["data"] for one in ones]
    assert sorted(text_of(events)[0] for events in listed) == ["first words", "second words"]
    for one, events in zip(ones, listed, strict=True):
        assert {event["session_thread_id"] for event in events} == {one["id"]}
        stream = api.stream(f"{team.path}/threads/{one['id']}/stream?replay=1&include=chunks")
        stream.wait("session.thread_idle")
        stream.close()
        assert [frame.data["id"] for frame in stream.frames] == [event["id"] for event in events]
    primary = api.get(f"{team.path}/threads/{PRIMARY}/events")["data"]
    assert text_of(primary) == ["All done."]
    assert len(log) > len(primary) + 8
    whole.wait("session.status_idle")
    whole.close()
    stored = [frame.data["id"] for frame in whole.frames if frame.id]
    assert stored == [event["id"] for event in log]


def test_fragments_tell_their_thread_and_stay_on_it(api: Api, model: FakeModel) -> None:
    team = Team(api, model)
    team.delegates('slow say:"one two three four"')
    model.hold(after_tokens=1, match=f"{team.mark}/0")
    whole = api.stream(f"{team.path}/events/stream?include=chunks&event_deltas[]=agent.message")
    team.say()
    model.wait_held()
    [thread] = team.threads()
    assert (thread["status"], api.status(team.session)) == ("running", "running")
    own = api.stream(f"{team.path}/threads/{thread['id']}/events/stream?event_deltas[]=agent.message")
    primary = api.stream(f"{team.path}/threads/{PRIMARY}/stream?event_deltas[]=agent.message")
    model.release()
    api.wait_idle(team.session)
    for stream in (whole, primary):
        stream.wait("session.status_idle")
    own.wait("session.thread_status_idle")
    for stream in (whole, primary, own):
        stream.close()
    chunks = [frame.data for frame in whole.frames if frame.data["type"] == "agent.message_chunk"]
    mine = [chunk["delta"] for chunk in chunks if chunk.get("session_thread_id") == thread["id"]]
    assert "".join(mine) == "one two three four"
    assert "".join(chunk["delta"] for chunk in chunks if "session_thread_id" not in chunk) == "All done."
    for stream in (whole, primary):
        deltas = [
            frame.data["delta"]["content"]["text"]
            for frame in stream.frames
            if "delta" in frame.data and frame.data["type"] == "event_delta"
        ]
        assert "".join(deltas) == "All done."
    assert {frame.data["session_thread_id"] for frame in own.frames if frame.id} == {thread["id"]}


def test_a_question_to_the_client_is_shown_beside_and_answered_by_its_id(api: Api, model: FakeModel) -> None:
    team = Team(api, model, [CLIENT_TOOL])
    team.delegates('tool:ask_client say:"42 it is"', 'quick say:"quick"')
    team.say()
    session = api.wait_idle(team.session)
    [use] = [event for event in api.log(team.session) if event["type"] == "agent.custom_tool_use"]
    assert session["stop_reason"]["event_ids"] == [use["id"]]
    [waiting] = [one for one in team.threads() if one["id"] == use["session_thread_id"]]
    assert waiting["status"] == "idle"
    assert team.results() == ["quick"]
    assert use["id"] in [event["id"] for event in api.get(f"{team.path}/threads/{PRIMARY}/events")["data"]]
    refused = api.say(team.session, "hello?")
    assert refused.status_code == 400
    assert f"waiting on responses to events [{use['id']}]" in refused.text
    result = {"type": "user.custom_tool_result", "custom_tool_use_id": use["id"], "content": "42"}
    assert api.send(team.session, result).status_code == 202
    api.wait_idle(team.session)
    assert team.results() == ["quick", "42 it is"]
    [echo] = [event for event in api.log(team.session) if event["type"] == "user.custom_tool_result"]
    assert echo["session_thread_id"] == waiting["id"]


def test_one_thread_is_stopped_while_the_others_go_on(api: Api, model: FakeModel) -> None:
    team = Team(api, model)
    team.delegates('slow say:"a b c d"', 'fine say:"fine"')
    model.hold(after_tokens=1, match=f"{team.mark}/0")
    team.say()
    model.wait_held()
    wait_for(lambda: team.results() == ["fine"], "the other to answer")
    slow = next(one for one in team.threads() if one["status"] == "running")
    assert api.send(team.session, {"type": "user.interrupt", "session_thread_id": slow["id"]}).status_code == 202
    model.release()
    api.wait_idle(team.session)
    assert team.results()[1] == "Interrupted before it finished."
    assert text_of(api.log(team.session))[-1] == "All done."
    assert_whole(api.log(team.session))


def test_cancelling_the_session_stops_all_threads(api: Api, model: FakeModel) -> None:
    team = Team(api, model)
    team.delegates('slow say:"a b c d"', 'slower say:"e f g"')
    model.hold(after_tokens=1, match=team.mark + "/")
    team.say()
    model.wait_held(2)
    assert api.post(f"{team.path}/cancel")["status"] == "idle"
    model.release()
    assert team.results() == ["Interrupted before it finished."] * 2
    assert {one["status"] for one in team.threads()} == {"idle"}
    assert_whole(api.log(team.session))


def test_an_archived_thread_takes_nothing_and_keeps_its_time_stamp(api: Api, model: FakeModel) -> None:
    team = Team(api, model)
    team.turn('say:"done"')
    [thread] = team.threads()
    path = f"{team.path}/threads/{thread['id']}"
    first, again = api.post(f"{path}/archive"), api.post(f"{path}/archive")
    assert first["status"] == "terminated"
    assert first["archived_at"] == again["archived_at"] is not None
    assert api.call("POST", f"{team.path}/threads/{PRIMARY}/archive").status_code == 400
    assert types_of(api.get(f"{path}/events")["data"])[-1] == "session.thread_status_terminated"
    for event in (message("hello"), {"type": "user.interrupt"}):
        assert api.send(team.session, event | {"session_thread_id": thread["id"]}).status_code == 409
    assert team.threads() == []
    assert [one["id"] for one in team.threads(include_archived="true")] == [thread["id"]]
    assert [one["id"] for one in team.threads(**{"statuses[]": "terminated"})] == [thread["id"]]
    assert api.status(team.session) == "idle"


def test_archiving_a_thread_at_work_stops_it_first(api: Api, model: FakeModel) -> None:
    team = Team(api, model)
    team.delegates('slow say:"a b c d"')
    model.hold(after_tokens=1, match=f"{team.mark}/0")
    team.say()
    model.wait_held()
    [thread] = team.threads()
    shown = api.post(f"{team.path}/threads/{thread['id']}/archive")
    model.release()
    assert shown["status"] == "terminated"
    api.wait_idle(team.session)
    assert team.results() == ["Interrupted before it finished."]


def test_archiving_a_thread_that_waits_sets_its_caller_going(api: Api, model: FakeModel) -> None:
    team = Team(api, model, [CLIENT_TOOL])
    team.delegates("tool:ask_client")
    team.say()
    waiting = api.wait_idle(team.session)["stop_reason"]["event_ids"]
    [thread] = team.threads()
    assert api.post(f"{team.path}/threads/{thread['id']}/archive")["status"] == "terminated"
    wait_for(lambda: text_of(api.log(team.session)) == ["All done."], "the caller to go on")
    late = {"type": "user.custom_tool_result", "custom_tool_use_id": waiting[0], "content": "late"}
    assert api.send(team.session, late).status_code == 400


def test_a_message_to_a_resting_thread_is_answered_there(api: Api, model: FakeModel) -> None:
    team = Team(api, model)
    team.turn('say:"done"')
    [thread] = team.threads()
    said = message(f'say:"by the thread" {team.mark}') | {"session_thread_id": thread["id"]}
    assert api.send(team.session, said).status_code == 202
    own = f"{team.path}/threads/{thread['id']}/events"
    wait_for(lambda: "by the thread" in text_of(api.get(own)["data"]), "the answer")
    api.wait_idle(team.session)
    assert types_of(api.get(own)["data"]).count("user.message") == 1
    [again] = team.threads()
    assert again["usage"]["output_tokens"] == 1 + 3


def test_unknown_threads_are_not_found(api: Api, model: FakeModel) -> None:
    team = Team(api, model)
    for name in ("sthr_other", f"sthr_{uuid.uuid4().hex}"):
        for method, path in (("GET", ""), ("GET", "/events"), ("GET", "/stream"), ("POST", "/archive")):
            assert api.call(method, f"{team.path}/threads/{name}{path}").status_code == 404
        for event in (message("hello"), {"type": "user.interrupt"}):
            assert api.send(team.session, event | {"session_thread_id": name}).status_code == 404
    assert api.log(team.session) == []


def test_an_agent_archived_meanwhile_is_an_error_result(api: Api, model: FakeModel) -> None:
    team = Team(api, model)
    api.post(f"/v1/agents/{team.worker['id']}/archive")
    team.turn('say:"done"')
    [told] = team.results()
    assert told.startswith("Error:")
    assert "archived" in told
    assert team.threads() == []


@pytest.mark.parametrize(
    ("options", "tool", "kind"),
    [
        ({"enable_general_subagent": True}, "general_subagent", "inline"),
        ({"multiagent": {"type": "coordinator", "agents": [{"type": "self"}]}}, "self", "agent"),
        (
            {"multiagent": {"type": "coordinator", "agents": [{"type": "self"}, {"type": "advisor", "model": "wise"}]}},
            "advisor",
            "advisor",
        ),
        ({"multiagent": {"type": "multiagent_20261001"}}, "spawn_agent", "inline"),
    ],
)
def test_helpers_copies_advisers_and_agents_made_on_the_spot_can_be_called(
    api: Api, model: FakeModel, options: Json, tool: str, kind: str
) -> None:
    team = Team(api, model, options={"callable_agents": None} | options)
    name = "call_agent_" + team.lead["id"].replace("-", "_") if tool == "self" else tool
    [call] = team.calls("echo", name=name)
    call["input"] |= {"task": call["input"]["message"], "name": "Scout", "instructions": "You scout."}
    model.script(
        {"blocks": [call], "match": f"lead {team.mark}"},
        {"blocks": [{"type": "text", "text": "Done."}], "match": f"lead {team.mark}"},
    )
    team.say()
    api.wait_idle(team.session)
    [thread] = team.threads()
    assert thread["agent"]["type"] == kind
    [told] = team.results()
    assert '"tools": []' in told
    if kind == "advisor":
        assert thread["agent"] == {"type": "advisor", "model": "wise"}
        assert '"model": "wise"' in told
    if tool == "spawn_agent":
        assert (thread["agent_name"], thread["agent"]["system"]) == ("Scout", "You scout.")


def test_threads_are_listed_by_pages(api: Api, model: FakeModel) -> None:
    team = Team(api, model)
    team.turn(*[f'say:"{number}"' for number in range(3)])
    seen: list[str] = []
    page: str | None = None
    while True:
        answer = api.get(f"{team.path}/threads", limit=2, **({"page": page} if page else {}))
        seen += [thread["id"] for thread in answer["data"]]
        page = answer["next_page"]
        if page is None:
            break
    assert seen[0] == PRIMARY
    assert len(seen) == len(set(seen)) == 4
    assert seen[1:] == [one["id"] for one in team.threads()]


def test_an_archived_session_ends_its_waiting_threads(api: Api, model: FakeModel) -> None:
    team = Team(api, model, [CLIENT_TOOL])
    team.delegates("tool:ask_client")
    team.say()
    api.wait_idle(team.session)
    api.post(f"{team.path}/archive")
    log = api.log(team.session)
    assert_whole(log)
    assert team.results() == ["Interrupted before it finished."]
    assert [one["status"] for one in team.threads()] == ["terminated"]
