"""Trajectories: a session with its log and its figures in one answer."""

from tests.fakes.model_server import FakeModel
from tests.support.api import Api, message


def test_a_trajectory_tells_all_of_a_session(api: Api) -> None:
    agent = api.agent(name="Walker", tools=[{"type": "agent_toolset_20260401"}])
    session = api.session(agent)
    api.turn(session, "tokens:4")
    log = api.turn(session, 'tool:read input:{"file_path": ""}')
    found = api.get(f"/v1/sessions/{session}/trajectory")
    assert (found["schema_version"], found["session_id"]) == ("oma.trajectory.v1", session)
    assert found["trajectory_id"].startswith("traj_")
    assert found["agent_config"]["name"] == "Walker"
    assert found["environment_config"]["type"] == "cloud"
    assert found["model"] == {"id": "claude-test", "provider": "anthropic"}
    assert found["outcome"] == "success"
    assert found["events"] == log
    assert found["ended_at"] >= found["started_at"]
    assert "reward" not in found
    figures = found["summary"]
    assert (figures["num_events"], figures["num_turns"], figures["num_threads"]) == (len(log), 2, 1)
    assert (figures["num_tool_calls"], figures["num_tool_errors"]) == (1, 1)
    assert figures["token_usage"]["input_tokens"] == 30
    assert figures["duration_ms"] == log[-1]["ts"] - log[0]["ts"]


def test_its_outcome_is_that_of_the_latest_turn(api: Api, model: FakeModel) -> None:
    session = api.session()
    path = f"/v1/sessions/{session}/trajectory"
    assert api.get(path)["summary"]["num_events"] == 0
    model.hold(at="arrival", match="stay")
    assert api.say(session, "stay").status_code == 202
    model.wait_held(1)
    running = api.get(path)
    assert (running["outcome"], "ended_at" in running) == ("running", False)
    api.send(session, {"type": "user.interrupt"})
    api.wait_idle(session)
    model.release()
    assert api.get(path)["outcome"] == "interrupted"
    api.turn(session, "tokens:1")
    assert api.get(path)["outcome"] == "success"
    api.turn(session, "error:400")
    assert api.get(path)["outcome"] == "failure"


def test_a_decided_outcome_is_the_reward(api: Api) -> None:
    session = api.session()
    verifier = {"type": "verifiable", "scorer": "contains", "opts": {"expected": "four"}}
    aim = {"type": "user.define_outcome", "description": "Count", "verifier": verifier, "max_iterations": 1}
    api.send(session, aim)
    api.send(session, message('say:"four"'))
    api.wait_idle(session)
    assert api.get(f"/v1/sessions/{session}/trajectory")["reward"] == 1.0
