"""The official environment worker, poller and tool runner against a self-hosted environment: sessions are served end to
end with a real shell, a dead or frozen worker is replaced, several share the load, broken connections do no harm."""

import asyncio
import json
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from anthropic import Anthropic, AsyncAnthropic, PreconditionFailedError

from tests.e2e.anthropic_sdk.helpers import (
    confirm,
    listed,
    make_agent,
    make_environment,
    make_session,
    of,
    official,
    rest,
    said,
    say,
    send,
)
from tests.fakes.model_server import FakeModel
from tests.support.api import Api, wait_for
from tests.support.environment_worker import WorkerProcess, WorkerThread
from tests.support.patience import PATIENCE
from tests.support.relay import Relay
from tests.support.server import Server

TOOLSET = {"type": "agent_toolset_20260401"}
LEASE = 2


@pytest.fixture(scope="module")
def server(shared_model: FakeModel) -> Iterator[Server]:
    """A server whose workers lose a session after two seconds of silence."""
    env = {
        "ANTHROPIC_BASE_URL": shared_model.url,
        "ANTHROPIC_API_KEY": "provider-key",
        "LAMBENT_WORK_LEASE_SECONDS": str(LEASE),
    }
    with Server(env) as running:
        yield running


class Place:
    """A self-hosted environment with a key for its workers."""

    def __init__(self, client: Anthropic, server: Server, key: str) -> None:
        self.client, self.server = client, server
        self.id = make_environment(client, config={"type": "self_hosted"}).id
        api = Api(server.url, key)
        self.key = str(api.post(f"/v1/environments/{self.id}/keys", name="Worker")["key"])
        api.close()

    def session(self, **toolset: Any) -> str:
        """A session whose agent has the built-in tools."""
        agent = make_agent(self.client, tools=[TOOLSET | toolset])
        return str(make_session(self.client, agent, environment_id=self.id).id)

    def worker(self, workdir: Path, max_idle: float = 1) -> WorkerThread:
        """An official worker."""
        return WorkerThread(self.server.url, self.id, self.key, workdir, max_idle)

    def process(self, workdir: Path) -> WorkerProcess:
        """An official worker that can be killed."""
        return WorkerProcess(self.server.url, self.id, self.key, workdir)

    def work(self) -> list[Any]:
        """All work items, newest first."""
        return list(self.client.beta.environments.work.list(self.id))

    def as_worker(self) -> Anthropic:
        """The official client with the environment's key."""
        return Anthropic(base_url=self.server.url, auth_token=self.key, api_key=None, max_retries=0)


@pytest.fixture
def place(client: Anthropic, server: Server, key: str) -> Place:
    """An environment of this test alone."""
    return Place(client, server, key)


def bash(command: str, *more: str) -> str:
    """What to say so that the model runs a command."""
    return " ".join((f"tool:bash input:{json.dumps({'command': command})}", *more))


def done(client: Anthropic, session: str, seconds: float = PATIENCE) -> list[Any]:
    """Wait for the end of the turn; all events."""

    def over() -> Any:
        found = client.beta.sessions.retrieve(session)
        events = listed(client, session)
        last = of(events, "session.status_idle")
        return events if found.status == "idle" and last and last[-1].stop_reason.type == "end_turn" else None

    events: list[Any] = wait_for(over, f"{session} to end its turn", within=seconds)
    return events


def results(events: list[Any]) -> list[str]:
    """The texts of the results that workers sent."""
    return [said(event) for event in of(events, "user.tool_result")]


def test_a_worker_completes_a_session_with_a_real_shell(place: Place, client: Anthropic, tmp_path: Path) -> None:
    session = place.session()
    say(client, session, bash("echo from the shell | tee made.txt; pwd", "tools:2", 'say:"finished"'))
    with place.worker(tmp_path):
        events = done(client, session)
        wait_for(lambda: place.work()[0].state == "stopped", "the worker to leave")
    assert results(events) == [f"from the shell\n{tmp_path}"] * 2
    assert (tmp_path / "made.txt").read_text() == "from the shell\n"
    assert said(of(events, "agent.message")[-1]) == "finished"
    assert [use.evaluated_permission for use in of(events, "agent.tool_use")] == ["allow"] * 2
    assert of(events, "session.status_idle")[0].stop_reason.event_ids == [of(events, "agent.tool_use")[0].id]
    (item,) = place.work()
    assert (item.data.id, item.secret) == (session, None)
    assert item.acknowledged_at <= item.started_at <= item.latest_heartbeat_at <= item.stopped_at


