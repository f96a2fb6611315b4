"""One server and one scripted model for each test process; every test has a tenant of its own."""

from collections.abc import Iterator

import pytest

from tests.fakes.model_server import FakeModel
from tests.fakes.providers import FakeProviders
from tests.support.api import Api
from tests.support.server import Server


@pytest.fixture(scope="session")
def shared_model() -> Iterator[FakeModel]:
    """The scripted model."""
    with FakeModel() as fake:
        yield fake


@pytest.fixture(scope="module")
def shared_provider() -> Iterator[FakeModel]:
    """A provider that the server knows nothing of."""
    with FakeModel() as fake:
        yield fake


@pytest.fixture
def provider(shared_provider: FakeModel) -> FakeModel:
    """An address of the tenant's own choice; the server's models live elsewhere."""
    shared_provider.reset()
    return shared_provider


@pytest.fixture(scope="session")
def providers() -> Iterator[FakeProviders]:
    """Where the server's apps live."""
    with FakeProviders() as fake:
        yield fake


@pytest.fixture(scope="session")
def server(shared_model: FakeModel, providers: FakeProviders) -> Iterator[Server]:
    """A running server whose models are the scripted one, on both wires."""
    env = {
        "ANTHROPIC_BASE_URL": shared_model.url,
        "ANTHROPIC_API_KEY": "provider-key",
        "OPENAI_BASE_URL": shared_model.openai_url,
        "OPENAI_API_KEY": "provider-key",
        "LAMBENT_MODEL_BACKOFF_MS": "20",
        "LAMBENT_SCHEDULE_JITTER": "false",
        **providers.env(),
    }
    with Server(env) as running:
        providers.callback = running.url
        yield running


@pytest.fixture
def model(shared_model: FakeModel) -> FakeModel:
    """The scripted model, forgetful of earlier tests."""
    shared_model.reset()
    return shared_model


@pytest.fixture
def key(server: Server) -> str:
    """A tenant of this test alone."""
    return server.tenant()


@pytest.fixture
def api(server: Server, key: str) -> Iterator[Api]:
    """A plain client."""
    client = Api(server.url, key)
    yield client
    client.close()


@pytest.fixture
def sdk_api(server: Server, key: str) -> Iterator[Api]:
    """A client that marks itself as an SDK does; same tenant as ``api``."""
    client = Api(server.url, key, sdk=True)
    yield client
    client.close()
