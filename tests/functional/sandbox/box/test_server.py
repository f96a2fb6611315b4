"""The box server's ports, before a guest that answers over a Unix socket."""

import http.client
import json
import socket
import socketserver
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest

from chalicelib.sandbox.box.server import serve
from chalicelib.sandbox.box.server_hooks import PREFIX
from chalicelib.sandbox.box.server_spec import spec_to_json
from chalicelib.sandbox.hosts.base import BoxSpec, Handle, Link, SandboxRefused, SandboxUnavailable

SPEC = spec_to_json(BoxSpec("tenant", "one", env={"A": "b"}))


class Guest(BaseHTTPRequestHandler):
    """Echoes bodies; ``/slow`` says one half, waits to be told, and says the other."""

    protocol_version = "HTTP/1.1"
    go_on = threading.Event()
    connections: set[int] = set()

    def address_string(self) -> str:
        return "unix"

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - named by the base class
        """Say nothing."""

    def do_GET(self) -> None:
        self.connections.add(id(self.connection))
        if self.path == "/break":
            self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")
            self.close_connection = True
            return
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        self.wfile.write(b"5\r\nfirst\r\n")
        if self.path == "/slow":
            self.go_on.wait(10)
        self.wfile.write(b"6\r\nsecond\r\n0\r\n\r\n")

    def do_POST(self) -> None:
        self.connections.add(id(self.connection))
        body = self.rfile.read(int(self.headers["content-length"]))
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


class _Server(socketserver.ThreadingUnixStreamServer):
    daemon_threads = True


class PlainHost:
    """Gives one 'computer': the guest above. ``refusal`` is raised by every start."""

    name = "plain"
    outlives = False

    def __init__(self, path: Path) -> None:
        self.path, self.starts, self.stops = path, 0, 0
        self.refusal: Exception | None = None
        self.server = _Server(str(path), Guest)
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    def start(self, spec: BoxSpec) -> Handle:
        self.starts += 1
        if self.refusal:
            raise self.refusal
        return Handle(self.name, {})

    def link(self, handle: Handle) -> Link:
        return Link("http://guest", uds=str(self.path))

    def condition(self, handle: Handle) -> str:
        return "running" if self.starts > self.stops else "gone"

    def stop(self, handle: Handle) -> None:
        self.stops += 1

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def host(tmp_path: Path) -> Iterator[PlainHost]:
    made = PlainHost(tmp_path / "guest")
    Guest.go_on.clear()
    Guest.connections.clear()
    yield made
    Guest.go_on.set()
    made.close()


@pytest.fixture
def ports(host: PlainHost) -> Iterator[tuple[int, int]]:
    main, hooks = serve(host, "127.0.0.1", 0, 0)  # type: ignore[arg-type]
    yield main.getsockname()[1], hooks.getsockname()[1]
    for one in (main, hooks):
        one.shutdown(socket.SHUT_RDWR)
        one.close()


@pytest.fixture
def wire(ports: tuple[int, int]) -> Iterator[http.client.HTTPConnection]:
    connection = http.client.HTTPConnection("127.0.0.1", ports[0], timeout=10)
    yield connection
    connection.close()


def asked(wire: http.client.HTTPConnection, method: str, path: str, body: Any = None) -> tuple[int, Any]:
    wire.request(method, path, None if body is None else json.dumps(body))
    answer = wire.getresponse()
    return answer.status, json.loads(answer.read())


def test_without_a_box_nothing_is_there(wire: http.client.HTTPConnection) -> None:
    status, told = asked(wire, "GET", "/health")
    assert (status, told["code"]) == (503, "unavailable")
    assert asked(wire, "GET", "/box") == (200, {"state": "empty"})


def test_a_box_is_made_once_and_only_for_one(wire: http.client.HTTPConnection, host: PlainHost) -> None:
    assert asked(wire, "POST", "/box/start", SPEC) == (200, {"state": "running"})
    assert asked(wire, "POST", "/box/start", SPEC) == (200, {"state": "running"})
    status, told = asked(wire, "POST", "/box/start", {**SPEC, "sandbox_id": "two"})
    assert (status, told["code"]) == (409, "already_exists")
    assert host.starts == 1


