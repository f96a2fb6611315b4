"""Forks, dreams and eval runs whose server is killed meanwhile: each comes out once and whole, or is not seen at all.

The server is killed as `kill -9` does and started again on its state. A fork that was cut off is in no list until the
same request is sent again, which makes the very fork that was asked for first; its source is as it was. A dream goes on
from tests.support.patience import PATIENCE
from where it was and writes what one undisturbed writes. Every trial of a run is carried out and graded once.
"""

import json
import random
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field

import httpx2
import pytest

from tests.e2e.laws.checks import assert_answered, assert_complete, results
from tests.e2e.laws.conftest import model_env
from tests.e2e.laws.dreaming import IN_PLACE, Sleeper, come_to_last_states, come_to_states, die_again, outcome
from tests.e2e.laws.mortality import Owner, Passed, Written, await_closely
from tests.fakes.model_server import FakeModel
from tests.support.api import Api, Json, text_of, wait_for
from tests.support.receiver import Receiver
from tests.support.server import Server

TOOLSET: Json = {"type": "agent_toolset_20260401"}


@pytest.fixture(scope="module")
def own_model() -> Iterator[FakeModel]:
    """The scripted model of this module's server."""
    with FakeModel() as fake:
        yield fake


@pytest.fixture(scope="module")
def mortal(own_model: FakeModel, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that may be killed; it keeps its state."""
    with Server(model_env(own_model), tmp_path_factory.mktemp("deaths") / "state") as running:
        yield running


@pytest.fixture
def owner(mortal: Server, own_model: FakeModel) -> Iterator[Owner]:
    """A tenant of this test alone; the model has forgotten earlier ones."""
    own_model.reset()
    made = Owner(mortal)
    yield made
    made.close()


DEATHS = (Written(3), Written(9), Written(15), Passed(random.uniform(0.005, 0.06)))
"""When the server dies while two forks are under way, of ten records or so each."""


@dataclass
class Source:
    """A session with files of three kinds, and what it was before any fork."""

    owner: Owner
    id: str = ""
    before: Json = field(default_factory=dict)

    def __post_init__(self) -> None:
        api = self.owner.api
        uploaded = api.post("/v1/files", filename="a.txt", content="attached\n", media_type="text/plain")["id"]
        mounted = {"type": "file", "file_id": uploaded, "mount_path": "/workspace/a.txt"}
        self.id = api.session(api.agent(tools=[TOOLSET]), resources=[mounted])
        api.turn(self.id, "tokens:3")
        api.turn(self.id, command("echo one > b.txt; mkdir -p /mnt/session/outputs; echo out > /mnt/session/outputs/o"))
        self.before = self.shown(self.id)

    def shown(self, session: str) -> Json:
        """What a session has, without the names that are its own."""
        api = self.owner.api
        log = api.log(session)
        assert_complete(log)
        return {
            "log": [{name: value for name, value in event.items() if name != "session_id"} for event in log],
            "files": sorted((one["filename"], one["size_bytes"]) for one in files_of(api, session)),
            "resources": [one["mount_path"] for one in api.get(f"/v1/sessions/{session}/resources")["data"]],
            "status": api.status(session),
        }

    def ask(self, key: str) -> Json | None:
        """A fork under a key; None when the server died before it answered."""
        with suppress(httpx2.TransportError):
            path, headers = f"/v1/sessions/{self.id}/fork", {"idempotency-key": key}
            return self.owner.api.ok("POST", path, {}, headers=headers)
        return None

    def forks(self) -> list[str]:
        """The forks that lists show; each is whole, and nothing is shown of any other."""
        api = self.owner.api
        listed = [one["id"] for one in api.get("/v1/sessions", limit=100)["data"]]
        forks = sorted(set(listed) - {self.id})
        assert len(listed) == len(forks) + 1 == api.get("/v1/stats")["sessions"]
        assert {one["scope_id"] for one in api.get("/v1/files", limit=1000)["data"]} == {None, *listed}
        for one in forks:
            assert self.shown(one) == self.before
        return forks


def command(text: str) -> str:
    """A message that has the agent run a command."""
    return f"tool:bash input:{json.dumps({'command': text})} tokens:2"


def files_of(api: Api, session: str) -> list[Json]:
    """The files of a session."""
    found: list[Json] = api.get("/v1/files", scope_id=session)["data"]
    return found


def test_a_fork_cut_off_by_a_death_is_not_seen_until_its_repeat_makes_it_whole(
    owner: Owner, own_model: FakeModel
) -> None:
    source, answered = Source(owner), dict[str, str]()
    keys = [(f"repeated-{number}", f"given-up-{number}") for number in range(len(DEATHS))]
    for pair, death in zip(keys, DEATHS, strict=True):
        answered |= killed_meanwhile(source, pair, death)
        assert set(answered.values()) <= set(source.forks())
    assert len(answered) < 2 * len(DEATHS), "no request was cut off"
    assert source.shown(source.id) == source.before
    seen, repeated = source.forks(), dict[str, str]()
    for key, _ in keys:
        twice = [source.ask(key) or {} for _ in range(2)]
        assert twice[0]["id"] == twice[1]["id"] == answered.get(key, twice[0]["id"])
        assert twice[0]["fork"] == {**twice[1]["fork"], "files": "at_point", "moved": False}
        repeated[key] = twice[0]["id"]
    assert len(set(repeated.values())) == len(keys)
    assert source.forks() == sorted({*seen, *repeated.values()})
    assert_all_go_on_alike(source, own_model, [source.id, *repeated.values()])


def killed_meanwhile(source: Source, keys: tuple[str, ...], death: Written | Passed) -> dict[str, str]:
    """Ask for forks under these keys and kill the server meanwhile; those that were answered, by key."""
    server = source.owner.server
    come = death.come(source.owner.state)
    with ThreadPoolExecutor(len(keys)) as pool:
        asked = {key: pool.submit(source.ask, key) for key in keys}
        await_closely(come, lambda: all(one.done() for one in asked.values()))
        server.kill()
    server.start()
    return {key: made["id"] for key, one in asked.items() if (made := one.result()) is not None}


def assert_all_go_on_alike(source: Source, model: FakeModel, sessions: list[str]) -> None:
    """In each the model is sent the same messages, and its commands find the same files."""
    api = source.owner.api
    text = command("cat a.txt b.txt /mnt/session/outputs/o; ls") + " go-on"
    for one in sessions:
        assert api.say(one, text).status_code == 202
    for one in sessions:
        api.wait_idle(one)
        log = api.log(one)
        assert_complete(log)
        assert results(log)[-1].split() == ["attached", "one", "out", "a.txt", "b.txt"]
    asked = [one["body"]["messages"] for one in model.requests_of("go-on")]
    first = [messages for messages in asked if len(messages) == min(map(len, asked))]
    assert first == [first[0]] * len(sessions)


def test_a_dream_whose_server_dies_in_any_state_writes_what_an_undisturbed_one_writes(
    owner: Owner, own_model: FakeModel
) -> None:
    sleeper = Sleeper(owner, own_model)
    undisturbed = [sleeper.dream("anew"), sleeper.dream("in-place", in_place=True)]
    for one in undisturbed:
        one.script(0, len(one.answers))
        one.begin()
    mortals = come_to_states(sleeper, own_model)
    anew, in_place = map(outcome, undisturbed)
    mortals |= come_to_last_states(sleeper, own_model)
    sleeper.kill()
    for name, done in die_again(owner, sleeper, mortals).items():
        mortals[name].script(done, len(mortals[name].answers))
    owner.server.start()
    for name, one in sleeper.dreams.items():
        assert outcome(one) == (in_place if one.answers is IN_PLACE else anew), name
    assert anew["status"] == in_place["status"] == ("completed", None)
    assert anew["memories"] == {"/drinks/coffee.md": "They like it black.", "/drinks/tea.md": "They drink tea."}
    assert in_place["memories"] == {"/coffee.md": "They like it black.", "/tea.md": "They drink green tea."}
    assert_nothing_else(owner.api, sleeper)


def assert_nothing_else(api: Api, sleeper: Sleeper) -> None:
    """Each dream is there once, with one session and one store that nobody holds any more."""
    dreams = api.get("/v1/dreams", limit=100)["data"]
    assert sorted(one["id"] for one in dreams) == sorted(one.dream["id"] for one in sleeper.dreams.values())
    sessions = {one["session_id"] for one in dreams}
    assert {one["id"] for one in api.get("/v1/sessions", limit=100)["data"]} == sessions | {sleeper.talk}
    written = {one["outputs"][0]["memory_store_id"] for one in dreams}
    read = {one["inputs"][0]["memory_store_id"] for one in dreams}
    assert {one["id"] for one in api.get("/v1/memory_stores", limit=100)["data"]} == written | read
    for one in written:
        api.post(f"/v1/memory_stores/{one}/archive")
    assert_paid_once(api, [*sessions, sleeper.talk])


def assert_paid_once(api: Api, sessions: list[str]) -> None:
    """The report has what the sessions used, and that is what their answered model calls used."""
    report = api.get("/v1/cost_report")["total"]
    for name in ("input_tokens", "output_tokens"):
        used = [api.get(f"/v1/sessions/{one}")["usage"][name] for one in sessions]
        assert used == [sum(call["model_usage"][name] for call in calls(api.log(one))) for one in sessions]
        assert report[name] == sum(used)


def calls(log: list[Json]) -> list[Json]:
    """The ends of model calls."""
    return [event for event in log if event["type"] == "span.model_request_end"]


def test_a_run_whose_server_dies_grades_every_trial_once(owner: Owner) -> None:
    with Receiver(answer=b'{"score": 0.75}') as grader:
        tasks = [
            {
                "id": name,
                "messages": [f"trial-{name} tokens:2", f"trial-{name} tokens:3"],
                "reward": {"type": "reward_model", "endpoint": f"{grader.url}/{name}"},
            }
            for name in "abc"
        ]
        api = owner.api
        body = {"agent_id": api.agent()["id"], "environment_id": api.environment()["id"], "tasks": tasks}
        for name in "bc":
            grader.hold(f"/{name}")
        run = ask_for_run(owner, body)
        wait_for(lambda: trials(owner, run)[0]["status"] == "completed", "the first trial to be graded")
        for name in "bc":
            wait_for(lambda path=f"/{name}": grader.of(path), "a trial to be graded")
        owner.server.kill()
        for name in "bc":
            grader.let_go(f"/{name}")
        owner.server.start()
        assert ask_for_run(owner, body) == run
        found = wait_for(lambda: (one := owner.api.get(run))["ended_at"] and one, "the run to end")
        assert (found["status"], found["completed_count"], found["failed_count"]) == ("completed", 3, 0)
        assert [len(grader.of(f"/{name}")) for name in "abc"] == [1, 2, 2], "what was cut off alone is asked again"
    assert_tried_once(owner, trials(owner, run))


def ask_for_run(owner: Owner, body: Json) -> str:
    """The path of the run; a repeat meets the first."""
    return f"/v1/evals/{owner.api.ok('POST', '/v1/evals', body, headers={'idempotency-key': 'run'})['id']}"


def trials(owner: Owner, run: str) -> list[Json]:
    """The trials of a run."""
    return [trial for task in owner.api.get(run)["tasks"] for trial in task["trials"]]


def assert_tried_once(owner: Owner, tried: list[Json]) -> None:
    """Each has its reward, and one session in which each message stands once."""
    assert [(one["status"], one["reward"]["final_reward"], one["reward"]["passed"]) for one in tried] == [
        ("completed", 0.75, True)
    ] * len(tried)
    sessions = [one["session_id"] for one in tried]
    assert sorted(sessions) == sorted(one["id"] for one in owner.api.get("/v1/sessions")["data"])
    for one, name in zip(sessions, "abc", strict=True):
        log = owner.api.log(one)
        assert_complete(log)
        assert_answered(log, f"trial-{name} tokens:2", f"trial-{name} tokens:3")
        assert text_of(log) == ["hi word", "hi word word"]
    assert_paid_once(owner.api, sessions)
