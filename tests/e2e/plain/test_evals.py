"""Evals for plain clients: runs are carried out by themselves, each trial in a session of its own, and graded."""

import json
from typing import Any

import pytest

from tests.e2e.plain.conftest import Web
from tests.fakes.model_server import FakeModel
from tests.support.api import SDK_HEADERS, Api, Json, text_of, types_of, wait_for
from tests.support.patience import PATIENCE

SCORED: Json = {"type": "verifiable", "scorer": "contains", "opts": {"expected": "four"}}
HOSTED: Json = {"type": "self_hosted"}


@pytest.fixture
def start(api: Api) -> Any:
    """Starts runs of one agent; gives the path of the run."""
    agent, environment = api.agent(tools=[{"type": "agent_toolset_20260401"}])["id"], api.environment()["id"]

    def make(*tasks: Json, **fields: Any) -> str:
        basis = {"agent_id": agent, "environment_id": environment, "tasks": list(tasks)}
        made = api.post("/v1/evals", **(basis | fields))
        assert made["id"] == made["run_id"]
        return f"/v1/evals/{made['id']}"

    return make


def task(name: str = "a", *messages: str, **fields: Any) -> Json:
    """A task."""
    return {"id": name, "messages": list(messages) or ["tokens:2"], **fields}


def ended(api: Api, run: str, seconds: float = PATIENCE) -> Json:
    """The run, once it has ended."""

    def look() -> Json | None:
        found = api.get(run)
        return found if found["status"] in ("completed", "failed") else None

    found: Json = wait_for(look, f"{run} to end", within=seconds)
    return found


def trials(run: Json) -> list[Json]:
    """All trials of a run."""
    return [trial for one in run["tasks"] for trial in one["trials"]]


def test_a_run_ends_completed_with_a_session_for_each_trial(api: Api, start: Any) -> None:
    run = start(task("a", "tokens:1", "tokens:2", trials=2), task("b", 'say:"three"'))
    assert api.get(run)["status"] in ("pending", "running")
    found = ended(api, run)
    assert (found["status"], found["error"], found["task_count"]) == ("completed", None, 2)
    assert (found["completed_count"], found["failed_count"]) == (2, 0)
    assert [(one["id"], one["status"], one["trial_total"]) for one in found["tasks"]] == [
        ("a", "completed", 2),
        ("b", "completed", 1),
    ]
    assert [one["trial_index"] for one in trials(found)] == [0, 1, 0]
    assert all("reward" not in one and "error" not in one for one in trials(found))
    sessions = [one["session_id"] for one in trials(found)]
    assert len(set(sessions)) == len(sessions) == len(api.get("/v1/sessions")["data"])
    log = api.log(sessions[0])
    assert types_of(log).count("user.message") == types_of(log).count("session.status_idle") == 2
    assert types_of(log).index("session.status_idle") < max(
        place for place, kind in enumerate(types_of(log)) if kind == "user.message"
    )
    assert text_of(api.log(sessions[2])) == ["three"]
    assert found["started_at"] is not None
    assert found["ended_at"] >= found["started_at"] >= found["created_at"]
    assert found["tasks"][0]["spec"]["messages"] == ["tokens:1", "tokens:2"]


@pytest.mark.parametrize(
    "broken",
    [
        {"agent_id": None},
        {"environment_id": None},
        {"tasks": []},
        {"tasks": [{"messages": ["x"]}]},
        {"tasks": [{"id": "a"}]},
        {"tasks": [{"id": "a", "messages": []}]},
        {"tasks": [{"id": "a", "messages": [""]}]},
        {"tasks": [task("a"), task("a")]},
        {"tasks": [task(trials=0)]},
        {"tasks": [task(str(number), trials=50) for number in range(5)]},
        {"tasks": [task(reward={"type": "nonsense"})]},
    ],
)
def test_what_is_not_whole_is_refused(api: Api, broken: Json) -> None:
    body = {"agent_id": api.agent()["id"], "environment_id": api.environment()["id"], "tasks": [task()]} | broken
    body = {name: value for name, value in body.items() if value is not None}
    answer = api.call("POST", "/v1/evals", body)
    assert answer.status_code == 400, answer.text
    named = next(iter(broken))
    assert named in answer.text
    assert api.get("/v1/evals")["data"] == []


def test_an_unknown_agent_or_environment_is_not_found(api: Api) -> None:
    agent, environment = api.agent()["id"], api.environment()["id"]
    for names in ({"agent_id": f"agent_{'0' * 32}"}, {"environment_id": f"env_{'0' * 32}"}, {"agent_id": "x"}):
        body = {"agent_id": agent, "environment_id": environment, "tasks": [task()]} | names
        assert api.call("POST", "/v1/evals", body).status_code == 404


