"""What goes to a guest and back, what is made durable first, and what breaks."""

import http.client
import json
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from chalicelib.http import sse
from chalicelib.storage.errors import StorageBusy
from chalicelib.tenants.model import Status, Tenant
from tests.functional.doors.e2b.conftest import Plane
from tests.functional.doors.e2b.standins import EXIT, LAST, START, Told, frame
from tests.functional.http.client import read_until
from tests.support.patience import PATIENCE

_UNKNOWN = [
    *("/process.Process/no-such", "/process.Process/%2e%2e", "/files/x", "/sandboxes/x/y"),
    # What clients' other classes ask for.
    *("/volumes", "/volumes/x", "/secrets", "/snapshots", "/v2/templates/x/builds/y", "/v3/templates"),
]
FRAMED = {"content-type": "application/connect+json"}
OUTPUT = frame({"event": {"data": {"stdout": "QQ=="}}})


def messages(body: bytes) -> list[tuple[int, Any]]:
    found = []
    while body:
        size = int.from_bytes(body[1:5], "big")
        found.append((body[0], json.loads(body[5 : 5 + size])))
        body = body[5 + size :]
    return found


def start(plane: Plane, told: Told) -> tuple[int, dict[str, str], bytes]:
    plane.guest.script = [told]
    reply = plane.ask("POST", "/process.Process/Start", frame({}), content_type=FRAMED["content-type"])
    return reply.status, reply.headers, reply.body


def test_a_stream_is_passed_on_with_exactly_its_type(plane: Plane) -> None:
    status, headers, body = start(plane, Told([START, OUTPUT + EXIT + LAST], headers=FRAMED))
    assert (status, headers["content-type"]) == (200, "application/connect+json")
    assert body == START + OUTPUT + EXIT + LAST


def test_what_is_there_is_shown_at_once_and_the_end_only_when_files_are_safe(plane: Plane) -> None:
    syncing, go_on = threading.Event(), threading.Event()

    def sync() -> None:
        syncing.set()
        assert go_on.wait(5)

    plane.sandboxes.on_sync = sync
    plane.guest.script = [Told([START, OUTPUT + EXIT + LAST], headers=FRAMED)]
    lines = [f"{name.replace('_', '-')}: {value}" for name, value in plane.admission.items()]
    head = "\n".join(["POST /process.Process/Start HTTP/1.1", "host: x", *lines, "content-length: 0", ""])
    with plane.site.raw(head) as connection:
        told = read_until(connection, b"QQ==")
        assert syncing.wait(5)
        connection.settimeout(0.2)
        with pytest.raises(TimeoutError):
            told += connection.recv(65536)
        assert b'"end"' not in told
        go_on.set()
        connection.settimeout(5)
        read_until(connection, b'"exitCode"')
    assert plane.sandboxes.synced == 1


def test_a_stream_that_breaks_off_ends_with_an_error(plane: Plane) -> None:
    for told in (Told([START, OUTPUT[:-3]], headers=FRAMED, breaks=True), Told([START], headers=FRAMED)):
        _, _, body = start(plane, told)
        assert [message for _, message in messages(body)] == [
            {"event": {"start": {"pid": 7}}},
            {"error": {"code": "unavailable", "message": "the connection to the sandbox was lost"}},
        ]
    assert plane.sandboxes.synced == 0


def test_an_end_whose_files_could_not_be_stored_is_not_told(plane: Plane) -> None:
    def busy() -> None:
        raise StorageBusy("again and again")

    plane.sandboxes.on_sync = busy
    _, _, body = start(plane, Told([START, EXIT, LAST], headers=FRAMED))
    assert [flag for flag, _ in messages(body)] == [0, 2]
    assert messages(body)[1][1]["error"]["code"] == "unavailable"


def test_frames_that_are_none_end_the_stream(plane: Plane) -> None:
    _, _, body = start(plane, Told([START, b"\xff\xff\xff\xff\xff\xff"], headers=FRAMED))
    assert messages(body)[-1][1]["error"]["code"] == "unavailable"


def test_an_error_before_a_stream_is_told_in_the_stream(plane: Plane) -> None:
    told = Told([b'{"code":"not_found","message":"no such process"}'], status=404)
    status, headers, body = start(plane, told)
    assert (status, headers["content-type"]) == (200, "application/connect+json")
    assert messages(body) == [(2, {"error": {"code": "not_found", "message": "no such process"}})]


def test_a_failure_that_is_no_error_of_the_guest_is_passed_on(plane: Plane) -> None:
    status, _, body = start(plane, Told([b"bad gateway"], status=502))
    assert (status, body) == (502, b"bad gateway")


def test_a_sandbox_is_not_idle_while_a_command_may_run(plane: Plane) -> None:
    plane.guest.script = [Told([START, EXIT, LAST], headers=FRAMED) for _ in range(2)] + [Told([b"{}"])]
    plane.ask("POST", "/process.Process/Start", frame({}), connect_timeout_ms="60000")
    assert plane.sandboxes.held_ms == 60_000
    plane.ask("POST", "/process.Process/Start", frame({}))
    assert plane.sandboxes.held_ms == 3_600_000
    plane.ask("POST", "/process.Process/List", {})
    assert plane.sandboxes.held_ms == 0


