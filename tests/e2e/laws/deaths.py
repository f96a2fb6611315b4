"""Sessions brought to chosen moments of a turn on one server, which is then killed and started again, twice."""

import uuid
from collections.abc import Callable
from dataclasses import dataclass, field

from tests.fakes.model_server import FakeModel
from tests.support.api import Api, Json, message, wait_for
from tests.support.endpoint import CLIENT_TOOL, Endpoint
from tests.support.server import Server

LONG_MS = 600_000


@dataclass
class Scene:
    """One session. ``mark`` is in the text of its messages, so that the model's script can tell it from others."""

    api: Callable[[], Api]
    model: FakeModel
    endpoint: Endpoint
    mark: str = field(default_factory=lambda: f"mark-{uuid.uuid4().hex}")
    texts: list[str] = field(default_factory=list)
    session: str = ""
    calls: list[str] = field(default_factory=list)
    keys: list[str] = field(default_factory=lambda: [uuid.uuid4().hex, uuid.uuid4().hex])
    first_answers: list[Json] = field(default_factory=list)
    rested: tuple[Json, list[Json]] | None = None

    @property
    def path(self) -> str:
        """The path of the tool of this scene alone."""
        return f"/{self.mark}"

    def tool(self) -> Json:
        """A tool that calls the endpoint."""
        return self.endpoint.tool() | {"execution": {"type": "http", "endpoint": f"{self.endpoint.url}{self.path}"}}

    def begin(self, directives: str, *tools: Json) -> None:
        """Make the session and send its first message."""
        self.make(*tools)
        self.say(directives)

    def make(self, *tools: Json) -> None:
        """Make the session."""
        self.session = self.api().session(self.api().agent(tools=list(tools)))

    def say(self, directives: str) -> None:
        """Send a message."""
        self.texts.append(f"{directives} {self.mark}-{len(self.texts)}")
        assert self.api().say(self.session, self.texts[-1]).status_code == 202

    def stall(self, **how: int) -> None:
        """Let the model's next answer stop on its way; the one after it is as the message asks."""
        block = {"type": "text", "text": "one two three four five six"}
        self.model.script({"blocks": [block], "match": self.mark, **how})

    def wait_tokens(self, count: int, request: int = 1) -> None:
        """Until the model has sent so much of its answer to the request of that number."""
        wait_for(lambda: self._tokens(request) >= count, f"{count} tokens of {self.mark}")

    def _tokens(self, request: int) -> int:
        asked = self.model.requests_of(self.mark)
        return int(asked[request - 1]["tokens"]) if len(asked) >= request else -1

    def open_calls(self) -> list[str]:
        """The ids of what the client has to answer, once there is something."""
        ids: list[str] = wait_for(self._required, "a call for the client")["event_ids"]
        return ids

    def _required(self) -> Json | None:
        stop: Json = self.api().get(f"/v1/sessions/{self.session}").get("stop_reason") or {}
        return stop if stop.get("type") == "requires_action" else None

    def answer(self, call: str) -> None:
        """Answer a call of the client's tool."""
        content = [{"type": "text", "text": "42"}]
        result = {"type": "user.custom_tool_result", "custom_tool_use_id": call, "content": content}
        assert self.api().send(self.session, result).status_code == 202

    def log(self) -> list[Json]:
        """The whole log."""
        return self.api().log(self.session)


@dataclass(frozen=True)
class Moment:
    """How a session is brought to a moment: ``prepare`` long before the death, ``last`` immediately before it."""

    prepare: Callable[[Scene], None]
    last: Callable[[Scene], None] = lambda scene: None


def _asked(scene: Scene) -> None:
    scene.stall(ttft=LONG_MS)
    scene.begin("tokens:4")
    scene.wait_tokens(0)


def _speaking(tokens: int) -> Moment:
    def prepare(scene: Scene) -> None:
        scene.stall(hang=tokens)
        scene.begin("tokens:4")
        scene.wait_tokens(tokens)

    return Moment(prepare)


def _dying_again(scene: Scene) -> None:
    scene.stall(hang=2)
    scene.stall(hang=3)
    scene.begin("tokens:4")
    scene.wait_tokens(2)


def _in_a_tool(directives: str, calls: int) -> Moment:
    def prepare(scene: Scene) -> None:
        scene.endpoint.hold(scene.path)
        scene.begin(f"tool:ping {directives}", scene.tool())
        wait_for(lambda: scene.endpoint.count(scene.path) == calls, "the tool to be called")

    return Moment(prepare)


