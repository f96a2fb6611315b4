"""Lambda suspends MicroVMs that nobody asks anything; whichever process asks next finds them as they were."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from chalicelib.core.settings import Settings
from chalicelib.wiring import Services
from tests.fakes.microvms import MicrovmsFake
from tests.functional.sandbox.hosts.test_microvm import host_of
from tests.functional.sandbox.yards import Yard


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
