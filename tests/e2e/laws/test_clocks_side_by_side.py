"""Several clocks on one store: what is due is done once, though all of them look and some are killed while they do."""

from datetime import UTC, datetime, timedelta

import pytest

from tests.e2e.laws.checks import assert_complete
from tests.e2e.laws.test_workers_replace_each_other import Workers, env, server, workers
from tests.support.api import Api, Json, message, types_of, wait_for
from tests.support.server import Server

__all__ = ["env", "server", "workers"]
pytestmark = pytest.mark.rehearsal

AHEAD_SECONDS = 30
"""Time enough to set everything up before the moment, also on a busy machine."""


def coming_minute() -> datetime:
    """The first full minute that lies far enough ahead."""
    later = datetime.now(UTC) + timedelta(seconds=AHEAD_SECONDS + 60)
    return later.replace(second=0, microsecond=0)


def test_due_deployments_and_wake_ups_come_once_whichever_clock_dies(
    server: Server,
    api: Api,
    workers: Workers,
) -> None:
    for _ in range(3):
        workers.start()
    agent, environment = api.agent(tools=[{"type": "agent_toolset_20260401"}]), api.environment()["id"]
    basis = {"agent": agent["id"], "environment_id": environment, "initial_events": [message("tokens:1")]}
    minute = coming_minute()
    daily = {"type": "cron", "expression": f"{minute.minute} {minute.hour} * * *", "timezone": "UTC"}
    made = [api.post("/v1/deployments", name=str(number), schedule=daily, **basis) for number in range(4)]
    moment = made[0]["schedule"]["upcoming_runs_at"][0]
    assert moment == f"{minute:%Y-%m-%dT%H:%M}:00.000Z"
    session = api.session(agent, environment_id=environment)
    ask = f'tool:schedule input:{{"at": "{moment}", "prompt": "say:\\"awake\\" {session}"}}'
    log = api.turn(session, ask, 60)
    assert "span.wakeup_scheduled" in types_of(log)

    def runs() -> list[Json]:
        found: list[Json] = api.get("/v1/deployment_runs")["data"]
        return found

    def wakings() -> list[Json]:
        return [event for event in api.log(session) if event.get("metadata", {}).get("type") == "wakeup"]

    wait_for(lambda: runs() or wakings(), "a clock to begin", within=AHEAD_SECONDS + 90)
    workers.kill(workers.alive[0])
    # What the dead one began is held for a minute before another goes on with it.
    wait_for(lambda: len(runs()) == len(made), "every run", within=120)
    wait_for(wakings, "the session to wake")
    assert {run["trigger_context"]["scheduled_at"] for run in runs()} == {moment}
    assert sorted(run["deployment_id"] for run in runs()) == sorted(one["id"] for one in made)
    for run in runs():
        sessions = api.get("/v1/sessions", deployment_id=run["deployment_id"])["data"]
        assert [one["id"] for one in sessions] == [run["session_id"]]
        api.wait_idle(run["session_id"], 60)
    api.wait_idle(session, 60)
    assert len(wakings()) == 1
    assert_complete(api.log(session))
