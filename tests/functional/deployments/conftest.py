"""A tenant of each test."""

import pytest

from chalicelib.core.settings import Settings
from chalicelib.wiring import Services
from tests.functional.deployments.site import Site


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """Without jitter, so that moments are what the expression says."""
    from dataclasses import replace

    return replace(settings, schedule_jitter=False)


@pytest.fixture
def site(services: Services) -> Site:
    """A tenant with an agent and an environment."""
    return Site(services)
