"""Official clients of one tenant, a small web of the test's own, and servers with settings of their own."""

from collections.abc import Callable, Iterator
from pathlib import Path

import httpx2
import pytest
from anthropic import Anthropic

from tests.e2e.anthropic_sdk.helpers import Watch, earlier_dialect, official
from tests.e2e.anthropic_sdk.site import Site
from tests.fakes.model_server import FakeModel
from tests.support.server import Server


@pytest.fixture
def client(server: Server, key: str) -> Iterator[Anthropic]:
    """The official client as it is, refusing every answer that does not fit its types."""
    with official(server.url, key) as made:
        yield made


@pytest.fixture(params=["2026-10-21", "2023-06-01"])
def either(request: pytest.FixtureRequest, server: Server, key: str) -> Iterator[Anthropic]:
    """The official client, once in its own dialect and once in that of its earlier releases."""
    if request.param == "2026-10-21":
        with official(server.url, key) as made:
            yield made
        return
    with httpx2.Client(event_hooks={"request": [earlier_dialect]}) as transport:
        yield official(server.url, key, http_client=transport)


@pytest.fixture
def site() -> Iterator[Site]:
    """A local web server whose answers can be held back."""
    with Site() as running:
        yield running


@pytest.fixture
def watch() -> Iterator[Callable[..., Watch]]:
    """Opens streams that are closed when the test is over: ``watch(client, session_id, **options)``."""
    opened: list[Watch] = []

    def open_one(*where: object, **options: object) -> Watch:
        opened.append(Watch(*where, **options))  # type: ignore[arg-type]
        return opened[-1]

    yield open_one
    for one in opened:
        one.close()


def _provider(model: FakeModel) -> dict[str, str]:
    return {
        "ANTHROPIC_BASE_URL": model.url,
        "ANTHROPIC_API_KEY": "provider-key",
        "LAMBENT_MODEL_BACKOFF_MS": "20",
    }


@pytest.fixture(scope="session")
def busy_server(shared_model: FakeModel) -> Iterator[Server]:
    """Pings every second, and takes no file above one MiB."""
    with Server(_provider(shared_model) | {"LAMBENT_PING_SECONDS": "1", "LAMBENT_MAX_UPLOAD_MIB": "1"}) as running:
        yield running


@pytest.fixture
def lasting_server(shared_model: FakeModel, tmp_path: Path) -> Iterator[Server]:
    """Keeps its state over a restart and notices soon that a worker died."""
    env = {"LAMBENT_LEASE_SECONDS": "3", "LAMBENT_HEARTBEAT_SECONDS": "1"}
    with Server(_provider(shared_model) | env, state=tmp_path / "state") as running:
        yield running
