"""The data plane behind a real server, before a guest that does as it is told."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from chalicelib.doors import common, e2b
from chalicelib.http.app import create_app
from chalicelib.http.gateway import gateway_of
from tests.functional.doors.e2b.standins import Guest, Sandboxes, StandIns
from tests.functional.http.client import Reply, Site, running


@dataclass
class Plane:
    """The server, the guest, and the one sandbox there is."""

    site: Site
    guest: Guest
    sandboxes: Sandboxes
    services: StandIns

    @property
    def admission(self) -> dict[str, str]:
        one = self.sandboxes.one
        return {"e2b_sandbox_id": one.id, "x_access_token": self.sandboxes.token(one)}

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> Reply:
        return self.site.ask(method, path, body, key=None, **self.admission | headers)


@pytest.fixture(scope="session")
def plane_site() -> Iterator[Site]:
    with Guest() as guest:
        services = StandIns(guest)
        with running(create_app(services, (common.DOOR, e2b.DOOR)), services) as found:  # type: ignore[arg-type]
            yield found


@pytest.fixture
def plane(plane_site: Site) -> Iterator[Plane]:
    with Guest() as guest:
        services = gateway_of(plane_site.app).services = StandIns(guest)  # type: ignore[assignment]
        yield Plane(plane_site, guest, services.sandboxes, services)
