"""Sandboxes that are paused by one and used by another at the same time."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Event
from typing import Any

import pytest

from chalicelib.core.clock import now_ms
from chalicelib.core.ids import new_id
from chalicelib.sandbox.errors import SandboxPaused
from chalicelib.sandbox.model import Sandbox, SandboxDraft
from chalicelib.sandbox.profile import of_e2b
from chalicelib.sandbox.service import SandboxService
from chalicelib.storage.keys import Space
from chalicelib.wiring import Services
from tests.support.patience import PATIENCE

SPACE = Space(new_id())


@pytest.fixture
def sandboxes(services: Services) -> Iterator[SandboxService]:
    yield services.sandboxes
    services.close()


@pytest.fixture
def sandbox(sandboxes: SandboxService) -> Sandbox:
    return sandboxes.create(SPACE, SandboxDraft("e2b", end_at=now_ms() + 600_000))


def boot_of(sandboxes: SandboxService, sandbox: Sandbox) -> str:
    return sandboxes.live(SPACE, sandbox.id).boot


def answers(sandboxes: SandboxService, sandbox: Sandbox) -> bool:
    """Whether the computer answers as it is, without anybody letting it go on."""
    live = sandboxes._computers.known(sandboxes.get(SPACE, sandbox.id))
    assert live is not None
    with live.client.open("GET", "/health", timeout=PATIENCE) as answer:
        return answer.status_code < 300


@pytest.mark.parametrize("memory", [True, False])
def test_who_resumes_while_files_are_stored_keeps_the_computer(
    sandboxes: SandboxService, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, memory: bool
) -> None:
    boot, stored, woken = boot_of(sandboxes, sandbox), Event(), Event()

    def slowly(*_: object) -> None:
        stored.set()
        assert woken.wait(PATIENCE)

    monkeypatch.setattr(sandboxes, "_stored", slowly)
    with ThreadPoolExecutor(1) as pool:
        paused = pool.submit(sandboxes.pause, SPACE, sandbox.id, memory=memory)
        assert stored.wait(PATIENCE)
        found, was_running = sandboxes.resume(SPACE, sandbox.id, end_at=now_ms() + 60_000)
        assert (found.state, was_running) == ("running", False)
        woken.set()
        assert paused.result(PATIENCE)
    assert sandboxes.get(SPACE, sandbox.id).computer is not None
    assert answers(sandboxes, sandbox)
    assert boot_of(sandboxes, sandbox) == boot


def in_between(monkeypatch: pytest.MonkeyPatch, host: Any, name: str, work: Callable[[], object]) -> None:
    """Have something done right before a host does what it is asked, once."""
    really, done = getattr(host, name), Event()

    def late(*given: Any) -> Any:
        if not done.is_set():
            done.set()
            work()
        return really(*given)

    monkeypatch.setattr(host, name, late)


def test_who_resumes_right_before_the_computer_is_frozen_finds_it_at_work(
    sandboxes: SandboxService, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    resume = lambda: sandboxes.resume(SPACE, sandbox.id, end_at=now_ms() + 60_000)  # noqa: E731
    in_between(monkeypatch, sandboxes._computers._host, "freeze", resume)
    assert sandboxes.pause(SPACE, sandbox.id)
    assert sandboxes.get(SPACE, sandbox.id).state == "running"
    assert answers(sandboxes, sandbox)


def test_who_pauses_right_before_the_computer_is_thawed_finds_it_frozen(
    sandboxes: SandboxService, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    sandboxes.pause(SPACE, sandbox.id)
    # Nothing can be stored before the computer goes on, which waits for this.
    monkeypatch.setattr(sandboxes, "_stored", lambda *_: None)
    in_between(monkeypatch, sandboxes._computers._host, "thaw", lambda: sandboxes.pause(SPACE, sandbox.id))
    with pytest.raises(SandboxPaused):
        sandboxes.resume(SPACE, sandbox.id, end_at=now_ms() + 60_000)
    computer = sandboxes.get(SPACE, sandbox.id).computer
    assert computer is not None
    assert sandboxes._computers._host.condition(computer.handle) == "frozen"


def test_what_is_used_while_the_clock_stores_it_is_not_frozen(
    sandboxes: SandboxService, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sandboxes._computers._profiles, "session", of_e2b)
    made = sandboxes.ensure(SPACE, SandboxDraft("session"))
    boot_of(sandboxes, made)
    monkeypatch.setattr(sandboxes, "_stored", lambda *_: sandboxes.live(SPACE, made.id, 3_600_000))
    with monkeypatch.context() as patch:
        for module in ("service", "computers"):
            patch.setattr(f"chalicelib.sandbox.{module}.now_ms", lambda: now_ms() + 1_000_000)
        assert sandboxes.sweep() == 1
    found = sandboxes.get(SPACE, made.id).computer
    assert found is not None
    assert not found.frozen


def test_the_later_end_holds_when_two_resume_at_once(
    sandboxes: SandboxService, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    later, sooner = now_ms() + 600_000, now_ms() + 30_000
    sandboxes.pause(SPACE, sandbox.id)
    first = sandboxes._settled

    def overtaken(space: Space, found: Sandbox) -> Sandbox:
        monkeypatch.setattr(sandboxes, "_settled", first)
        assert sandboxes.resume(SPACE, sandbox.id, end_at=later)[1] is False
        return first(space, found)

    monkeypatch.setattr(sandboxes, "_settled", overtaken)
    found, was_running = sandboxes.resume(SPACE, sandbox.id, end_at=sooner)
    assert (was_running, found.end_at) == (True, later)


def test_who_starts_it_anew_ends_no_computer_that_was_resumed_meanwhile(
    sandboxes: SandboxService, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    boot = boot_of(sandboxes, sandbox)
    sandboxes.pause(SPACE, sandbox.id)
    first = sandboxes._settled

    def overtaken(space: Space, found: Sandbox) -> Sandbox:
        monkeypatch.setattr(sandboxes, "_settled", first)
        sandboxes.resume(SPACE, sandbox.id, end_at=now_ms() + 60_000)
        return first(space, found)

    monkeypatch.setattr(sandboxes, "_settled", overtaken)
    sandboxes.resume(SPACE, sandbox.id, end_at=now_ms() + 60_000, memory=False)
    assert boot_of(sandboxes, sandbox) == boot


def test_of_two_who_pause_one_did(sandboxes: SandboxService, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    really = sandboxes._store.change

    def overtaken(*given: Any) -> Sandbox:
        monkeypatch.setattr(sandboxes._store, "change", really)
        assert sandboxes.pause(SPACE, sandbox.id)
        return really(*given)

    monkeypatch.setattr(sandboxes._store, "change", overtaken)
    assert not sandboxes.pause(SPACE, sandbox.id)


def test_files_are_stored_as_long_as_the_computer_is_not_frozen(
    sandboxes: SandboxService, sandbox: Sandbox, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    live = sandboxes.live(SPACE, sandbox.id)
    stored = sandboxes._stored

    def then_more(space: Space, found: Sandbox) -> None:
        stored(space, found)
        content = {"path": "late.txt"}
        with live.client.open("POST", "/files", params=content, files={"file": b"late"}) as answer:
            assert answer.status_code == 200
        sandboxes.sync(SPACE, sandbox.id)

    monkeypatch.setattr(sandboxes, "_stored", then_more)
    sandboxes.pause(SPACE, sandbox.id)
    assert "/workspace/late.txt" in services.workspaces.tree(SPACE, sandbox.id).entries
    with pytest.raises(SandboxPaused):
        sandboxes.sync(SPACE, sandbox.id)
