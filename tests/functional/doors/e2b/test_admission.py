"""Who may ask a sandbox, and how its absence is told."""

import hashlib
import json
import time
from base64 import b64encode
from urllib.parse import urlencode

import pytest

from chalicelib.core.ids import new_id
from chalicelib.tenants.model import Status
from tests.functional.doors.e2b.conftest import Plane
from tests.functional.doors.e2b.standins import Told

STAT = "/filesystem.Filesystem/Stat"


def signed(plane: Plane, path: str, operation: str = "read", seconds: int | None = None) -> str:
    parts = [path, operation, "", plane.sandboxes.token(plane.sandboxes.one)]
    query = {"path": path}
    if seconds is not None:
        query["signature_expiration"] = str(int(time.time()) + seconds)
        parts.append(query["signature_expiration"])
    digest = hashlib.sha256(":".join(parts).encode()).digest()
    return "/files?" + urlencode(query | {"signature": "v1_" + b64encode(digest).decode().rstrip("=")})


def test_the_token_admits_and_does_not_go_in(plane: Plane) -> None:
    plane.guest.script = [Told([b'{"entry":{}}'])]
    reply = plane.ask("POST", STAT, {"path": "/workspace"}, authorization="Basic dXNlcjo=")
    assert (reply.status, reply.json) == (200, {"entry": {}})
    asked = plane.guest.asked[0]
    assert (asked.path, json.loads(asked.body)) == (STAT, {"path": "/workspace"})
    assert asked.headers["authorization"] == "Basic dXNlcjo="
    assert not {"x-access-token", "e2b-sandbox-id", "x-api-key"} & set(asked.headers)


@pytest.mark.parametrize("token", ["", "wrong", "0" * 96])
def test_another_token_is_refused_and_nothing_goes_in(plane: Plane, token: str) -> None:
    for reply in (plane.ask("POST", STAT, {}, x_access_token=token), plane.ask("GET", "/files", x_access_token=token)):
        assert reply.status == 401
        assert reply.json["code"] == 401
    assert plane.guest.asked == []


def test_no_token_is_refused_and_no_sandbox_is_an_error(plane: Plane) -> None:
    one = plane.sandboxes.one.id
    assert plane.site.ask("POST", STAT, {}, key=None, e2b_sandbox_id=one).status == 401
    assert plane.site.ask("POST", STAT, {}, key=None).status == 400


@pytest.mark.parametrize("named", ["0e7ad46c-7a70-4b6e-9b8e-2f1d7f7f0a11", "debug_sandbox_id", ""])
@pytest.mark.parametrize("path", ["/health", "/files?path=a", "/process.Process/List"])
def test_a_sandbox_that_is_not_there_is_told_in_its_own_words(plane: Plane, named: str, path: str) -> None:
    method = "POST" if "Process" in path else "GET"
    reply = plane.ask(method, path, e2b_sandbox_id=named)
    assert (reply.status, reply.json) == (
        502,
        {"sandboxId": named, "message": "The sandbox was not found", "code": 502},
    )


def test_a_paused_sandbox_is_told_in_the_same_words(plane: Plane) -> None:
    plane.sandboxes.pause()
    for method, path in (("GET", "/health"), ("POST", STAT), ("GET", "/files?path=/a")):
        reply = plane.ask(method, path)
        assert reply.status == 502
        assert reply.json["message"] == "The sandbox was not found"


@pytest.mark.parametrize("status", ["suspended", "closed"])
def test_the_sandboxes_of_a_tenant_that_is_not_served_are_away(plane: Plane, status: Status) -> None:
    plane.services.status = status
    token, url = plane.sandboxes.token(plane.sandboxes.one), signed(plane, "/workspace/a")
    replies = [plane.ask(method, path) for method, path in (("GET", "/health"), ("POST", STAT), ("GET", "/files"))]
    replies += [plane.site.ask("POST", STAT, {}, key=None, x_access_token=token), plane.site.ask("GET", url, key=None)]
    assert {(reply.status, reply.json["message"]) for reply in replies} == {(502, "The sandbox was not found")}
    assert plane.guest.asked == []


