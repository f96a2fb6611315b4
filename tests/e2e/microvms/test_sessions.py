"""Tools of sessions whose sandboxes are MicroVMs: files and the shell stay, also when Lambda takes the machine away."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from e2b import Sandbox

from tests.fakes.microvms import MicrovmsFake
from tests.fakes.microvms.machine import Machine
from tests.support.api import Api, Json, wait_for

TOOLSET = {"type": "agent_toolset_20260401"}


class Hand:
    """A session whose agent runs the commands it is told to, and its MicroVM."""

    def __init__(self, api: Api, microvms: MicrovmsFake) -> None:
        self._api, self._microvms, self._known = api, microvms, set(microvms.machines)
        self.session = api.session(api.agent(tools=[TOOLSET]))

    def run(self, command: str) -> str:
        """What the agent was told of the command."""
        self.ask(command)
        return self.result()

    def ask(self, command: str) -> None:
        """Have the agent run a command."""
        asked = f"tool:bash input:{json.dumps({'command': command})} tokens:3"
        assert self._api.say(self.session, asked).status_code == 202

    def result(self) -> str:
        """What it was told of the last one."""
        self._api.wait_idle(self.session)
        results = [event for event in self._api.log(self.session) if event["type"] == "agent.tool_result"]
        return "\n".join(block.get("text", "") for block in _content(results[-1]))

    def machines(self) -> list[Machine]:
        """Those that were started for it, in order."""
        return [machine for identity, machine in self._microvms.machines.items() if identity not in self._known]


def _content(event: Json) -> list[Any]:
    return list(event.get("content") or event["data"].get("content") or [])


@pytest.fixture
def hand(api: Api, model: object, microvms: MicrovmsFake) -> Iterator[Hand]:
    made = Hand(api, microvms)
    yield made
    api.call("DELETE", f"/v1/sessions/{made.session}")


def test_a_machine_is_started_by_the_first_command_and_serves_the_next(hand: Hand) -> None:
    assert hand.machines() == []
    assert "kept" in hand.run("cd /tmp && KEPT=kept && echo $KEPT > note; cat note")
    assert "/tmp kept" in hand.run("echo $PWD $KEPT")
    assert len(hand.machines()) == 1


def test_a_session_s_rests_when_nobody_asks_it_anything_and_one_made_for_a_time_runs_that_long(
    hand: Hand, create: Callable[..., Sandbox]
) -> None:
    hand.run("true")
    (of_session,) = hand.machines()
    create(timeout=3600)
    (_, of_e2b) = hand.machines()
    assert of_session.asked["idlePolicy"]["maxIdleDurationSeconds"] == 300
    assert of_e2b.asked["idlePolicy"]["maxIdleDurationSeconds"] == 28_800


def test_one_that_lambda_suspended_wakes_with_its_shell(hand: Hand, microvms: MicrovmsFake) -> None:
    hand.run("cd /tmp && KEPT=kept")
    (machine,) = hand.machines()
    machine.suspend()
    microvms.wait(machine.id, "SUSPENDED")
    assert "/tmp kept" in hand.run("echo $PWD $KEPT")
    assert hand.machines() == [machine]


def test_files_outlive_a_machine_that_ends_between_two_commands(hand: Hand, microvms: MicrovmsFake) -> None:
    hand.run("echo durable > note")
    (machine,) = hand.machines()
    machine.terminate("The maximum duration is over")
    microvms.wait(machine.id, "TERMINATED")
    told = hand.run("cat note")
    assert "durable" in told
    assert "started anew" in told
    assert len(hand.machines()) == 2


def test_a_machine_that_ends_in_the_middle_of_a_command_is_told_of(hand: Hand) -> None:
    hand.run("echo durable > note")
    (machine,) = hand.machines()
    hand.ask("echo lost > note; sleep 600")
    wait_for(lambda: machine.serves > 0, "the command runs")
    machine.terminate("Host maintenance")
    assert "the sandbox stopped while this ran" in hand.result()
    assert "durable" in hand.run("cat note")


def test_the_end_of_a_session_is_the_end_of_its_machine(hand: Hand, api: Api, microvms: MicrovmsFake) -> None:
    hand.run("true")
    (machine,) = hand.machines()
    assert api.call("DELETE", f"/v1/sessions/{hand.session}").status_code == 200
    microvms.wait(machine.id, "TERMINATED")