def test_the_file_tools_work_too(place: Place, client: Anthropic, tmp_path: Path, model: FakeModel) -> None:
    calls = [
        ("write", {"file_path": "notes.txt", "content": "one two"}),
        ("edit", {"file_path": "notes.txt", "old_string": "two", "new_string": "three"}),
        ("read", {"file_path": "notes.txt"}),
        ("glob", {"pattern": "*.txt"}),
        ("grep", {"pattern": "th.ee"}),
    ]
    session = place.session()
    mark = f"mark-{time.monotonic_ns()}"
    uses = [{"type": "tool_use", "id": f"t{n}", "name": name, "input": given} for n, (name, given) in enumerate(calls)]
    replies = [{"blocks": [use], "stop_reason": "tool_use", "match": mark} for use in uses]
    model.script(*replies, {"blocks": [{"type": "text", "text": "read it"}], "match": mark})
    say(client, session, mark)
    with place.worker(tmp_path):
        events = done(client, session)
    found = results(events)
    assert (tmp_path / "notes.txt").read_text() == "one three"
    assert "one three" in found[2]
    assert "notes.txt" in found[3]
    assert "notes.txt" in found[4]
    assert [event.is_error for event in of(events, "user.tool_result")] == [False] * 5


def test_a_later_turn_makes_a_new_item(place: Place, client: Anthropic, tmp_path: Path) -> None:
    session = place.session()
    with place.worker(tmp_path, max_idle=0.2):
        for turn in range(2):
            say(client, session, bash(f"echo turn {turn}", "tools:1"))
            done(client, session)
            wait_for(lambda: {item.state for item in place.work()} == {"stopped"}, "the worker to leave")
    assert results(listed(client, session)) == ["turn 0", "turn 1"]
    assert len(place.work()) == 2


def test_a_killed_worker_is_replaced_after_its_lease(place: Place, client: Anthropic, tmp_path: Path) -> None:
    session = place.session()
    command = "echo run >> marks; while [ ! -e go ]; do sleep 0.05; done; echo finished"
    say(client, session, bash(command, "tools:1"))
    marks = tmp_path / "marks"
    with place.process(tmp_path) as first:
        wait_for(marks.exists, "the first worker to run the tool")
        held = wait_for(lambda: place.work()[0].latest_heartbeat_at, "a heartbeat")
        first.kill()
    held = place.work()[0].latest_heartbeat_at or held
    with place.worker(tmp_path):
        wait_for(lambda: marks.read_text() == "run\nrun\n", "the second worker to run it")
        (item,) = place.work()
        with place.as_worker() as old, pytest.raises(PreconditionFailedError) as refused:
            old.beta.environments.work.heartbeat(item.id, environment_id=place.id, expected_last_heartbeat=held)
        (tmp_path / "go").touch()
        events = done(client, session)
    body: Any = refused.value.body
    assert body["error"]["type"] == "invalid_request_error"
    details = body["error"]["details"]
    assert details["error_code"] == "heartbeat_precondition_failed"
    assert details["current_state"]["state"] == "active"
    assert details["current_state"]["ttl_seconds"] == LEASE
    assert details["current_state"]["last_heartbeat"] not in (None, held)
    assert results(events) == ["finished"]


def test_a_frozen_worker_finds_its_lease_lost_and_leaves_the_item_alone(
    place: Place, client: Anthropic, tmp_path: Path
) -> None:
    session = place.session()
    command = "echo run >> marks; while [ ! -e go ]; do sleep 0.05; done; echo finished"
    say(client, session, bash(command, "tools:1"))
    marks = tmp_path / "marks"
    with place.process(tmp_path) as first:
        wait_for(marks.exists, "the first worker to run the tool")
        first.send(signal.SIGSTOP)
        with place.worker(tmp_path):
            wait_for(lambda: marks.read_text() == "run\nrun\n", "the other worker to take over")
            first.send(signal.SIGCONT)
            wait_for(lambda: "lease lost: heartbeat precondition failed" in first.log(), "the refused heartbeat")
            (tmp_path / "go").touch()
            events = done(client, session)
        wait_for(lambda: "without stopping it" in first.log(), "the first worker to let go")
    assert results(events) == ["finished"]
    assert len(place.work()) == 1


