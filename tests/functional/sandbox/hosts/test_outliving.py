"""MicroVMs outlive processes: whichever comes next finds them as they were, or ends what was never brought up."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from chalicelib.core.settings import Settings
from chalicelib.sandbox import computers as computers_module
from chalicelib.sandbox import store as store_module
from chalicelib.sandbox.model import SandboxDraft
from chalicelib.wiring import Services
from tests.fakes.microvms import MicrovmsFake
from tests.functional.sandbox.hosts.test_microvm import host_of
from tests.functional.sandbox.yards import Yard
from tests.support.mortal import Died, dying


@pytest.fixture
def fake() -> Iterator[MicrovmsFake]:
    with MicrovmsFake() as running:
        running.add_image("sandbox")
        yield running


@contextmanager
def process(fake: MicrovmsFake, settings: Settings, yard: Yard | None = None) -> Iterator[Yard]:
    """A process of an installation whose computers are MicroVMs."""
    services = Services(settings)
    with host_of(fake) as host:
        services.sandboxes._computers._host = host
        yield Yard(services) if yard is None else Yard(services, yard.space)
        services.close()


def test_one_whose_starter_died_ends_with_the_next_start_or_the_sandbox(
    fake: MicrovmsFake, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(computers_module, "_CLAIM_MS", 100)
    monkeypatch.setattr(store_module, "_LEFT_MS", -1)
    with process(fake, settings) as yard:
        for left in range(2, 5):
            made = yard.services.sandboxes.ensure(yard.space, SandboxDraft("e2b"))
            _die_starting(fake, settings, yard, made.id, left)
            (begun,) = _running(fake)
            if left % 2:
                assert yard.run(made.id, "echo up") == (0, "up\n")
                assert begun not in _running(fake)
                assert len(_running(fake)) == 1
            assert yard.services.sandboxes.kill(yard.space, made.id)
            assert _running(fake) == []


def _die_starting(fake: MicrovmsFake, settings: Settings, yard: Yard, sandbox_id: str, left: int) -> None:
    """A process that dies after so many writes, and ends nothing then."""
    services = dying(settings, left)
    with host_of(fake) as host:
        host.stop = lambda handle: None  # type: ignore[method-assign]
        services.sandboxes._computers._host = host
        with pytest.raises(Died):
            services.sandboxes.live(yard.space, sandbox_id)


def _running(fake: MicrovmsFake) -> list[str]:
    return [one.id for one in fake.machines.values() if one.state not in ("TERMINATING", "TERMINATED")]


def test_one_that_lambda_suspended_goes_on_for_a_process_that_does_not_know_it(
    fake: MicrovmsFake, settings: Settings
) -> None:
    with process(fake, settings) as yard:
        made = yard.create()
        _, pid = yard.run(made.id, "sleep 300 & echo $!")
        (machine,) = fake.machines.values()
        machine.suspend()
        fake.wait(machine.id, "SUSPENDED")
        with process(fake, settings, yard) as other:
            assert other.run(made.id, f"kill -0 {pid.strip()}; echo $?") == (0, "0\n")
            assert list(fake.machines) == [machine.id]
            assert other.services.sandboxes.kill(yard.space, made.id)
        fake.wait(machine.id, "TERMINATED")
