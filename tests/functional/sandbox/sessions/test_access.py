"""How long a session's computer is kept awake: as long as somebody works with it, and not longer."""

from collections.abc import Callable, Iterator, Mapping

import pytest

from chalicelib.core.clock import now_ms
from chalicelib.core.ids import new_id
from chalicelib.events.log import SessionRef
from chalicelib.sandbox import computers, service
from chalicelib.sandbox.model import Sandbox
from chalicelib.sandbox.sessions import access
from chalicelib.sandbox.sessions.access import SessionSandbox
from chalicelib.sandbox.sessions.bench import execute
from chalicelib.sessions.service import SessionDraft
from chalicelib.storage.keys import Space
from chalicelib.wiring import Services

IDLE_MS = 300_000
LONGEST_CALL_MS = 600_000


class Den:
    """One session and those who work with its computer."""

    def __init__(self, services: Services) -> None:
        self.services = services
        self.ref = SessionRef(Space(new_id()), new_id())
        model = {"id": "claude-test", "speed": "standard", "effort": None, "inference_geo": None}
        agent = {"id": new_id(), "version": 1, "name": "A", "origin": "sdk", "model": model, "system": "", "tools": []}
        services.sessions.create(self.ref.space, SessionDraft(agent, new_id()), self.ref.id)

    def user(self) -> SessionSandbox:
        """Somebody who works with it."""
        made = self.services.sandbox_of(self.ref, self.services.sessions.get(self.ref).spec, "run")
        assert made is not None
        return made

    @property
    def sandbox(self) -> Sandbox:
        """The sandbox as stored."""
        return self.services.sandboxes.get(self.ref.space, self.ref.id)

    def wanted_for(self) -> int:
        """How many milliseconds from now it does not count as idle."""
        return self.sandbox.used_at - now_ms()


@pytest.fixture
def den(services: Services) -> Iterator[Den]:
    yield Den(services)
    services.close()


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Let the sandboxes believe that so many milliseconds have passed."""

    def move(milliseconds: int) -> None:
        for module in (computers, service, access):
            monkeypatch.setattr(module, "now_ms", lambda: now_ms() + milliseconds)

    return move


def run(user: SessionSandbox, command: str) -> str:
    """The output of a command in the shell of the session."""
    end: dict[str, str] = {}
    for message in user.client().events("/shells/main/run", {"command": command, "timeoutMs": 20_000}):
        end = message["event"].get("end", end)
    return end["output"]


def test_a_new_computer_is_kept_for_the_longest_command_and_let_go_afterwards(den: Den) -> None:
    user = den.user()
    user.client()
    assert den.wanted_for() > LONGEST_CALL_MS
    user.release()
    assert den.wanted_for() <= 0


def test_each_call_finds_enough_time_left_for_the_longest_command(den: Den, later: Callable[[int], None]) -> None:
    user = den.user()
    user.client()
    later(120_000)
    user.client()
    assert den.wanted_for() - 120_000 > LONGEST_CALL_MS


def test_who_leaves_early_does_not_let_the_computer_sleep_under_another(den: Den) -> None:
    agent = den.user()
    agent.client()
    assert execute(den.user(), "echo beside", 10_000).output == "beside\n"
    assert den.wanted_for() > LONGEST_CALL_MS
    agent.release()
    assert den.wanted_for() <= 0


def test_who_came_later_keeps_the_computer_awake(den: Den) -> None:
    first, second = den.user(), den.user()
    first.client()
    second.client()
    first.release()
    assert den.wanted_for() > LONGEST_CALL_MS


def test_one_that_nobody_wants_is_frozen_and_goes_on_where_it_was(den: Den, later: Callable[[int], None]) -> None:
    user = den.user()
    run(user, "cd /tmp; MOOD=calm; echo kept > /workspace/a")
    later(IDLE_MS + 60_000)
    assert den.services.sandboxes.sweep() == 0
    user.release()
    later(2 * IDLE_MS + 60_000)
    assert den.services.sandboxes.sweep() == 1
    assert den.sandbox.computer is not None
    assert den.sandbox.computer.frozen
    again = den.user()
    assert run(again, "pwd; echo $MOOD; cat /workspace/a").split() == ["/tmp", "calm", "kept"]
    assert again.notice() is None


def test_one_frozen_for_long_is_ended_and_its_follower_is_told_of_once(den: Den, later: Callable[[int], None]) -> None:
    user = den.user()
    run(user, "MOOD=calm; echo kept > /workspace/a")
    user.release()
    later(IDLE_MS + 1000)
    assert den.services.sandboxes.sweep() == 1
    later(7 * IDLE_MS)
    assert den.services.sandboxes.sweep() == 1
    assert den.sandbox.computer is None
    assert execute(den.user(), "cat a", 10_000).output == "kept\n"
    again = den.user()
    assert run(again, "echo [$MOOD]") == "[]\n"
    assert again.notice() == access.RESTARTED
    assert again.notice() is None
    third = den.user()
    third.client()
    assert third.notice() is None


class Unplaceable:
    """Something that no computer takes."""

    def wanted(self) -> dict[str, str]:
        return {"/workspace/a": "1"}

    def put(self, client: object, have: Mapping[str, str]) -> list[str]:
        return ["a could not be put there."]


def test_what_a_client_met_is_told_to_the_agent_once(den: Den) -> None:
    def user(run: str) -> SessionSandbox:
        return SessionSandbox(lambda: den.services.sandboxes, [Unplaceable()], den.ref.space, den.ref.id, run=run)

    execute(user(""), "true", 10_000)
    agent = user("run")
    agent.client()
    assert agent.warnings() == ["a could not be put there."]
    assert agent.notice() == "a could not be put there."
    later = user("run")
    later.client()
    assert (later.warnings(), later.notice()) == ([], None)
