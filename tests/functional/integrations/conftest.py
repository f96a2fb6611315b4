"""A tenant with an agent published at Linear, in two processes over one storage, and nobody who works."""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from chalicelib.agents.draft import AgentCreate
from chalicelib.agents.policy import PLAIN
from chalicelib.environments import service as environments
from chalicelib.environments.draft import EnvironmentCreate
from chalicelib.integrations.drafts import Persona, PublicationCreate
from chalicelib.integrations.model import Grant, Installation, Installed, Publication
from chalicelib.storage.keys import Space
from chalicelib.wiring import Services
from tests.fakes.providers import FakeProviders


@dataclass
class Bureau:
    """What a test needs of it."""

    services: Services
    other: Services
    fake: FakeProviders
    space: Space
    publication: Publication
    installation: Installation


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeProviders]:
    """The providers, in the environment of the processes."""
    with FakeProviders() as running:
        for name, value in running.env("linear").items():
            monkeypatch.setenv(name, value)
        yield running


@pytest.fixture
def bureau(fake: FakeProviders, services: Services, other_process: Services) -> Bureau:
    """The published agent; its access token has ended."""
    tenant, _ = services.tenants.create("Test")
    space = Space(tenant.id)
    agent = services.agents.create(space, AgentCreate(name="Test", model="claude-test", tools=[]), PLAIN)
    environment = services.environments.create(space, EnvironmentCreate(name="Test"), environments.PLAIN)
    account = fake.account("linear")
    fake.expires_in = 3600
    told = fake.token(account, refreshable=True)
    grant = Grant(told["access_token"], told["refresh_token"], 1)
    installed = Installed(account, "Acme", "app-user", grant)
    installation = services.integrations.installs.keep(space, "linear", installed, "")
    sent = PublicationCreate(agent_id="-", environment_id="-", persona=Persona(name="Robin"))
    named = (agent.id, environment.id, installation.id)
    made = services.integrations.publications.create(space, "linear", sent, named, created_by="ak_1")
    return Bureau(services, other_process, fake, space, made, installation)
