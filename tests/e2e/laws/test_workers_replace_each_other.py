"""Server and workers as processes of their own over a shared endpoint: a worker that dies beside a living engine is
replaced by another once its lease has run out, and at no time do two of them run one session.
"""

import importlib.util
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.laws.checks import assert_answered, assert_complete
from tests.e2e.laws.conftest import model_env
from tests.fakes.model_server import FakeModel
from tests.support.api import Api, text_of, types_of, wait_for
from tests.support.server import ROOT, Server

pytestmark = pytest.mark.rehearsal

TAKEN_OVER_SECONDS = 20


def _emulator() -> Any:
    path = ROOT / "scripts" / "rehearse_emulator.py"
    spec = importlib.util.spec_from_file_location("rehearse_emulator", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


class Workers:
    """Worker processes beside a server, each alive until killed."""

    def __init__(self, env: dict[str, str], state: Path) -> None:
        self._env = {**os.environ, **env}
        self._state = state
        self._output = (state / "workers.log").open("ab")
        self.alive: list[subprocess.Popen[bytes]] = []

    def start(self) -> None:
        """One more, which is ready when this returns."""
        command = [sys.executable, "-m", "chalicelib.cli.main", "worker", "--state", str(self._state)]
        process = subprocess.Popen(command, cwd=ROOT, env=self._env, stdout=subprocess.PIPE, stderr=self._output)
        assert process.stdout is not None
        assert process.stdout.readline()
        self.alive.append(process)

    def pause(self, process: "subprocess.Popen[bytes]") -> None:
        """Let it stand still, as a machine that is cut off does."""
        process.send_signal(signal.SIGSTOP)

    def kill(self, process: "subprocess.Popen[bytes]") -> None:
        """As `kill -9` does."""
        self.alive.remove(process)
        process.kill()
        process.wait(10)
        assert process.stdout is not None
        process.stdout.close()

    def close(self) -> None:
        """Kill them all."""
        for process in list(self.alive):
            self.kill(process)
        self._output.close()


@pytest.fixture(scope="module")
def env(shared_model: FakeModel, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    with _emulator().running(tmp_path_factory.mktemp("emulator")) as emulator:
        yield model_env(
            shared_model,
            AWS_ENDPOINT_URL=emulator.endpoint,
            AWS_ACCESS_KEY_ID="test",
            AWS_SECRET_ACCESS_KEY="test",
            AWS_DEFAULT_REGION="us-east-1",
            LAMBENT_LEASE_SECONDS="3",
            LAMBENT_HEARTBEAT_SECONDS="1",
            LAMBENT_OUTBOUND_ALLOW="127.0.0.1",
            LAMBENT_SCHEDULE_JITTER="false",
        )


@pytest.fixture(scope="module")
def server(env: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with Server(env, tmp_path_factory.mktemp("state"), ("--no-workers",)) as running:
        yield running


@pytest.fixture
def workers(env: dict[str, str], server: Server) -> Iterator[Workers]:
    assert server.state is not None
    made = Workers(env, server.state)
    yield made
    made.close()


def test_a_worker_killed_in_mid_stream_is_replaced(
    server: Server, api: Api, model: FakeModel, workers: Workers
) -> None:
    session = api.session()
    model.script({"blocks": [{"type": "text", "text": "one two three"}], "hang": 2, "match": session})
    text = f'say:"well" {session}'
    api.say(session, text)
    workers.start()
    wait_for(lambda: [one for one in model.requests_of(session) if one["tokens"] == 2], "the model to speak")
    workers.start()
    workers.kill(workers.alive[0])
    api.wait_idle(session, TAKEN_OVER_SECONDS)
    log = api.log(session)
    assert_complete(log)
    assert_answered(log, text)
    assert text_of(log) == ["well"]
    assert "session.status_rescheduled" in types_of(log)


def test_a_worker_that_was_cut_off_writes_nothing_when_it_comes_back(
    server: Server, api: Api, model: FakeModel, workers: Workers
) -> None:
    session = api.session()
    model.hold(after_tokens=2, match=session)
    text = f"tokens:5 {session}"
    api.say(session, text)
    workers.start()
    model.wait_held()
    cut_off = workers.alive[0]
    workers.pause(cut_off)
    workers.start()
    model.wait_held(2, timeout=TAKEN_OVER_SECONDS)
    cut_off.send_signal(signal.SIGCONT)
    model.release()
    api.wait_idle(session, TAKEN_OVER_SECONDS)
    log = api.log(session)
    assert_complete(log)
    assert_answered(log, text)
    assert len(text_of(log)) == 1


def test_workers_side_by_side_run_every_turn_once(server: Server, api: Api, model: FakeModel, workers: Workers) -> None:
    for _ in range(2):
        workers.start()
    agent, environment = api.agent(), api.environment()["id"]
    sessions = [api.session(agent, environment_id=environment) for _ in range(4)]
    for number in range(3):
        for session in sessions:
            api.say(session, f"tokens:2 {number} {session}")
    for session in sessions:
        api.wait_idle(session, 60)
        log = api.log(session)
        assert_complete(log)
        assert_answered(log, *(f"tokens:2 {number} {session}" for number in range(3)))
        assert len(model.requests_of(session)) == 3


def test_two_servers_on_one_store_tell_one_story(
    server: Server, env: dict[str, str], api: Api, key: str, model: FakeModel, workers: Workers
) -> None:
    workers.start()
    session = api.session()
    path = f"/v1/sessions/{session}/events/stream"
    with Server(env, server.state, ("--no-workers",)) as second:
        other = Api(second.url, key)
        heard = [api.stream(path), other.stream(path)]
        api.say(session, f'say:"first" {session}')
        for stream in heard:
            stream.wait("session.status_idle")
        at_once = [
            threading.Thread(target=client.say, args=(session, f'say:"{word}" {session}'))
            for client, word in ((api, "left"), (other, "right"))
        ]
        for thread in at_once:
            thread.start()
        for stream in heard:
            stream.wait("session.status_idle", 3)
            stream.close()
        log = other.log(session)
        other.close()
    assert_complete(log)
    assert sorted(text_of(log)) == ["first", "left", "right"]
    assert types_of(log).count("session.status_running") == 3
    beyond = ("session.usage", "session.warning")
    shown = [event["id"] for event in log if event["type"] not in beyond]
    assert [[frame.data["id"] for frame in stream.frames] for stream in heard] == [shown, shown]
