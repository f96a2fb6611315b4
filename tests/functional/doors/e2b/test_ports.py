"""Requests to what listens in a sandbox, behind a real server."""

from dataclasses import replace
from typing import Any

import pytest

from chalicelib.core.ids import new_id
from tests.functional.doors.e2b.conftest import Plane
from tests.functional.doors.e2b.standins import Told
from tests.functional.http.client import Reply

MARK = {"x-answered-inside": "1"}


def visit(plane: Plane, path: str = "/", body: Any = None, *, method: str = "GET", **headers: str) -> Reply:
    host = f"3000-{plane.sandboxes.one.id}.example.com"
    return plane.site.ask(method, path, body, key=None, **{"host": host} | headers)


@pytest.mark.parametrize("path", ["/", "/health", "/files", "/v1/agents", "/deep/er"])
def test_whatever_the_path_it_is_asked_of_the_sandbox(plane: Plane, path: str) -> None:
    plane.guest.script = [Told([b"mine"], headers={"content-type": "text/html"} | MARK)]
    reply = visit(plane, path)
    assert (reply.status, reply.body, reply.headers["content-type"]) == (200, b"mine", "text/html")
    assert plane.guest.asked[0].path == f"/ports/3000{path}"


@pytest.mark.parametrize(
    "told",
    [Told(headers={"lambent-port": "closed"} | MARK), Told(status=501), Told(status=404)],
    ids=["closed", "on-the-way", "unknown"],
)
def test_a_closed_port_is_told_as_clients_read_it(plane: Plane, told: Told) -> None:
    plane.guest.script = [told]
    reply = visit(plane)
    assert (reply.status, reply.json["port"]) == (502, 3000)
    assert "port is not open" in reply.json["message"]


def test_an_error_of_its_own_is_passed_on_without_the_guests_marks(plane: Plane) -> None:
    plane.guest.script = [Told([b"mine"], status=502, headers={"lambent-other": "x"} | MARK)]
    reply = visit(plane)
    assert (reply.status, reply.body) == (502, b"mine")
    assert not {"x-answered-inside", "lambent-other"} & set(reply.headers)


def test_a_sandbox_that_is_gone_is_away(plane: Plane) -> None:
    gone = visit(plane, host=f"3000-{new_id()}.example.com")
    assert (gone.status, gone.json["message"]) == (502, "The sandbox was not found")


def test_a_sessions_sandbox_is_not_visited(plane: Plane) -> None:
    plane.sandboxes.one = replace(plane.sandboxes.one, origin="session")
    assert visit(plane).json["message"] == "The sandbox was not found"
    assert plane.guest.asked == []


def test_what_speaks_for_this_server_does_not_go_in(plane: Plane) -> None:
    plane.guest.script = [Told([b"ok"], headers=MARK)]
    visit(
        plane,
        authorization="Bearer theirs",
        cookie="a=1",
        lambent_host="elsewhere",
        lambent_port="1",
        x_aws_proxy_port="22",
        e2b_traffic_access_token="token",
        proxy_authorization="Basic eA==",
    )
    seen = plane.guest.asked[0].headers
    assert (seen["authorization"], seen["cookie"]) == ("Bearer theirs", "a=1")
    assert seen["lambent-host"] == f"3000-{plane.sandboxes.one.id}.example.com"
    assert not {"lambent-port", "x-aws-proxy-port", "e2b-traffic-access-token", "proxy-authorization"} & set(seen)


def test_what_breaks_off_inside_says_nothing_of_the_computer(plane: Plane) -> None:
    plane.guest.script = [Told(breaks=True)]
    reply = visit(plane)
    assert reply.status == 502
    assert "port is not open" in reply.json["message"]
    assert (len(plane.guest.asked), plane.sandboxes.doubted) == (1, 0)


def test_a_computer_that_cannot_be_reached_is_doubted(plane: Plane) -> None:
    plane.guest.path = "/nowhere/at/all"
    assert visit(plane).status == 502
    assert plane.sandboxes.doubted == 2
