"""The test door behind a real server, one for all tests of a process."""

from collections.abc import Iterator

import pytest

from chalicelib.doors import common
from chalicelib.http.app import create_app
from chalicelib.http.gateway import gateway_of
from tests.functional.http.client import Site, running
from tests.functional.http.standins import DOOR, StandIns


@pytest.fixture(scope="session")
def server() -> Iterator[Site]:
    services = StandIns()
    with running(create_app(services, (common.DOOR, DOOR)), services) as found:
        yield found


@pytest.fixture
def site(server: Site) -> Site:
    """The server, with services nobody has used yet."""
    server.services = gateway_of(server.app).services = StandIns()
    return server


@pytest.fixture
def own_site() -> Iterator[Site]:
    """A server of the test's own, to be stopped."""
    services = StandIns()
    with running(create_app(services, (common.DOOR, DOOR)), services) as found:
        yield found
