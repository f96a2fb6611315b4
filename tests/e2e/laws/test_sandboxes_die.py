"""A sandbox may die with its program, its server or its session: files stay, the turn goes on, nothing is left over."""

import json
import random
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.laws.conftest import model_env
from tests.fakes.model_server import FakeModel
from tests.support.api import Api, Json, wait_for
from tests.support.server import Server

TOOLSET = {"type": "agent_toolset_20260401"}


@pytest.fixture(scope="module")
def own_model() -> Iterator[FakeModel]:
    """The scripted model of this module's server."""
    with FakeModel() as fake:
        yield fake


@pytest.fixture(scope="module")
def mortal(own_model: FakeModel, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that may be killed; it keeps its state."""
    with Server(model_env(own_model), tmp_path_factory.mktemp("state")) as running:
        yield running


@pytest.fixture
def hand(mortal: Server) -> Iterator["Hand"]:
    """A session of a tenant of its own."""
    made = Hand(mortal)
    yield made
    made.close()


class Hand:
    """A session whose agent runs the commands it is told to."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._key = server.tenant()
        self._clients: dict[str, Api] = {}
        self.session = self.api.session(self.api.agent(tools=[TOOLSET]))

    @property
    def api(self) -> Api:
        """A client of the server as it runs now."""
        url = self._server.url
        if url not in self._clients:
            self._clients[url] = Api(url, self._key)
        return self._clients[url]

    def close(self) -> None:
        """Close the connections."""
        for client in self._clients.values():
            client.close()

    def ask(self, command: str, tokens: int = 3) -> None:
        """Have the agent run a command."""
        arguments = json.dumps({"command": command})
        answer = self.api.say(self.session, f"tool:bash input:{arguments} tokens:{tokens}")
        assert answer.status_code == 202

    def run(self, command: str) -> str:
        """Have the agent run a command, and wait; what the tool answered."""
        self.ask(command)
        self.api.wait_idle(self.session)
        return self.results()[-1]

    def results(self) -> list[str]:
        """The text of every tool result."""
        found = [event for event in self.api.log(self.session) if event["type"] == "agent.tool_result"]
        return ["\n".join(block.get("text", "") for block in _content(event)) for event in found]

    def warnings(self) -> list[Json]:
        """What the log tells about the sandbox."""
        return [event for event in self.api.log(self.session) if event["type"] == "session.warning"]


def _content(event: Json) -> list[Any]:
    return list(event.get("content") or event["data"].get("content") or [])


def marker() -> str:
    """The argument of a sleep that no other test sleeps."""
    return f"{random.randint(600, 900)}.{random.randint(10**6, 10**7)}"


def runs(mark: str) -> bool:
    """Whether a process with that argument is there."""
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if path.read_bytes().split(b"\0")[:2] == [b"sleep", mark.encode()]:
                return True
        except OSError:
            continue
    return False


def test_the_turn_goes_on_when_the_sandbox_is_killed_under_a_command(mortal: Server, hand: Hand) -> None:
    hand.run("echo kept > a")
    assert "the sandbox stopped while this ran" in hand.run("echo lost > b; kill -9 -1; sleep 5")
    said = hand.run("cat a; ls; pwd")
    assert said.splitlines()[-3:] == ["kept", "a", "/workspace"]
    assert "started anew" in said
    assert [warning["source"] for warning in hand.warnings()] == ["sandbox"]


def test_a_server_that_dies_under_a_command_loses_what_was_not_finished_and_nothing_else(
    mortal: Server, hand: Hand
) -> None:
    mark = marker()
    hand.run("mkdir d && echo kept > d/a && chmod 640 d/a")
    hand.ask(f"echo unfinished > d/b; sleep {mark}")
    wait_for(lambda: runs(mark), "the command to run")
    mortal.restart()
    hand.api.wait_idle(hand.session)
    wait_for(lambda: not runs(mark), "the command to end with its server")
    assert "outcome of this call is unknown" in hand.results()[-1]
    assert hand.run("cat d/a; stat -c %a d/a").splitlines()[-2:] == ["kept", "640"]


def test_a_server_that_is_told_to_end_under_a_command_keeps_what_it_did_so_far(mortal: Server, hand: Hand) -> None:
    mark = marker()
    hand.ask(f"echo begun > part; sleep {mark}")
    wait_for(lambda: runs(mark), "the command to have written")
    mortal.stop()
    mortal.start()
    hand.api.wait_idle(hand.session)
    told = hand.results()[-1]
    assert "may be lost, in whole or in part" in told or "outcome of this call is unknown" in told
    assert "begun" in hand.run("cat part")


def test_what_a_finished_command_wrote_is_there_after_the_server_dies_at_once(mortal: Server, hand: Hand) -> None:
    hand.ask(
        "for n in $(seq 200); do echo $n > f$n; done; mkdir -p /mnt/session/outputs; echo r > /mnt/session/outputs/r"
    )
    wait_for(hand.results, "the result")
    mortal.restart()
    hand.api.wait_idle(hand.session)
    assert hand.run("cat f* | wc -l; cat f137").splitlines()[-2:] == ["200", "137"]
    listed = hand.api.get("/v1/files", scope_id=hand.session)["data"]
    assert [(one["filename"], one["size_bytes"]) for one in listed] == [("r", 2)]


def test_an_interrupt_stops_the_command_and_leaves_the_shell(mortal: Server, hand: Hand) -> None:
    mark = marker()
    hand.run("cd /tmp; export COLOUR=teal")
    hand.ask(f"sleep {mark}")
    wait_for(lambda: runs(mark), "the command to run")
    begun = time.monotonic()
    assert hand.api.send(hand.session, {"type": "user.interrupt"}).status_code in (200, 202)
    hand.api.wait_idle(hand.session)
    wait_for(lambda: not runs(mark), "the command to end", within=5)
    assert time.monotonic() - begun < 5
    assert hand.run("pwd; echo $COLOUR").splitlines() == ["/tmp", "teal"]


def test_a_deleted_session_leaves_no_process(mortal: Server, hand: Hand) -> None:
    mark = marker()
    hand.run(f"sleep {mark} & echo begun")
    assert runs(mark)
    assert hand.api.call("DELETE", f"/v1/sessions/{hand.session}").status_code == 200
    wait_for(lambda: not runs(mark), "the sandbox to end with its session")


def test_no_sandbox_outlives_its_server(mortal: Server, hand: Hand) -> None:
    mark = marker()
    hand.run(f"nohup setsid sleep {mark} > /dev/null 2>&1 & echo begun")
    assert runs(mark)
    mortal.kill()
    wait_for(lambda: not runs(mark), "the sandbox to end with its server")
    mortal.start()