def _tool_answered(scene: Scene) -> None:
    scene.endpoint.let_go(scene.path)
    scene.endpoint.wait_answered(scene.path)


def _waiting_for_the_client(scene: Scene) -> None:
    scene.begin("tool:ask_client", CLIENT_TOOL)
    scene.calls = scene.open_calls()


def _fetching(scene: Scene) -> None:
    toolset = {
        "type": "agent_toolset_20260401",
        "default_config": {"enabled": False},
        "configs": [{"name": "web_fetch", "enabled": True}],
    }
    url = f"{scene.endpoint.url}{scene.path}"
    scene.endpoint.hold(scene.path)
    scene.begin(f'tool:web_fetch input:{{"url": "{url}"}} from {url} .', toolset)
    wait_for(lambda: scene.endpoint.count(scene.path) == 1, "the page to be fetched")


def _two_turns(scene: Scene) -> None:
    scene.make()
    scene.model.hold("stop", match=f"{scene.mark}-0")
    scene.say("tokens:3")
    scene.say("tokens:3")
    scene.model.wait_held()


def _first_turn_ended(scene: Scene) -> None:
    scene.model.release()
    wait_for(lambda: "session.status_idle" in str(scene.log()), "the first turn to end")


def _three_messages(scene: Scene) -> None:
    scene.begin("tokens:3")
    scene.say("tokens:4")
    scene.say("tokens:3")


def _before_another_try(scene: Scene) -> None:
    scene.begin("error:529x1 tokens:4")
    wait_for(lambda: scene.api().status(scene.session) == "rescheduling", "the pause")


def _with_keys(scene: Scene) -> None:
    api = scene.api()
    body = {"agent": api.agent()["id"], "environment_id": api.environment()["id"]}
    made = api.ok("POST", "/v1/sessions", body, headers={"idempotency-key": scene.keys[0]})
    scene.session, scene.first_answers = made["id"], [body, made]


def _sent_with_key(scene: Scene) -> None:
    scene.texts.append(f"tokens:2 {scene.mark}")
    sent = scene.api().send(scene.session, message(scene.texts[0]), headers={"idempotency-key": scene.keys[1]})
    assert sent.status_code == 202


MOMENTS = {
    "the_model_is_asked": Moment(_asked),
    "nothing_but_the_opening_came": _speaking(0),
    "the_first_token_came": _speaking(1),
    "tokens_are_coming": _speaking(4),
    "all_tokens_came_but_not_the_end": _speaking(6),
    "the_server_dies_a_second_time_in_the_same_turn": Moment(_dying_again),
    "a_tool_is_called": _in_a_tool("", 1),
    "three_tools_are_called": _in_a_tool("parallel:3", 3),
    "a_page_is_fetched": Moment(_fetching),
    "the_client_is_asked": Moment(_waiting_for_the_client),
    "another_try_is_due": Moment(_before_another_try),
    "the_first_of_two_turns_has_ended": Moment(_two_turns, _first_turn_ended),
    "the_tool_has_answered": Moment(_in_a_tool("", 1).prepare, _tool_answered),
    "the_client_has_answered": Moment(_waiting_for_the_client, lambda scene: scene.answer(scene.calls[0])),
    "several_messages_wait": Moment(Scene.make, _three_messages),
    "a_keyed_request_was_answered": Moment(_with_keys, _sent_with_key),
    "the_message_was_accepted": Moment(Scene.make, lambda scene: scene.say("tokens:4")),
}


@dataclass
class Survivors:
    """The sessions after the deaths."""

    server: Server
    scenes: dict[str, Scene]
    clients: dict[str, Api]

    def close(self) -> None:
        """Close the connections."""
        for client in self.clients.values():
            client.close()


def survive(server: Server, model: FakeModel, endpoint: Endpoint) -> Survivors:
    """Bring a session to every moment, kill the server, start it, kill it once more and start it again."""
    key, clients = server.tenant(), dict[str, Api]()

    def api() -> Api:
        if server.url not in clients:
            clients[server.url] = Api(server.url, key)
        return clients[server.url]

    scenes = {name: Scene(api, model, endpoint) for name in MOMENTS}
    for name, moment in MOMENTS.items():
        moment.prepare(scenes[name])
    for name, moment in MOMENTS.items():
        moment.last(scenes[name])
    server.restart()
    scenes["the_server_dies_a_second_time_in_the_same_turn"].wait_tokens(3, request=2)
    server.restart()
    return Survivors(server, scenes, clients)
