"""What the tests of the laws share: settings of servers of their own, and a tool endpoint for each test."""

from collections.abc import Iterator

import pytest

from tests.fakes.model_server import FakeModel
from tests.support.endpoint import Endpoint

PROVIDER_KEY = "provider-key-of-the-laws"


def model_env(model: FakeModel, **more: str) -> dict[str, str]:
    """The environment of a server whose models are the scripted one."""
    return {
        "ANTHROPIC_BASE_URL": model.url,
        "ANTHROPIC_API_KEY": PROVIDER_KEY,
        "OPENAI_BASE_URL": model.openai_url,
        "OPENAI_API_KEY": PROVIDER_KEY,
        "LAMBENT_MODEL_BACKOFF_MS": "20",
        **more,
    }


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    """An HTTP tool of somebody else."""
    with Endpoint() as running:
        yield running
