"""The hosts whose promises are tested: one factory each, by name."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import boto3
import pytest
from botocore.config import Config

from chalicelib.sandbox.box.settings import BoxSettings
from chalicelib.sandbox.hosts.base import Host
from chalicelib.sandbox.hosts.local import LocalHost
from chalicelib.sandbox.hosts.microvm import MicrovmHost
from chalicelib.sandbox.settings import MicrovmSettings, SandboxSettings
from tests.fakes.microvms import MicrovmsFake
from tests.functional.sandbox.box.inside import isolated, passable


@contextmanager
def local() -> Iterator[Host]:
    """Isolated boxes of this machine, with a scratch directory of their own."""
    with passable() as scratch:
        host = LocalHost(isolated(BoxSettings(scratch=scratch)))
        try:
            yield host
        finally:
            host.close()


@contextmanager
def plain() -> Iterator[Host]:
    """Boxes without isolation: what does not depend on it has to hold there too."""
    with passable() as scratch:
        host = LocalHost(BoxSettings(mode="unsafe-process", scratch=scratch))
        try:
            yield host
        finally:
            host.close()


@contextmanager
def microvm() -> Iterator[Host]:
    """MicroVMs of the API's stand-in, with the same boxes in them."""
    with MicrovmsFake() as fake:
        client = boto3.client(
            "lambda-microvms",
            endpoint_url=fake.url,
            region_name=fake.region,
            aws_access_key_id="id",
            aws_secret_access_key="secret",
            config=Config(retries={"mode": "standard", "total_max_attempts": 1}),
        )
        settings = SandboxSettings(microvm=MicrovmSettings(image=fake.add_image("sandbox").arn))
        host = MicrovmHost(lambda: client, settings)
        try:
            yield host
        finally:
            host.close()
            client.close()


FACTORIES: dict[str, Callable[[], AbstractContextManager[Host]]] = {
    "local": local,
    "microvm": microvm,
    "plain": plain,
}


@pytest.fixture(scope="module", params=sorted(FACTORIES))
def host(request: pytest.FixtureRequest) -> Iterator[Host]:
    """Each host in turn, one for all tests of a module."""
    with FACTORIES[request.param]() as one:
        yield one
