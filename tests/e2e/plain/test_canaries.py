"""Canaries: who gets which version, what is counted, and how they end."""

import json
from collections import Counter

import pytest

from tests.fakes.model_server import FakeModel
from tests.support.api import SDK_HEADERS, Api, Json, wait_for


class Trial:
    """An agent in two versions, whose sessions are asked for."""

    def __init__(self, api: Api) -> None:
        self.api = api
        self.environment = api.environment()["id"]
        self.id = api.agent(system="one")["id"]
        self.path = f"/v1/agents/{self.id}/canary"

    def update(self, system: str) -> int:
        """Another system prompt; the version it makes."""
        current = self.api.get(f"/v1/agents/{self.id}")["version"]
        made = self.api.ok("POST", f"/v1/agents/{self.id}", {"version": current, "system": system})
        return int(made["version"])

    def session(self, **fields: object) -> Json:
        """A new session that names no version."""
        return self.api.post("/v1/sessions", agent=self.id, environment_id=self.environment, **fields)

    def systems(self, *users: str) -> list[str]:
        """The system prompts that sessions for these users get."""
        return [self.session(metadata={"user_id": user})["agent"]["system"] for user in users]


@pytest.fixture
def trial(api: Api) -> Trial:
    """An agent of this test alone."""
    return Trial(api)


USERS = [f"user-{number}" for number in range(24)]


def test_a_share_of_sessions_gets_the_version_and_each_end_user_always_the_same(trial: Trial) -> None:
    trial.api.post(trial.path, version=2, percent=50)
    assert set(trial.systems(*USERS[:4])) == {"one"}
    trial.update("two")
    first = trial.systems(*USERS)
    assert set(first) == {"one", "two"}
    assert trial.systems(*USERS) == first
    shown = trial.api.get(trial.path)
    counted = {one["version"]: one["sessions"] for one in shown["versions"]}
    got = Counter(first)
    assert counted == {1: 4 + 2 * got["one"], 2: 2 * got["two"]}
    assert (shown["state"], shown["percent"], shown["stable_version"]) == ("running", 50, 1)


def test_a_growing_share_takes_nobody_out(trial: Trial) -> None:
    trial.update("two")
    trial.api.post(trial.path, version=2, percent=30)
    first = trial.systems(*USERS[:12])
    grown = trial.api.post(trial.path, version=2, percent=99)
    assert grown["percent"] == 99
    for was, now in zip(first, trial.systems(*USERS[:12]), strict=True):
        assert now == "two" or was == "one"


def test_a_session_keeps_its_version_and_a_named_version_takes_no_part(trial: Trial) -> None:
    trial.update("two")
    trial.api.post(trial.path, version=2, percent=99)
    named = trial.api.post(
        "/v1/sessions", agent={"type": "agent", "id": trial.id, "version": 1}, environment_id=trial.environment
    )
    assert named["agent_version"] == 1
    session = trial.session()
    trial.api.post(f"{trial.path}/rollback")
    assert trial.api.get(f"/v1/sessions/{session['id']}")["agent_version"] == session["agent_version"]
    assert sum(one["sessions"] for one in trial.api.get(trial.path)["versions"]) == 1


def test_runs_and_their_cost_are_counted_by_version(trial: Trial, model: FakeModel) -> None:
    trial.update("two")
    trial.api.post(trial.path, version=2, percent=99)
    session = trial.session()
    trial.api.turn(session["id"], "tokens:2")
    trial.api.turn(session["id"], "tokens:2")
    trial.api.turn(session["id"], "error:400")
    counts = {one["version"]: one for one in trial.api.get(trial.path)["versions"]}[session["agent_version"]]
    assert (counts["sessions"], counts["runs_completed"], counts["runs_failed"]) == (1, 2, 1)
    cost = float(trial.api.get(f"/v1/sessions/{session['id']}")["usage"]["list_cost"]["amount"])
    assert float(counts["cost"]) * 100 == pytest.approx(cost, abs=1.0)


def test_promoting_the_current_version_makes_no_other(trial: Trial) -> None:
    trial.update("two")
    trial.api.post(trial.path, version=2, percent=50)
    done = trial.api.post(f"{trial.path}/promote")
    assert (done["state"], done["current_version"]) == ("promoted", 2)
    assert trial.api.post(f"{trial.path}/promote") == done
    assert set(trial.systems(*USERS[:6])) == {"two"}
    assert trial.api.call("POST", f"{trial.path}/rollback").status_code == 409


def test_promoting_after_later_updates_makes_a_new_version(trial: Trial) -> None:
    trial.update("two")
    trial.api.post(trial.path, version=2, percent=50)
    trial.update("three")
    assert set(trial.systems(*USERS)) == {"one", "two"}
    done = trial.api.post(f"{trial.path}/promote")
    assert done["current_version"] == 4
    assert trial.api.get(f"/v1/agents/{trial.id}")["system"] == "two"
    assert set(trial.systems(*USERS[:6])) == {"two"}


def test_rolling_back_gives_everybody_what_the_others_had(trial: Trial) -> None:
    trial.update("two")
    trial.api.post(trial.path, version=2, percent=99)
    done = trial.api.post(f"{trial.path}/rollback")
    assert (done["state"], done["current_version"]) == ("rolled_back", 3)
    assert trial.api.post(f"{trial.path}/rollback") == done
    assert set(trial.systems(*USERS[:6])) == {"one"}


