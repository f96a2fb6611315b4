"""An eval run is carried out though the server is killed meanwhile, with one session for each trial."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.laws.conftest import model_env
from tests.fakes.model_server import FakeModel
from tests.support.api import Api, Json, types_of, wait_for
from tests.support.server import Server


@pytest.fixture
def mortal(shared_model: FakeModel, tmp_path: Path) -> Iterator[Server]:
    """A server that keeps its state."""
    shared_model.reset()
    with Server(model_env(shared_model), tmp_path / "state") as running:
        yield running


def test_a_killed_server_finishes_its_runs_with_one_session_a_trial(mortal: Server, shared_model: FakeModel) -> None:
    api = Api(mortal.url, mortal.tenant())
    task: Json = {"id": "a", "messages": ["survivor tokens:2", "survivor tokens:3"], "trials": 6}
    task["reward"] = {"type": "verifiable", "scorer": "contains", "opts": {"expected": "word"}}
    body = {"agent_id": api.agent()["id"], "environment_id": api.environment()["id"], "tasks": [task]}
    run = f"/v1/evals/{api.post('/v1/evals', **body)['id']}"
    shared_model.hold(at="arrival", match="survivor")
    shared_model.wait_held(1, 30)
    mortal.kill()
    shared_model.release()
    shared_model.hold(at="arrival", match="survivor")
    mortal.restart()
    key = api.key
    api.close()
    api = Api(mortal.url, key)
    shared_model.wait_held(1, 30)
    shared_model.release()
    found = wait_for(lambda: (one := api.get(run))["status"] == "completed" and one, "the run", within=90)
    trials = found["tasks"][0]["trials"]
    assert [one["status"] for one in trials] == ["completed"] * 6
    assert all(one["reward"]["passed"] for one in trials)
    sessions = [one["session_id"] for one in trials]
    assert len(set(sessions)) == 6 == len(api.get("/v1/sessions")["data"])
    for one in sessions:
        assert types_of(api.log(one)).count("user.message") == 2
    api.close()