def test_a_stream_ends_when_its_tenant_is_not_served_any_more(plane: Plane, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sse, "LOOK_SECONDS", 0)
    told = Told([START, lambda: setattr(plane.services, "status", "suspended"), OUTPUT, OUTPUT], headers=FRAMED)
    with pytest.raises(http.client.IncompleteRead) as broken:
        start(plane, told)
    assert OUTPUT not in broken.value.partial


def test_input_ends_when_its_tenant_is_not_served_any_more(plane: Plane, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sse, "LOOK_SECONDS", 0)
    served = iter([True])
    monkeypatch.setattr(plane.services, "recent", lambda tenant: Tenant(tenant, "Test", _status(served), 1))
    plane.guest.script = [Told([b""], headers=FRAMED)]
    plane.ask("POST", "/process.Process/StreamInput", frame({"input": "late"}), content_type=FRAMED["content-type"])
    assert [one.body for one in plane.guest.asked] == [b""]


def _status(served: Iterator[bool]) -> Status:
    return "active" if next(served, False) else "suspended"


def test_a_client_that_goes_lets_the_guest_know(plane: Plane) -> None:
    gone = threading.Event()

    def until_gone() -> None:
        time.sleep(0.3)
        gone.set()

    plane.guest.script = [Told([START, until_gone, *[OUTPUT * 10_000] * 50], headers=FRAMED)]
    lines = [f"{name.replace('_', '-')}: {value}" for name, value in plane.admission.items()]
    head = "\n".join(["POST /process.Process/Start HTTP/1.1", "host: x", *lines, "content-length: 0", ""])
    with plane.site.raw(head) as connection:
        read_until(connection, b"start")
    assert gone.wait(5)
    assert plane.sandboxes.synced == 0


@pytest.mark.parametrize("method", ["MakeDir", "Move", "Remove"])
def test_changes_are_durable_before_they_are_answered(plane: Plane, method: str) -> None:
    plane.guest.script = [Told([b"{}"]), Told([b'{"code":"not_found","message":""}'], status=404)]
    assert plane.ask("POST", f"/filesystem.Filesystem/{method}", {"path": "/workspace/a"}).status == 200
    assert plane.sandboxes.synced == 1
    assert plane.ask("POST", f"/filesystem.Filesystem/{method}", {"path": "/workspace/a"}).status == 404
    assert plane.sandboxes.synced == 1


@pytest.mark.parametrize("path", ["/filesystem.Filesystem/Stat", "/process.Process/List", "/process.Process/SendInput"])
def test_what_changes_no_files_is_not_held_up(plane: Plane, path: str) -> None:
    plane.guest.script = [Told([b"{}"])]
    assert plane.ask("POST", path, {}).status == 200
    assert plane.sandboxes.synced == 0


def test_uploads_go_in_as_they_come_and_are_durable(plane: Plane) -> None:
    plane.guest.script = [Told([b'[{"path":"/workspace/a"}]'])]
    reply = plane.ask(
        "POST", "/files?path=a", b"x" * 500_000, content_type="application/octet-stream", x_metadata_a="1"
    )
    assert reply.json == [{"path": "/workspace/a"}]
    assert plane.sandboxes.synced == 1
    asked = plane.guest.asked[0]
    assert (len(asked.body), asked.headers["x-metadata-a"], asked.headers["content-length"]) == (500_000, "1", "500000")


def test_uploads_over_the_limit_are_refused_announced_or_not(plane: Plane) -> None:
    large = b"x" * (3 << 20)
    announced = {**plane.admission, "content_length": str(len(large)), "content_type": "application/octet-stream"}
    assert plane.site.ask("POST", "/files?path=a", b"", key=None, **announced).status == 413
    connection = http.client.HTTPConnection("127.0.0.1", plane.site.port, timeout=10)
    headers = {name.replace("_", "-"): value for name, value in plane.admission.items()}
    headers["content-type"] = "application/octet-stream"
    pieces = (large[at : at + 65536] for at in range(0, len(large), 65536))
    try:
        connection.request("POST", "/files?path=a", pieces, headers, encode_chunked=True)
        status = connection.getresponse().status
    except (BrokenPipeError, ConnectionResetError):
        status = 413
    connection.close()
    assert status == 413
    assert plane.sandboxes.synced == 0


def test_a_file_comes_as_it_is_with_its_own_headers(plane: Plane) -> None:
    headers = {"content-type": "text/html", "content-range": "bytes 0-2/9", "x-metadata-a": "1", "set-cookie": "a=b"}
    plane.guest.script = [Told([b"abc"], status=206, headers=headers)]
    reply = plane.ask("GET", "/files?path=a", range="bytes=0-2")
    assert (reply.status, reply.body, reply.headers["content-type"]) == (206, b"abc", "text/html")
    assert (reply.headers["content-range"], reply.headers["x-metadata-a"]) == ("bytes 0-2/9", "1")
    assert "set-cookie" not in reply.headers
    assert reply.headers["content-security-policy"].startswith("sandbox")
    assert plane.guest.asked[0].headers["range"] == "bytes=0-2"
    assert plane.guest.asked[0].headers["accept-encoding"] == "identity"