def test_health_is_the_sandboxes_when_one_is_named_and_the_servers_else(plane: Plane) -> None:
    one = plane.sandboxes.one.id
    assert plane.site.ask("GET", "/health", key=None, e2b_sandbox_id=one).status == 204
    assert plane.site.ask("GET", "/health", key=None, host=f"49983-{one}.example.com").status == 204
    assert plane.site.ask("GET", "/health", key=None).json["status"] == "ok"
    assert plane.guest.asked == []


def test_a_host_leads_to_the_sandbox(plane: Plane) -> None:
    plane.guest.script = [Told([b"content"], headers={"content-type": "text/plain"})]
    one = plane.sandboxes.one
    token = plane.sandboxes.token(one)
    host = f"49983-{one.id}.example.com"
    reply = plane.site.ask("GET", "/files?path=/a", key=None, host=host, x_access_token=token)
    assert (reply.status, reply.body) == (200, b"content")


def test_a_signature_admits_to_its_own_path_with_and_without_a_name(plane: Plane) -> None:
    url = signed(plane, "/workspace/a b")
    for named in ({}, {"e2b_sandbox_id": plane.sandboxes.one.id}):
        plane.guest.script = [Told([b"content"])]
        assert plane.site.ask("GET", url, key=None, **named).body == b"content"
    assert {one.path for one in plane.guest.asked} == {"/files?path=%2Fworkspace%2Fa+b"}
    plane.guest.script = [Told([b"[]"])]
    upload = signed(plane, "/workspace/x", "write", 60)
    assert plane.site.ask("POST", upload, b"data", key=None, content_type="application/octet-stream").status == 200
    assert plane.guest.asked[-1].body == b"data"


def test_a_signature_is_worth_nothing_when_changed_late_or_for_something_else(plane: Plane) -> None:
    url = signed(plane, "/workspace/a")
    expired = signed(plane, "/workspace/a", seconds=-5)
    altered = url.replace("workspace%2Fa", "workspace%2Fb")
    longer = signed(plane, "/workspace/a", seconds=5).replace("signature_expiration=1", "signature_expiration=2")
    for refused in (expired, altered, longer, url + "&username=root"):
        assert plane.site.ask("GET", refused, key=None).status == 401
        assert plane.site.ask("GET", refused, key=None, e2b_sandbox_id=plane.sandboxes.one.id).status == 401
    assert plane.site.ask("POST", url, b"x", key=None, content_type="application/octet-stream").status == 401
    assert plane.site.ask("GET", url, key=None, x_access_token="wrong").status in (400, 401)
    assert plane.site.ask("GET", url, key=None, e2b_sandbox_id=new_id()).status == 502
    assert plane.guest.asked == []


def test_what_can_be_nobodys_signature_makes_nobody_look(plane: Plane) -> None:
    for refused in ("/files?path=a&signature=wrong", signed(plane, "/workspace/a", seconds=-5)):
        assert plane.site.ask("GET", refused, key=None).status == 401
    assert plane.sandboxes.read == 0


def test_a_token_alone_finds_its_sandbox(plane: Plane) -> None:
    plane.guest.script = [Told([b"{}"])]
    token = plane.sandboxes.token(plane.sandboxes.one)
    assert plane.site.ask("POST", STAT, {}, key=None, x_access_token=token).status == 200
    assert plane.site.ask("GET", "/health", key=None, x_access_token=token).status == 204
    for wrong in ("wrong", token[:-1] + "b"):
        assert plane.site.ask("POST", STAT, {}, key=None, x_access_token=wrong).status == 401
    assert plane.site.ask("GET", "/health", key=None, x_access_token="wrong").status == 401
    assert plane.sandboxes.read == 0
    assert len(plane.guest.asked) == 1


def test_the_last_of_two_paths_is_signed_and_read(plane: Plane) -> None:
    plane.guest.script = [Told([b"content"])]
    url = signed(plane, "/workspace/a").replace("/files?", "/files?path=/etc/passwd&")
    assert plane.site.ask("GET", url, key=None).status == 200
    assert plane.guest.asked[0].path == "/files?path=%2Fworkspace%2Fa"
