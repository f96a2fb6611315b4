"""What is recorded of a computer may be out of date: it died with its server, or froze before that was written down."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from chalicelib.core.clock import now_ms
from chalicelib.core.ids import new_id
from chalicelib.sandbox.client import GuestGone
from chalicelib.sandbox.model import Computer, SandboxDraft
from chalicelib.sandbox.profile import of_e2b
from tests.functional.sandbox.yards import Yard

Second = Callable[[Yard], Yard]


def _orphan(yard: Yard) -> str:
    """A sandbox with a file, whose server is gone and its computer with it."""
    made = yard.create()
    yard.run(made.id, "echo kept > a")
    yard.sync(made.id)
    yard.services.close()
    return made.id


def _host_of(yard: Yard, sandbox_id: str) -> tuple[object, Computer]:
    live = yard.services.sandboxes.live(yard.space, sandbox_id)
    assert live.sandbox.computer is not None
    return yard.services.sandboxes._computers._host, live.sandbox.computer


@pytest.mark.parametrize("memory", [True, False])
def test_a_sandbox_whose_computer_died_is_paused_and_goes_on(yard: Yard, second: Second, memory: bool) -> None:
    sandbox_id, other = _orphan(yard), second(yard)
    assert other.services.sandboxes.pause(yard.space, sandbox_id, memory=memory)
    assert other.services.sandboxes.get(yard.space, sandbox_id).computer is None
    other.services.sandboxes.resume(yard.space, sandbox_id, end_at=None)
    assert other.run(sandbox_id, "cat a") == (0, "kept\n")


def test_a_sandbox_whose_computer_died_is_kept_and_forked(yard: Yard, second: Second) -> None:
    sandbox_id, other = _orphan(yard), second(yard)
    kept = other.services.sandboxes.snapshot(yard.space, sandbox_id)
    fork = other.services.sandboxes.fork(yard.space, sandbox_id, None)
    late = other.create(snapshot_id=kept.id)
    assert [other.run(one, "cat a") for one in (fork.id, late.id)] == [(0, "kept\n")] * 2


def test_storing_what_a_dead_computer_had_is_told_from_having_stored_it(yard: Yard, second: Second) -> None:
    sandbox_id, other = _orphan(yard), second(yard)
    other.services.sandboxes.sync_if_any(yard.space, sandbox_id)
    with pytest.raises(GuestGone):
        other.sync(sandbox_id)


def test_the_clock_lets_go_of_a_computer_that_died(yard: Yard, second: Second) -> None:
    made = _idle_of_a_session(yard)
    yard.services.close()
    other = second(yard)
    assert other.services.sandboxes.sweep() == 1
    assert other.services.sandboxes.sweep() == 0
    assert other.services.sandboxes.get(yard.space, made).computer is None


def test_a_computer_that_is_frozen_and_not_known_to_be_goes_on(yard: Yard, second: Second) -> None:
    made = yard.create()
    _, pid = yard.run(made.id, "sleep 300 & echo $!")
    host, computer = _host_of(yard, made.id)
    host.freeze(computer.handle)  # type: ignore[attr-defined]
    other = second(yard)
    assert other.run(made.id, f"kill -0 {pid.strip()}; echo $?")[1] == "0\n"


def test_whoever_comes_while_the_clock_freezes_an_idle_computer_finds_it_awake(
    yard: Yard, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = _idle_of_a_session(yard)
    host, _ = _host_of(yard, made)
    _idle(yard, made)
    freeze = host.freeze  # type: ignore[attr-defined]

    def met(handle: object) -> None:
        yard.services.sandboxes.live(yard.space, made, 60_000)
        freeze(handle)

    monkeypatch.setattr(host, "freeze", met)
    assert yard.services.sandboxes.sweep() == 1
    computer = yard.services.sandboxes.get(yard.space, made).computer
    assert computer is not None
    assert not computer.frozen
    assert yard.run(made, "echo awake") == (0, "awake\n")


def _idle_of_a_session(yard: Yard) -> str:
    """A session's sandbox with a computer that nobody has used for long."""
    computers = yard.services.sandboxes._computers
    computers._profiles = {**computers._profiles, "session": of_e2b}
    made = yard.services.sandboxes.ensure(yard.space, SandboxDraft("session", sandbox_id=new_id()))
    yard.run(made.id, "echo kept > a")
    _idle(yard, made.id)
    return made.id


def _idle(yard: Yard, sandbox_id: str) -> None:
    long_ago = now_ms() - 400_000
    yard.services.sandboxes._store.change(yard.space, sandbox_id, lambda was: replace(was, used_at=long_ago))
