"""MicroVMs outlive whoever starts them: what dies in the middle of a start leaves nothing that runs on."""

import threading
from collections.abc import Callable, Iterator
from contextlib import suppress

import pytest

from chalicelib.core.ids import new_id
from chalicelib.core.settings import Settings
from chalicelib.sandbox import computers
from chalicelib.sandbox.errors import SandboxNotFound
from chalicelib.sandbox.hosts.base import SandboxError
from chalicelib.sandbox.model import SandboxDraft
from chalicelib.storage.keys import Space
from chalicelib.wiring import Services
from tests.fakes.microvms import MicrovmsFake
from tests.support.api import wait_for

Process = Callable[[], Services]


@pytest.fixture
def fake() -> Iterator[MicrovmsFake]:
    with MicrovmsFake() as running:
        yield running


@pytest.fixture
def process(settings: Settings, fake: MicrovmsFake, monkeypatch: pytest.MonkeyPatch) -> Iterator[Process]:
    """Makes processes over the same storage, whose sandboxes are MicroVMs."""
    monkeypatch.setenv("LAMBENT_MICROVM_IMAGE", fake.add_image("sandbox").arn)
    monkeypatch.setenv("AWS_ENDPOINT_URL_LAMBDA_MICROVMS", fake.url)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "id")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    made: list[Services] = []

    def make() -> Services:
        made.append(Services(settings))
        return made[-1]

    yield make
    for services in made:
        services.close()


def _die(monkeypatch: pytest.MonkeyPatch) -> None:
    """As a process that hangs for good: it does not say again that it is at it."""
    monkeypatch.setattr(computers, "_CLAIM_MS", 500)
    monkeypatch.setattr(computers, "_BEAT_SECONDS", 3600)


def hanging(fake: MicrovmsFake, starter: Services, space: Space, sandbox_id: str) -> threading.Thread:
    """A start that has its machine and does not come to an end."""
    fake.first_answers = [502] * 1000
    starter.sandboxes.ensure(space, SandboxDraft("e2b", sandbox_id=sandbox_id))

    def start() -> None:
        with suppress(SandboxError, SandboxNotFound):
            starter.sandboxes.live(space, sandbox_id)

    thread = threading.Thread(target=start)
    thread.start()
    wait_for(lambda: fake.machines and fake.count("token") > 0, "the machine is asked for its box")
    fake.first_answers = []
    return thread


def test_the_clock_ends_what_a_start_left(
    fake: MicrovmsFake, process: Process, monkeypatch: pytest.MonkeyPatch
) -> None:
    _die(monkeypatch)
    space, sandbox_id, clock = Space(new_id()), new_id(), process()
    thread = hanging(fake, process(), space, sandbox_id)
    (machine,) = fake.machines.values()
    wait_for(lambda: clock.sandboxes.sweep() and machine.state.startswith("TERMINAT"), "the clock ends the machine")
    thread.join()


def test_whoever_starts_it_next_ends_what_is_left(
    fake: MicrovmsFake, process: Process, monkeypatch: pytest.MonkeyPatch
) -> None:
    _die(monkeypatch)
    space, sandbox_id = Space(new_id()), new_id()
    thread = hanging(fake, process(), space, sandbox_id)
    (left,) = fake.machines.values()
    live = process().sandboxes.live(space, sandbox_id)
    assert live.sandbox.boots == 2
    fake.wait(left.id, "TERMINATED")
    thread.join()
    assert len(fake.machines) == 2


def test_a_sandbox_that_is_removed_while_it_starts_leaves_nothing(fake: MicrovmsFake, process: Process) -> None:
    space, sandbox_id = Space(new_id()), new_id()
    thread = hanging(fake, process(), space, sandbox_id)
    (left,) = fake.machines.values()
    assert process().sandboxes.kill(space, sandbox_id)
    fake.wait(left.id, "TERMINATED")
    thread.join()