def test_a_read_is_asked_again_when_the_connection_breaks(plane: Plane) -> None:
    plane.guest.script = [Told(breaks=True), Told([b"{}"])]
    assert plane.ask("POST", "/filesystem.Filesystem/Stat", {}).status == 200
    assert (len(plane.guest.asked), plane.sandboxes.doubted) == (2, 1)


def test_a_change_is_not_asked_again(plane: Plane) -> None:
    plane.guest.script = [Told(breaks=True), Told([b"{}"])]
    reply = plane.ask("POST", "/filesystem.Filesystem/Move", {})
    assert reply.status == 502
    assert "port is not open" in reply.json["message"]
    assert (len(plane.guest.asked), plane.sandboxes.doubted, plane.sandboxes.synced) == (1, 1, 0)


def test_a_guest_that_cannot_be_reached_is_told_so(plane: Plane) -> None:
    plane.guest.path = "/nowhere/at/all"
    reply = plane.ask("POST", "/process.Process/Start", frame({}))
    assert reply.status == 502
    assert "port is not open" in reply.json["message"]
    assert plane.sandboxes.doubted == 2


@pytest.mark.parametrize("then", ["gone", "paused"])
def test_a_guest_that_breaks_off_because_its_sandbox_ended_is_told_in_those_words(plane: Plane, then: str) -> None:
    plane.guest.script = [Told(breaks=True)]
    plane.sandboxes.on_doubt = plane.sandboxes.pause if then == "paused" else plane.sandboxes.end
    reply = plane.ask("POST", "/files?path=a", b"x", content_type="application/octet-stream")
    assert (reply.status, reply.json["message"]) == (502, "The sandbox was not found")


def test_a_stream_sees_to_the_end_of_its_sandbox(plane: Plane) -> None:
    ended = threading.Event()
    plane.sandboxes.lasts(0.3)
    plane.sandboxes.on_end = ended.set
    begun = time.monotonic()
    status, _, body = start(plane, Told([START, lambda: _wait(ended)], headers=FRAMED, breaks=True))
    assert 0.25 < time.monotonic() - begun < PATIENCE
    assert (status, messages(body)[-1]) == (
        200,
        (2, {"error": {"code": "unavailable", "message": "the connection to the sandbox was lost"}}),
    )


def test_an_end_that_was_moved_is_waited_for(plane: Plane) -> None:
    ended = threading.Event()
    plane.sandboxes.lasts(0.2)
    plane.sandboxes.on_end = ended.set
    told = Told([START, lambda: plane.sandboxes.lasts(600), lambda: time.sleep(0.4), EXIT + LAST], headers=FRAMED)
    assert start(plane, told)[2] == START + EXIT + LAST
    assert not ended.is_set()


def _wait(event: threading.Event) -> None:
    assert event.wait(PATIENCE)


def test_headers_go_in_as_they_are(plane: Plane) -> None:
    plane.guest.script = [Told([b"[]"], status=400)]
    lines = [f"{name.replace('_', '-')}: {value}" for name, value in plane.admission.items()]
    lines += ["host: x", "x-metadata-a: ü", "content-length: 0", "connection: close"]
    with plane.site.raw("\n".join(["POST /files?path=a HTTP/1.1", *lines, ""])) as connection:
        assert b" 400 " in read_until(connection, b"[]")
    assert plane.guest.asked[0].headers["x-metadata-a"].encode("latin-1") == "ü".encode()


def test_a_new_computer_is_found_over_its_own_link(plane: Plane) -> None:
    plane.guest.script = [Told([b'{"first":1}'])]
    assert plane.ask("POST", "/process.Process/List", {}).json == {"first": 1}
    with type(plane.guest)() as other:
        other.script = [Told([b'{"second":1}'])]
        plane.sandboxes.guest = other
        assert plane.ask("POST", "/process.Process/List", {}).json == {"second": 1}


def test_input_is_streamed_in(plane: Plane) -> None:
    plane.guest.script = [Told([frame({}) + LAST], headers=FRAMED)]
    body = frame({"start": {"process": {"pid": 7}}}) + frame({"keepalive": {}})
    reply = plane.ask("POST", "/process.Process/StreamInput", body, content_type=FRAMED["content-type"])
    assert (reply.status, reply.body) == (200, frame({}) + LAST)
    assert plane.guest.asked[0].body == body


@pytest.mark.parametrize("path", _UNKNOWN)
def test_paths_that_are_none_are_told_in_this_familys_shape(plane: Plane, path: str) -> None:
    reply = plane.ask("POST", path, {})
    assert reply.status == 404
    assert set(reply.json) == {"code", "message"}
    assert plane.guest.asked == []
