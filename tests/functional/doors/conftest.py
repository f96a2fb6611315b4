"""The managed door behind a real server, for one test, with clients of every kind."""

from collections.abc import Callable, Iterator

import pytest
from anthropic import Anthropic

from chalicelib.doors import all_doors
from chalicelib.http.app import create_app
from chalicelib.models.registry import Registry
from chalicelib.models.settings import ModelSettings
from chalicelib.wiring import Services
from tests.functional.conftest import ROOT_KEY
from tests.functional.http.client import running
from tests.support.api import Api

DIALECTS = ("older", "newer")


@pytest.fixture
def url(services: Services) -> Iterator[str]:
    """The server's address."""
    services.__dict__["models"] = Registry(ModelSettings.from_env({"ANTHROPIC_API_KEY": "provider-key"}))
    with running(create_app(services, all_doors()), services) as site:
        yield f"http://127.0.0.1:{site.port}"


@pytest.fixture
def root(url: str) -> Iterator[Api]:
    """The operator."""
    client = Api(url, ROOT_KEY)
    yield client
    client.close()


@pytest.fixture
def new_key(root: Api) -> Callable[[], str]:
    """Makes a tenant; its key."""
    return lambda: str(root.post("/admin/tenants", name="Acme")["api_key"]["key"])


@pytest.fixture
def key(new_key: Callable[[], str]) -> str:
    """The key of the test's tenant."""
    return new_key()


@pytest.fixture
def plain(url: str, key: str) -> Iterator[Api]:
    """A client without SDK headers."""
    client = Api(url, key)
    yield client
    client.close()


@pytest.fixture
def raw_sdk(url: str, key: str) -> Iterator[Api]:
    """A client with SDK headers that shows statuses and bodies."""
    client = Api(url, key, sdk=True)
    yield client
    client.close()


@pytest.fixture(params=DIALECTS)
def sdk(request: pytest.FixtureRequest, url: str, key: str) -> Iterator[Anthropic]:
    """The official SDK, checking answers strictly: as it is, and with the headers and query of its older majors."""
    common = {"base_url": url, "max_retries": 0, "_strict_response_validation": True}
    if request.param == "newer":
        client = Anthropic(api_key=key, **common)  # type: ignore[arg-type]
    else:
        client = Anthropic(
            api_key=key,
            default_headers={"x-api-key": key, "authorization": "Bearer wrong", "anthropic-version": "2023-06-01"},
            default_query={"beta": "true"},
            **common,  # type: ignore[arg-type]
        )
    with client:
        yield client
