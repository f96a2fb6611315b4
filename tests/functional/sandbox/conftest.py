"""A tenant's sandboxes over real computers of this machine."""

from collections.abc import Callable, Iterator

import pytest

from chalicelib.core.settings import Settings
from chalicelib.wiring import Services
from tests.functional.sandbox.yards import Yard


@pytest.fixture
def yard(services: Services) -> Iterator[Yard]:
    yield Yard(services)
    services.close()


@pytest.fixture
def second(settings: Settings) -> Iterator[Callable[[Yard], Yard]]:
    """Another process over the same storage."""
    made: list[Services] = []

    def make(yard: Yard) -> Yard:
        made.append(Services(settings))
        return Yard(made[-1], yard.space)

    yield make
    for services in made:
        services.close()
