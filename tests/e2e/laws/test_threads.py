"""Agents that call other agents: when the server dies while two of them are at work, both go on where they were, no
tool is called twice, and the caller gets both answers; an interrupt stops them all within two seconds.
"""

import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.e2e.laws.checks import assert_complete
from tests.e2e.laws.conftest import model_env
from tests.fakes.model_server import FakeModel
from tests.support.api import Api, Json, text_of, types_of, wait_for
from tests.support.endpoint import CLIENT_TOOL, Endpoint
from tests.support.server import Server

RESUMED_SECONDS = 30
STOPPED_SECONDS = 2.0
INTERRUPTED = "Interrupted before it finished."


@dataclass
class Scene:
    """One session whose agent has called two helpers. ``mark`` is in all its texts, ``path`` is its own tool's."""

    api: Callable[[], Api]
    model: FakeModel
    endpoint: Endpoint
    mark: str = field(default_factory=lambda: f"mark-{uuid.uuid4().hex[:12]}")
    session: str = ""

    @property
    def path(self) -> str:
        """The path of the tool of this scene alone."""
        return f"/{self.mark}"

    def begin(self, *tasks: str) -> None:
        """Let the agent call a helper for each task at once."""
        tool = self.endpoint.tool() | {"execution": {"type": "http", "endpoint": f"{self.endpoint.url}{self.path}"}}
        agent = self.api().agent(tools=[tool, CLIENT_TOOL], enable_general_subagent=True)
        self.session = self.api().session(agent)
        calls = [
            {"type": "tool_use", "name": "general_subagent", "input": {"task": f"{task} {self.mark}/{place}"}}
            for place, task in enumerate(tasks)
        ]
        lead = f"lead {self.mark}"
        self.model.script(
            {"blocks": calls, "match": lead}, {"blocks": [{"type": "text", "text": "End."}], "match": lead}
        )
        assert self.api().say(self.session, lead).status_code == 202

    def stall(self, place: int, tokens: int) -> None:
        """Let the first answer to a helper stop on its way; the one after it is as its task asks."""
        block = {"type": "text", "text": "one two three four five six"}
        self.model.script({"blocks": [block], "hang": tokens, "match": f"{self.mark}/{place}"})

    def wait_tokens(self, place: int, count: int) -> None:
        """Until the model has sent so much to a helper."""
        asked = f"{self.mark}/{place}"
        wait_for(lambda: [r for r in self.model.requests_of(asked) if r["tokens"] >= count], "the model to speak")

    def wait_tool(self) -> None:
        """Until the tool is called."""
        wait_for(lambda: self.endpoint.count(self.path), "the tool to be called")

    def results(self) -> list[str]:
        """What the caller was told."""
        return [
            event["content"][0]["text"]
            for event in self.api().log(self.session)
            if event["type"] == "agent.tool_result" and "session_thread_id" not in event
        ]

    def ended(self) -> list[Json]:
        """The log once the session rests; all that holds of every log is checked."""
        log = wait_for(self._at_rest, f"the turn of {self.session} to end", within=RESUMED_SECONDS)
        assert_complete(log)
        begun = [event["session_thread_id"] for event in log if event["type"] == "session.thread_created"]
        assert len(begun) == 2
        assert types_of(log).count("session.thread_idle") == 2
        return list(log)

    def _at_rest(self) -> list[Json] | None:
        session = self.api().get(f"/v1/sessions/{self.session}")
        at_rest = session["status"] == "idle" and session["stop_reason"] == {"type": "end_turn"}
        return self.api().log(self.session) if at_rest else None


def _both_speak(scene: Scene) -> None:
    scene.stall(0, 2)
    scene.stall(1, 3)
    scene.begin('say:"first"', 'say:"second"')
    scene.wait_tokens(0, 2)
    scene.wait_tokens(1, 3)


def _one_in_a_tool(scene: Scene) -> None:
    scene.endpoint.hold(scene.path)
    scene.stall(1, 3)
    scene.begin('tool:ping say:"first"', 'say:"second"')
    scene.wait_tool()
    scene.wait_tokens(1, 3)


def _one_has_ended(scene: Scene) -> None:
    scene.stall(1, 3)
    scene.begin('say:"first"', 'say:"second"')
    scene.wait_tokens(1, 3)
    wait_for(lambda: scene.results() == ["first"], "the first to end")