def test_two_workers_share_the_load(place: Place, client: Anthropic, tmp_path: Path) -> None:
    folders = [tmp_path / "a", tmp_path / "b"]
    for folder in folders:
        folder.mkdir()
    sessions = [place.session() for _ in range(4)]
    for session in sessions:
        say(client, session, bash("pwd", "tools:1"))
    with place.worker(folders[0], 0.3), place.worker(folders[1], 0.3):
        found = [results(done(client, session, 40)) for session in sessions]
    assert [len(one) for one in found] == [1] * 4
    assert {text for (text,) in found} == {str(folder) for folder in folders}
    assert len(place.work()) == 4


def test_an_interrupt_ends_the_turn_while_the_tool_runs(
    place: Place, client: Anthropic, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    session = place.session()
    command = "touch begun; while [ ! -e go ]; do sleep 0.05; done; echo too late"
    say(client, session, bash(command, "tools:1"))
    with place.worker(tmp_path):
        wait_for((tmp_path / "begun").exists, "the tool to run")
        send(client, session, {"type": "user.interrupt"})
        events = done(client, session, 5)
        (closed,) = of(events, "agent.tool_result")
        assert closed.is_error
        (tmp_path / "go").touch()
        wait_for(lambda: "failed to send tool result" in caplog.text, "the late result to be refused")
        say(client, session, bash("echo again", "tools:1"))
        wait_for(lambda: results(listed(client, session)) == ["again"], "the next turn's result")
        events = done(client, session)
    assert len(of(events, "agent.tool_use")) == 2
    assert not any("too late" in text for text in results(events))


class TestPermissions:
    """The worker runs what was allowed and nothing else."""

    @pytest.fixture(autouse=True)
    def _told(self, caplog: pytest.LogCaptureFixture) -> None:
        caplog.set_level("INFO", "anthropic")

    @staticmethod
    def _asked(place: Place, client: Anthropic) -> tuple[str, Any]:
        session = place.session(default_config={"permission_policy": {"type": "always_ask"}})
        say(client, session, bash("echo run >> ran; echo ok", "tools:1"))
        rest(client, session)
        (use,) = of(listed(client, session), "agent.tool_use")
        assert use.evaluated_permission == "ask"
        return session, use

    def test_an_allowed_call_runs(
        self, place: Place, client: Anthropic, tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        with place.worker(tmp_path):
            session, use = self._asked(place, client)
            wait_for(lambda: "requires user confirmation" in caplog.text, "the worker to hold the call")
            assert not (tmp_path / "ran").exists()
            send(client, session, confirm(use))
            events = done(client, session)
        assert results(events) == ["ok"]
        assert (tmp_path / "ran").read_text() == "run\n"

    def test_a_denied_call_does_not(
        self, place: Place, client: Anthropic, tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        with place.worker(tmp_path):
            session, use = self._asked(place, client)
            wait_for(lambda: "requires user confirmation" in caplog.text, "the worker to hold the call")
            send(client, session, confirm(use, "deny", deny_message="not here"))
            events = done(client, session)
        assert results(events) == []
        assert "not here" in said(of(events, "agent.tool_result")[0])
        assert not (tmp_path / "ran").exists()


def test_the_poller_hands_out_acknowledged_items_and_stops_them(place: Place, client: Anthropic) -> None:
    session = place.session()
    say(client, session, "no tools at all")
    done(client, session)

    async def drain() -> list[Any]:
        async with AsyncAnthropic(base_url=place.server.url, api_key="not-used") as worker:
            work = worker.beta.environments.work
            found = work.poller(environment_id=place.id, environment_key=place.key, drain=True, block_ms=None)
            return [(item, place.work()[0].state) async for item in found]

    ((item, state),) = asyncio.run(drain())
    assert (item.data.id, state) == (session, "starting")
    assert item.secret
    assert [item.state for item in place.work()] == ["stopped"]


class TestBrokenConnections:
    """The official tool runner behind connections that break: every call is run once."""

    @staticmethod
    async def _run(url: str, place: Place, session: str, workdir: Path) -> list[Any]:
        from anthropic.lib.tools.agent_toolset import AgentToolContext, beta_agent_toolset_20260401

        context = AgentToolContext(workdir=workdir)
        async with asyncio.timeout(30), context, AsyncAnthropic(base_url=url, api_key="not-used") as client:
            tools = beta_agent_toolset_20260401(context)
            runner = client.beta.sessions.events.tool_runner(
                session, tools=tools, max_idle=0.5, environment_key=place.key
            )
            return [call async for call in runner]

    @staticmethod
    def _ran(marks: Path, times: int) -> None:
        wait_for(lambda: marks.exists() and marks.read_text() == "run\n" * times, f"run {times}")

    def test_cut_off_while_a_tool_runs(self, place: Place, client: Anthropic, tmp_path: Path) -> None:
        session = place.session()
        command = "echo run >> marks; while [ ! -e go ]; do sleep 0.05; done; rm go; echo finished"
        say(client, session, bash(command, "tools:3"))
        marks = tmp_path / "marks"
        with Relay(place.server.url) as relay:

            async def scenario() -> list[Any]:
                running = asyncio.create_task(self._run(relay.url, place, session, tmp_path))
                for number in range(1, 4):
                    await asyncio.to_thread(self._ran, marks, number)
                    assert relay.cut() >= 1
                    (tmp_path / "go").touch()
                return await running

            calls = asyncio.run(scenario())
        events = done(client, session)
        assert marks.read_text() == "run\n" * 3
        assert results(events) == ["finished"] * 3
        assert [call.tool_use_id for call in calls] == [use.id for use in of(events, "agent.tool_use")]
        assert all(call.posted for call in calls)

    def test_a_result_whose_answer_was_lost_counts_once(self, place: Place, client: Anthropic, tmp_path: Path) -> None:
        session = place.session()
        say(client, session, bash("echo run >> marks; echo finished", "tools:1"))
        rest(client, session)
        with Relay(place.server.url) as relay:
            relay.swallow_answer(f"POST /v1/sessions/{session}/events".encode())
            (call,) = asyncio.run(self._run(relay.url, place, session, tmp_path))
            assert relay.swallowed == 1
        assert call.posted
        events = done(client, session)
        assert results(events) == ["finished"]
        assert (tmp_path / "marks").read_text() == "run\n"


def test_no_secret_of_a_worker_is_in_logs_or_events(place: Place, client: Anthropic, tmp_path: Path) -> None:
    session = place.session()
    say(client, session, bash("echo hello", "tools:1"))
    with httpx2.Client(base_url=place.server.url, headers={"authorization": f"Bearer {place.key}"}) as wire:
        polled = wire.get(f"/v1/environments/{place.id}/work/poll").json()
    with place.worker(tmp_path):
        done(client, session)
    log, events = place.server.log(), str([event.to_dict() for event in listed(client, session)])
    for secret in (place.key, polled["secret"], "lmbs_", "lmbe_"):
        assert secret not in log
        assert secret not in events


def test_the_official_types_fit(place: Place, client: Anthropic, server: Server, key: str) -> None:
    session = place.session()
    say(client, session, "work for someone")
    with official(server.url, key) as strict:
        work = strict.beta.environments.work
        item: Any = work.poll(place.id, anthropic_worker_id="strict")
        acked = work.ack(item.id, environment_id=place.id)
        beat = work.heartbeat(item.id, environment_id=place.id, expected_last_heartbeat="NO_HEARTBEAT")
        assert work.poll(place.id) is None
        stats = work.stats(place.id)
        assert work.update(item.id, environment_id=place.id, metadata={"a": "b"}).metadata == {"a": "b"}
        assert work.retrieve(item.id, environment_id=place.id).latest_heartbeat_at == beat.last_heartbeat
        assert work.stop(item.id, environment_id=place.id).state == "stopping"
        assert not work.heartbeat(item.id, environment_id=place.id, expected_last_heartbeat="any").lease_extended
        assert work.stop(item.id, environment_id=place.id, force=True).state == "stopped"
    assert (item.state, acked.state, beat.state, beat.lease_extended) == ("queued", "starting", "active", True)
    assert (stats.depth, stats.pending, stats.workers_polling) == (0, 0, 1)
