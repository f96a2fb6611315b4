"""Many sessions on one server: all turns end in bounded time with whole logs, and nothing is leaked."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.e2e.laws.checks import assert_answered, assert_complete
from tests.e2e.laws.conftest import model_env
from tests.fakes.model_server import FakeModel
from tests.support.api import Api, text_of, wait_for
from tests.support.server import Server

SESSIONS, TURNS = 50, 2
BOUND_SECONDS = 40
SLACK_FILES, SLACK_THREADS = 12, 8


@pytest.fixture(scope="module")
def lone(shared_model: FakeModel) -> Iterator[Server]:
    """A server that nobody else uses, so that its files and threads can be counted."""
    with Server(model_env(shared_model)) as running:
        yield running


@pytest.fixture
def client(lone: Server) -> Iterator[Api]:
    made = Api(lone.url, lone.tenant())
    yield made
    made.close()


def test_fifty_sessions_at_once_all_end(client: Api, model: FakeModel) -> None:
    agent, environment = client.agent(), client.environment()["id"]
    sessions = [client.session(agent, environment_id=environment) for _ in range(SESSIONS)]
    began = time.monotonic()
    with ThreadPoolExecutor(10) as pool:
        for turn in range(TURNS):
            list(
                pool.map(lambda session, turn=turn: client.say(session, f"tokens:10 gap:5 {turn} {session}"), sessions)
            )
        list(pool.map(lambda session: client.wait_idle(session, BOUND_SECONDS), sessions))
    assert time.monotonic() - began < BOUND_SECONDS
    for session in sessions:
        log = client.log(session)
        assert_complete(log)
        assert_answered(log, *(f"tokens:10 gap:5 {turn} {session}" for turn in range(TURNS)))
        assert len(text_of(log)) == TURNS


def held(pid: int) -> tuple[int, int]:
    """Open files and threads of a process."""
    return sum(1 for _ in Path(f"/proc/{pid}/fd").iterdir()), sum(1 for _ in Path(f"/proc/{pid}/task").iterdir())


def test_turns_and_streams_leave_no_files_or_threads_open(lone: Server, client: Api, model: FakeModel) -> None:
    agent, environment = client.agent(), client.environment()["id"]
    sessions = [client.session(agent, environment_id=environment) for _ in range(10)]
    _turns(client, sessions, 2)
    _streams(client, sessions, 10)
    files, threads = held(lone.pid)
    _turns(client, sessions, 20)
    _streams(client, sessions, 100)
    settled = _settled(lambda: held(lone.pid), files + SLACK_FILES, threads + SLACK_THREADS)
    assert settled[0] <= files + SLACK_FILES
    assert settled[1] <= threads + SLACK_THREADS


def _turns(client: Api, sessions: list[str], each: int) -> None:
    for _ in range(each):
        for session in sessions:
            client.say(session, "tokens:2")
    for session in sessions:
        client.wait_idle(session, 60)


def _streams(client: Api, sessions: list[str], count: int) -> None:
    for number in range(count):
        query = {"include": "chunks", "replay": "1"} if number % 2 else {}
        client.stream(f"/v1/sessions/{sessions[number % len(sessions)]}/events/stream", params=query).close()


def _settled(look: Callable[[], tuple[int, int]], files: int, threads: int) -> tuple[int, int]:
    """What is held once connections that were left have been noticed."""
    wait_for(lambda: look()[0] <= files and look()[1] <= threads, "files and threads to be let go")
    return look()