def test_runs_are_listed_and_filtered(api: Api, start: Any) -> None:
    done = start(task())
    ended(api, done)
    other = api.agent()["id"]
    second = start(task(), agent_id=other)
    ended(api, second)
    names = [one["id"] for one in api.get("/v1/evals/runs")["data"]]
    assert names == [second.rpartition("/")[2], done.rpartition("/")[2]]
    assert [one["agent_id"] for one in api.get("/v1/evals", agent_id=other)["data"]] == [other]
    assert len(api.get("/v1/evals", status="completed")["data"]) == 2
    assert api.get("/v1/evals", status="failed")["data"] == []
    assert api.get("/v1/evals", environment_id=f"env_{'0' * 32}")["data"] == []
    first = api.get("/v1/evals", limit=1)
    assert first["has_more"]
    assert [one["id"] for one in api.get("/v1/evals", limit=1, page=first["next_page"])["data"]] == names[1:]
    answer = api.call("GET", "/v1/evals?status=odd")
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "invalid_status")


def test_both_names_of_the_route_do_the_same_for_every_client(api: Api) -> None:
    body = {"agent_id": api.agent()["id"], "environment_id": api.environment()["id"], "tasks": [task()]}
    older = api.call("POST", "/v1/evals/runs", body)
    newer = api.call("POST", "/v1/evals", body, headers=SDK_HEADERS)
    assert (older.status_code, newer.status_code) == (200, 201)
    assert older.json().keys() == newer.json().keys() == {"id", "run_id", "task_count"}
    run = ended(api, f"/v1/evals/runs/{older.json()['id']}")
    assert run == api.get(f"/v1/evals/{older.json()['id']}")


def test_a_repeated_request_starts_one_run(api: Api) -> None:
    body = {"agent_id": api.agent()["id"], "environment_id": api.environment()["id"], "tasks": [task()]}
    made = {api.ok("POST", "/v1/evals", body, headers={"Idempotency-Key": "k"})["id"] for _ in range(2)}
    assert len(made) == len(api.get("/v1/evals")["data"]) == 1


def test_trials_are_graded_by_comparison_and_a_poor_one_still_completes(api: Api, start: Any) -> None:
    good, poor = task("a", 'say:"It is Four"', reward=SCORED), task("b", 'say:"five"', reward=SCORED)
    both = task("c", 'say:"four"', reward={"type": "composite", "mode": "any", "verifiers": [SCORED, SCORED]})
    found = ended(api, start(good, poor, both))
    assert found["status"] == "completed"
    rewards = [one["reward"] for one in trials(found)]
    assert [(one["final_reward"], one["passed"]) for one in rewards] == [(1.0, True), (0.0, False), (1.0, True)]
    assert rewards[0]["raw_rewards"] == {"0:verifiable": 1.0}
    assert rewards[2]["raw_rewards"] == {"0:verifiable": 1.0, "1:verifiable": 1.0}


def test_files_and_a_script_prepare_the_sandbox_and_a_script_grades_it(api: Api, start: Any) -> None:
    files = [{"path": "/workspace/in/a.txt", "content": "apple\n"}]
    work = f"tool:bash input:{json.dumps({'command': 'cat /workspace/in/a.txt /workspace/b.txt > /workspace/out'})}"
    reward = {"type": "script", "verify_script": "grep -q apple out && grep -q pear out"}
    graded = {"setup_files": files, "setup_script": "cd /workspace && echo pear > b.txt", "reward": reward}
    broken = task("b", setup_script="echo no luck; exit 3")
    found = ended(api, start(task("a", work, **graded), broken), 120)
    good, bad = trials(found)
    assert (good["status"], good["reward"]["final_reward"]) == ("completed", 1.0), good
    assert bad["status"] == "failed"
    assert "no luck" in bad["error"]
    assert api.log(bad["session_id"]) == []
    assert (found["status"], found["completed_count"], found["failed_count"]) == ("completed", 1, 1)


def test_an_endpoint_scores_the_last_answer(api: Api, start: Any, web: Web) -> None:
    web.reply, web.media_type = b'{"score": 0.25, "explanation": "meagre"}', "application/json"
    reward = {"type": "reward_model", "endpoint": web.url}
    found = ended(api, start(task("a", 'say:"ten"', reward=reward)))
    (trial,) = trials(found)
    assert trial["reward"]["final_reward"] == 0.25
    assert (trial["reward"]["passed"], trial["reward"]["explanation"]) == (False, "meagre")
    assert json.loads(web.seen[0][2])["answer"] == "ten"