def test_what_cannot_be_tried_is_refused(trial: Trial, stranger: Api) -> None:
    assert trial.api.call("GET", trial.path).status_code == 404
    for status, body in (
        (400, {"version": 1, "percent": 50}),
        (400, {"version": 3, "percent": 50}),
        (400, {"version": 2, "percent": 0}),
        (400, {"version": 2, "percent": 100}),
        (400, {"version": 2, "percent": 50, "stable_version": 2}),
    ):
        assert trial.api.call("POST", trial.path, body).status_code == status, body
    trial.api.post(trial.path, version=2, percent=50)
    assert trial.api.call("POST", f"{trial.path}/promote").status_code == 400
    trial.update("two")
    trial.update("three")
    assert trial.api.call("POST", trial.path, {"version": 3, "percent": 50}).status_code == 409
    for method, path in (("GET", trial.path), ("POST", f"{trial.path}/promote"), ("POST", f"{trial.path}/rollback")):
        for headers in ({}, SDK_HEADERS):
            assert stranger.call(method, path, headers=headers).status_code == 404


ASK = {"type": "custom", "name": "ask", "description": "Asks.", "input_schema": {"type": "object", "properties": {}}}


def test_what_a_run_cost_before_it_waited_or_was_thrown_away_counts(api: Api, model: FakeModel) -> None:
    api.ok("PUT", "/v1/cost_report/pricing", {"model": "claude-test", "input": "0", "output": "1000"})
    agent = api.agent(tools=[ASK])
    api.ok("POST", f"/v1/agents/{agent['id']}", {"version": 1, "system": "two"})
    path = f"/v1/agents/{agent['id']}/canary"
    api.post(path, version=2, percent=50)
    session = api.session(agent)
    version = api.get(f"/v1/sessions/{session}")["agent_version"]

    def waiting() -> str:
        use = {"blocks": [{"type": "tool_use", "name": "ask", "input": {}}], "usage": {"output_tokens": 300}}
        model.script(use | {"match": "go"})
        api.say(session, "go tokens:20")
        return str(api.wait_idle(session)["stop_reason"]["event_ids"][0])

    def counted() -> tuple[int, int, str]:
        found = {one["version"]: one for one in api.get(path)["versions"]}[version]
        return found["runs_completed"], found["runs_cancelled"], found["cost"]

    answer = {"type": "user.custom_tool_result", "custom_tool_use_id": waiting(), "content": "yes"}
    assert counted() == (0, 0, "0.3")
    api.send(session, answer)
    wait_for(lambda: counted()[0] == 1, "the run to be over")
    assert counted() == (1, 0, "0.32")
    waiting()
    api.send(session, {"type": "user.interrupt"})
    assert counted() == (1, 1, "0.62")
    waiting()
    api.ok("DELETE", f"/v1/sessions/{session}")
    assert counted() == (1, 2, "0.92")


def told_system(answer: Json) -> str:
    """The system prompt that a chat with the echoing model tells of."""
    return str(json.loads(answer["choices"][0]["message"]["content"])["system"])


def test_chats_with_an_agent_are_shared_out_and_counted_too(trial: Trial, model: FakeModel) -> None:
    name = trial.api.get(f"/v1/agents/{trial.id}")["name"]
    trial.update("two")
    trial.api.post(trial.path, version=2, percent=50)
    users = USERS[:10]

    def systems(named: str, **more: object) -> list[str]:
        body = {"model": named, "messages": [{"role": "user", "content": "echo"}], **more}
        return [told_system(trial.api.post("/v1/chat/completions", **body, user=user)) for user in users]

    expected = trial.systems(*users)
    assert set(expected) == {"one", "two"}
    assert systems(trial.id) == expected
    assert systems(f"agents/{name}") == expected
    asked = [{"role": "system", "content": "be short"}, {"role": "user", "content": "echo"}]
    assert systems(trial.id, messages=asked) == [f"{one}\n\nbe short" for one in expected]
    assert set(systems(f"{trial.id}@2")) == {"two"}
    counted = {one["version"]: one for one in trial.api.get(trial.path)["versions"]}
    for version, system in ((1, "one"), (2, "two")):
        assert counted[version]["sessions"] == 4 * expected.count(system)
        assert counted[version]["runs_completed"] == 3 * expected.count(system)


def test_sessions_of_the_other_agents_api_are_shared_out_too(trial: Trial) -> None:
    trial.update("two")
    trial.api.post(trial.path, version=2, percent=99, stable_version=1)
    for number in range(4):
        body = {"agent_id": trial.id, "environment": {"type": "openai_hosted"}, "metadata": {"user_id": str(number)}}
        trial.api.ok("POST", "/openai/v1/agents/sessions", body, headers={"openai-beta": "agents=v1"})
    assert sum(one["sessions"] for one in trial.api.get(trial.path)["versions"]) == 4


def test_what_pins_a_version_for_later_takes_the_current_one_whatever_is_tried(trial: Trial) -> None:
    trial.update("two")
    trial.api.post(trial.path, version=2, percent=50)
    trial.update("three")
    events = [{"type": "user.message", "content": "x"}]
    pinned = {
        trial.api.post(
            "/v1/deployments", name="d", agent=trial.id, environment_id=trial.environment, initial_events=events
        )["agent"]["version"]
        for _ in range(8)
    }
    assert pinned == {3}


def test_the_usual_environment_is_that_of_the_version_a_session_gets(api: Api) -> None:
    first, second = api.environment()["id"], api.environment()["id"]
    agent = api.agent(environment_id=first)["id"]
    api.ok("POST", f"/v1/agents/{agent}", {"version": 1, "environment_id": second})
    api.post(f"/v1/agents/{agent}/canary", version=2, percent=50)
    made = [api.post("/v1/sessions", agent=agent, end_user=user) for user in USERS[:12]]
    assert {(one["agent_version"], one["environment_id"]) for one in made} == {(1, first), (2, second)}