def _one_waits(scene: Scene) -> None:
    scene.stall(1, 3)
    scene.begin('tool:ask_client say:"first"', 'say:"second"')
    scene.wait_tokens(1, 3)
    wait_for(lambda: _question(scene), "the question")


def _question(scene: Scene) -> Json | None:
    waits = [event for event in scene.api().log(scene.session) if event["type"] == "agent.custom_tool_use"]
    return waits[0] if waits else None


MOMENTS = {
    "both_speak": _both_speak,
    "one_is_in_a_tool": _one_in_a_tool,
    "one_has_ended": _one_has_ended,
    "one_waits_for_the_client": _one_waits,
}


@pytest.fixture(scope="module")
def survivors(shared_model: FakeModel, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Scene]]:
    """Sessions at every moment, after the death of their server and its restart."""
    shared_model.reset()
    state: Path = tmp_path_factory.mktemp("state")
    clients: dict[str, Api] = {}
    with Endpoint() as endpoint, Server(model_env(shared_model), state) as server:
        key = server.tenant()

        def api() -> Api:
            if server.url not in clients:
                clients[server.url] = Api(server.url, key)
            return clients[server.url]

        scenes = {name: Scene(api, shared_model, endpoint) for name in MOMENTS}
        for name, prepare in MOMENTS.items():
            prepare(scenes[name])
        server.restart()
        yield scenes
        for client in clients.values():
            client.close()


@pytest.mark.parametrize("moment", ["both_speak", "one_has_ended"])
def test_both_agents_go_on_after_the_servers_death_when(survivors: dict[str, Scene], moment: str) -> None:
    scene = survivors[moment]
    log = scene.ended()
    assert sorted(scene.results()) == ["first", "second"]
    assert sorted(text_of(log)) == ["End.", "first", "second"]
    assert len(scene.model.requests_of(f"lead {scene.mark}")) == 2


def test_a_tool_of_a_called_agent_is_not_called_again(survivors: dict[str, Scene]) -> None:
    scene = survivors["one_is_in_a_tool"]
    log = scene.ended()
    assert scene.endpoint.count(scene.path) == 1
    assert sorted(scene.results()) == ["first", "second"]
    inner = [e for e in log if e["type"] == "agent.tool_result" and "session_thread_id" in e]
    assert ["unknown" in event["content"][0]["text"] for event in inner] == [True]


def test_a_question_can_be_answered_after_the_death(survivors: dict[str, Scene]) -> None:
    scene = survivors["one_waits_for_the_client"]
    use = _question(scene)
    assert use is not None
    wait_for(lambda: scene.results() == ["second"], "the other agent", within=RESUMED_SECONDS)
    scene.api().wait_idle(scene.session)
    answer = {"type": "user.custom_tool_result", "custom_tool_use_id": use["id"], "content": "42"}
    assert scene.api().send(scene.session, answer).status_code == 202
    scene.ended()
    assert scene.results() == ["second", "first"]


def test_a_reader_of_one_thread_misses_nothing_over_the_death(survivors: dict[str, Scene]) -> None:
    scene = survivors["both_speak"]
    log = scene.ended()
    for thread in {e["session_thread_id"] for e in log if e["type"] == "session.thread_created"}:
        path = f"/v1/sessions/{scene.session}/threads/{thread}"
        events = scene.api().get(f"{path}/events")["data"]
        assert [event["id"] for event in events] == [
            event["id"]
            for event in log
            if event.get("session_thread_id") == thread and event["type"] != "session.thread_created"
        ]
        stream = scene.api().stream(f"{path}/stream?include=chunks", headers={"last-event-id": str(events[2]["seq"])})
        stream.wait("session.thread_idle")
        stream.close()
        assert [frame.data["id"] for frame in stream.frames] == [event["id"] for event in events[3:]]


@pytest.mark.parametrize("moment", sorted(MOMENTS))
def test_an_interrupt_stops_all_within_two_seconds_when(
    api: Api, model: FakeModel, endpoint: Endpoint, moment: str
) -> None:
    scene = Scene(lambda: api, model, endpoint)
    MOMENTS[moment](scene)
    began = time.monotonic()
    assert api.send(scene.session, {"type": "user.interrupt"}).status_code == 202
    assert api.status(scene.session) == "idle"
    assert time.monotonic() - began < STOPPED_SECONDS
    scene.ended()
    assert scene.results().count(INTERRUPTED) == (1 if moment == "one_has_ended" else 2)
    assert len(model.requests_of(f"lead {scene.mark}")) == 1