def test_a_model_judges_by_a_rubric(api: Api, start: Any, model: FakeModel) -> None:
    verdict = json.dumps({"result": "satisfied", "explanation": "It rhymes."})
    model.script({"blocks": [{"type": "text", "text": verdict}], "match": "<criteria>\nIt must rhyme"})
    reward = {"type": "rubric", "rubric": "It must rhyme"}
    (trial,) = trials(ended(api, start(task("a", 'say:"house mouse"', reward=reward))))
    assert (trial["reward"]["final_reward"], trial["reward"]["explanation"]) == (1.0, "It rhymes.")
    asked = next(one for one in model.requests if "It must rhyme" in one["text"])
    assert "house mouse" in asked["text"]


def test_what_goes_wrong_fails_the_trial_with_a_reason(api: Api, start: Any) -> None:
    tools = [{"type": "custom", "name": "ask", "description": "x", "input_schema": {"type": "object"}}]
    agent = api.agent(tools=tools)["id"]
    found = ended(api, start(task("a", "tool:ask"), task("b", "error:400"), agent_id=agent))
    waits, refused = trials(found)
    assert (waits["status"], refused["status"]) == ("failed", "failed")
    assert "tool use" in waits["error"]
    assert "retries_exhausted" in refused["error"]
    assert (found["status"], found["failed_count"]) == ("failed", 2)
    assert found["error"]
    assert waits["session_id"]


def test_a_trial_that_takes_too_long_is_stopped(api: Api, start: Any) -> None:
    (trial,) = trials(ended(api, start(task("a", "hang", timeout_ms=300))))
    assert (trial["status"], trial["error"]) == ("failed", "timed out after 300 ms")
    assert api.wait_idle(trial["session_id"])["status"] == "idle"


def test_few_trials_run_at_once(api: Api, start: Any, model: FakeModel) -> None:
    model.hold(at="arrival", match="many trials")
    run = start(task("a", "many trials tokens:1", trials=7))
    model.wait_held(4)
    states = [one["status"] for one in trials(api.get(run))]
    assert (states.count("running"), states.count("pending")) == (4, 3)
    assert model.held() == 4
    model.release()
    assert {one["status"] for one in trials(ended(api, run))} == {"completed"}


def test_deleting_a_run_stops_what_it_has_under_way(api: Api, start: Any) -> None:
    run = start(task("a", "hang", trials=6))

    def sessions() -> list[str]:
        found = [one["session_id"] for one in trials(api.get(run)) if "session_id" in one]
        return found if len(found) == 4 and all(api.status(one) == "running" for one in found) else []

    working = wait_for(sessions, "four trials")
    assert api.ok("DELETE", run) == {"type": "eval_run_deleted", "id": run.rpartition("/")[2]}
    assert api.call("GET", run).status_code == api.call("DELETE", run).status_code == 404
    assert api.get("/v1/evals")["data"] == []
    for one in working:
        assert api.wait_idle(one)["status"] == "idle"
    assert len(api.get("/v1/sessions")["data"]) == 4


def test_a_run_keeps_the_version_of_the_agent_it_began_with(api: Api) -> None:
    agent = api.agent(system="first")
    body = {"agent_id": agent["id"], "environment_id": api.environment()["id"], "tasks": [task()]}
    run = f"/v1/evals/{api.post('/v1/evals', **body)['id']}"
    api.post(f"/v1/agents/{agent['id']}", version=1, system="second")
    found = ended(api, run)
    assert found["agent_version"] == 1
    assert api.get(f"/v1/sessions/{trials(found)[0]['session_id']}")["agent"]["system"] == "first"


def test_a_session_stopped_or_deleted_by_somebody_else_fails_its_trial(api: Api, start: Any, model: FakeModel) -> None:
    model.hold(at="arrival", match="somebody")
    run = start(task("a", "somebody stops", "more"), task("b", "somebody deletes"))
    model.wait_held(2)
    stopped, deleted = (one["session_id"] for one in trials(api.get(run)))
    api.send(stopped, {"type": "user.interrupt"})
    api.wait_idle(stopped)
    api.send(deleted, {"type": "user.interrupt"})
    api.wait_idle(deleted)
    api.call("DELETE", f"/v1/sessions/{deleted}")
    model.release()
    first, second = trials(ended(api, run))
    assert first["error"] == "the session was interrupted"
    assert (first["status"], second["status"]) == ("failed", "failed")
    assert second["error"] in ("the session was deleted", "the session was interrupted")