@pytest.mark.parametrize(
    ("refusal", "status", "code"),
    [(SandboxUnavailable("later"), 503, "unavailable"), (SandboxRefused("never"), 501, "unimplemented")],
)
def test_a_box_that_does_not_start_is_told_and_may_be_tried_again(
    wire: http.client.HTTPConnection, host: PlainHost, refusal: Exception, status: int, code: str
) -> None:
    host.refusal = refusal
    found, told = asked(wire, "POST", "/box/start", SPEC)
    assert (found, told["code"]) == (status, code)
    host.refusal = None
    assert asked(wire, "POST", "/box/start", {**SPEC, "sandbox_id": "two"})[0] == 200


def test_what_is_no_description_is_refused(wire: http.client.HTTPConnection) -> None:
    assert asked(wire, "POST", "/box/start", {"tenant": "x"})[1]["code"] == "invalid_argument"
    assert asked(wire, "GET", "/box/other")[0] == 404


def test_requests_to_the_guest_and_to_the_box_share_a_connection(wire: http.client.HTTPConnection) -> None:
    asked(wire, "POST", "/box/start", SPEC)
    local = wire.sock
    for number in range(3):
        assert asked(wire, "POST", "/echo", {"n": number}) == (200, {"n": number})
        assert asked(wire, "GET", "/box") == (200, {"state": "running"})
    assert wire.sock is local
    assert len(Guest.connections) == 1


def test_answers_stream(wire: http.client.HTTPConnection) -> None:
    asked(wire, "POST", "/box/start", SPEC)
    wire.request("GET", "/slow")
    answer = wire.getresponse()
    assert answer.read1() == b"first"
    Guest.go_on.set()
    assert answer.read() == b"second"


def test_an_upload_in_parts_arrives(ports: tuple[int, int], wire: http.client.HTTPConnection) -> None:
    asked(wire, "POST", "/box/start", SPEC)
    with socket.create_connection(("127.0.0.1", ports[0]), 10) as raw, raw.makefile("rb") as answer:
        raw.sendall(b"POST /echo HTTP/1.1\r\nContent-Length: 10\r\nConnection: close\r\n\r\n01234")
        raw.sendall(b"56789")
        assert answer.read().endswith(b"\r\n\r\n0123456789")


def test_a_big_body_goes_there_and_back(wire: http.client.HTTPConnection) -> None:
    asked(wire, "POST", "/box/start", SPEC)
    body = ["x" * 3_000_000]
    assert asked(wire, "POST", "/echo", body) == (200, body)


def test_an_answer_that_breaks_off_does_not_look_whole(wire: http.client.HTTPConnection) -> None:
    asked(wire, "POST", "/box/start", SPEC)
    wire.request("GET", "/break")
    with pytest.raises(http.client.IncompleteRead):
        wire.getresponse().read()


def test_noise_on_the_port_harms_nobody(ports: tuple[int, int], wire: http.client.HTTPConnection) -> None:
    for port in ports:
        with socket.create_connection(("127.0.0.1", port), 10) as raw:
            raw.sendall(b"\x16\x03\x01\x00\xa5\x01\x00\x00\xa1\x03\x03" + b"\r\n\r\n")
            assert raw.recv(100).startswith(b"HTTP/1.1 400 ")
    assert asked(wire, "GET", "/box")[0] == 200


def hook(ports: tuple[int, int], name: str) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", ports[1], timeout=10)
    connection.request("POST", PREFIX + name, json.dumps({"microvmId": "m"}), {"content-type": "application/json"})
    status = connection.getresponse().status
    connection.close()
    return status


def test_every_hook_is_answered_and_no_other(ports: tuple[int, int]) -> None:
    names = ("ready", "validate", "run", "suspend", "resume", "terminate")
    assert [hook(ports, name) for name in names] == [200] * 6
    assert hook(ports, "other") == 404


def test_an_image_that_cannot_isolate_is_not_valid(ports: tuple[int, int], host: PlainHost) -> None:
    assert [hook(ports, name) for name in ("ready", "validate")] == [200, 200]
    assert (host.starts, host.stops) == (2, 2)
    host.refusal = SandboxRefused("no namespaces here")
    assert [hook(ports, name) for name in ("ready", "validate")] == [500, 500]


def test_the_end_of_the_machine_ends_the_box(
    ports: tuple[int, int], wire: http.client.HTTPConnection, host: PlainHost
) -> None:
    asked(wire, "POST", "/box/start", SPEC)
    assert hook(ports, "terminate") == 200
    assert asked(wire, "GET", "/box") == (200, {"state": "dead"})
