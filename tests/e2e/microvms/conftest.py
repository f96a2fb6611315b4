"""A running server whose sandboxes are Lambda MicroVMs, by boto3 against the API's stand-in."""

from collections.abc import Iterator

import pytest

from tests.e2e.e2b.conftest import create, options, sandbox
from tests.fakes.microvms import MicrovmsFake
from tests.fakes.model_server import FakeModel
from tests.support.server import Server

__all__ = ["create", "options", "sandbox"]


@pytest.fixture(scope="package")
def microvms() -> Iterator[MicrovmsFake]:
    """The account's MicroVMs."""
    with MicrovmsFake() as fake:
        fake.add_image("sandbox")
        yield fake


@pytest.fixture(scope="package")
def server(shared_model: FakeModel, microvms: MicrovmsFake) -> Iterator[Server]:
    """It knows nothing but the API's address, an image and keys."""
    env = {
        "ANTHROPIC_BASE_URL": shared_model.url,
        "ANTHROPIC_API_KEY": "provider-key",
        "LAMBENT_MODEL_BACKOFF_MS": "20",
        "LAMBENT_MICROVM_IMAGE": next(iter(microvms.images)),
        "AWS_ENDPOINT_URL_LAMBDA_MICROVMS": microvms.url,
        "AWS_REGION": microvms.region,
        "AWS_ACCESS_KEY_ID": "id",
        "AWS_SECRET_ACCESS_KEY": "secret",
    }
    with Server(env) as running:
        yield running
