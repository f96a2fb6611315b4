"""How the guest speaks HTTP, with clients of all kinds."""

import json
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from chalicelib.sandbox.client import frame
from tests.functional.sandbox.guest.conftest import Guest, bash
from tests.support.patience import PATIENCE


@contextmanager
def connected(guest: Guest) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX) as raw:
        raw.settimeout(10)
        raw.connect(guest.socket)
        yield raw


def answer(raw: socket.socket) -> tuple[int, bytes]:
    """(status, body) of the next answer of known length."""
    held = b""
    while b"\r\n\r\n" not in held:
        piece = raw.recv(65536)
        if not piece:
            return 0, b""
        held += piece
    head, _, body = held.partition(b"\r\n\r\n")
    lengths = [int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
    while len(body) < sum(lengths):
        body += raw.recv(65536)
    return int(head[9:12]), body


def threads(guest: Guest) -> int:
    return len(list(Path(f"/proc/{guest.process.pid}/task").iterdir()))


def descriptors(guest: Guest) -> int:
    return len(list(Path(f"/proc/{guest.process.pid}/fd").iterdir()))


def eventually(condition: Callable[[], bool], seconds: float = PATIENCE) -> bool:
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:
        time.sleep(0.05)
    return condition()


def test_health_and_metrics(guest: Guest) -> None:
    found = guest.http.get("/health")
    assert (found.status_code, found.content) == (204, b"")
    metrics = guest.http.get("/metrics").json()
    assert set(metrics) == {"cpuCount", "cpuUsedPct", "memUsed", "memTotal", "memCache", "diskUsed", "diskTotal"}
    assert metrics["cpuCount"] >= 1
    assert metrics["diskTotal"] > metrics["diskUsed"] > 0


def test_metrics_see_a_busy_command(guest: Guest) -> None:
    with guest.stream(
        "/process.Process/Start",
        bash("x=$(head -c 30000000 /dev/zero | tr '\\0' x); while :; do :; done"),
        **{"connect-timeout-ms": "4000"},
    ):
        guest.http.get("/metrics")
        time.sleep(1.5)
        metrics = guest.http.get("/metrics").json()
    assert metrics["cpuUsedPct"] > 10
    assert metrics["memUsed"] > 20_000_000


@pytest.mark.parametrize(
    ("request_head", "status"),
    [
        (b"nonsense\r\n\r\n", 400),
        (b"GET /health HTTP/2.0\r\n\r\n", 400),
        (b"GET /health HTTP/1.1\r\nbad header\r\n\r\n", 400),
        (b"GET /health HTTP/1.1\r\nname : x\r\n\r\n", 400),
        (b"GET /health HTTP/1.1\r\n" + b"x: y\r\n" * 201 + b"\r\n", 400),
        (b"GET /health HTTP/1.1\r\nx: " + b"y" * 70_000 + b"\r\n\r\n", 431),
        (b"POST /files HTTP/1.1\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n", 400),
        (b"POST /files HTTP/1.1\r\ncontent-length: -5\r\n\r\n", 400),
        (b"POST /process.Process/List HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n", 400),
        (b"POST /process.Process/List HTTP/1.1\r\ncontent-length: 1\r\n\r\n{", 400),
        (b"POST /process.Process/List HTTP/1.1\r\ncontent-length: 4\r\n\r\n[{}]", 400),
        (b"GET /files?path=%ff HTTP/1.1\r\n\r\n", 400),
        (b"GET /nothing HTTP/1.1\r\n\r\n", 404),
        (b"DELETE /files HTTP/1.1\r\n\r\n", 405),
    ],
)
def test_what_is_no_proper_request(guest: Guest, request_head: bytes, status: int) -> None:
    with connected(guest) as raw:
        raw.sendall(request_head)
        found, body = answer(raw)
        assert found == status
        assert "message" in json.loads(body)


def test_a_list_nested_without_end_is_refused(guest: Guest) -> None:
    answered = guest.http.post("/filesystem.Filesystem/Stat", content=b"[" * 200_000)
    assert (answered.status_code, answered.json()["code"]) == (400, "invalid_argument")


def test_many_requests_on_one_connection_in_pieces_and_at_once(guest: Guest) -> None:
    with connected(guest) as raw:
        for byte in b"GET /health HTTP/1.1\r\nhost: g\r\n\r\n":
            raw.sendall(bytes([byte]))
        assert answer(raw)[0] == 204
        body = json.dumps({"path": ""}).encode()
        head = b"POST /filesystem.Filesystem/Stat HTTP/1.1\r\ncontent-length: %d\r\n\r\n" % len(body)
        for _ in range(3):
            raw.sendall(head + body)
            assert answer(raw)[0] == 200
        raw.sendall(b"GET /health HTTP/1.1\r\nconnection: close\r\n\r\n")
        assert answer(raw)[0] == 204
        assert raw.recv(1) == b""


def test_a_body_nobody_reads_does_not_spoil_the_connection(guest: Guest) -> None:
    with connected(guest) as raw:
        raw.sendall(b"POST /nothing HTTP/1.1\r\ncontent-length: 300000\r\n\r\n" + b"x" * 300_000)
        assert answer(raw)[0] == 404
        raw.sendall(b"GET /health HTTP/1.1\r\n\r\n")
        assert answer(raw)[0] == 204


def test_a_client_that_waits_for_leave_gets_it(guest: Guest, folder: str) -> None:
    with connected(guest) as raw:
        head = f"POST /files?path={folder}/e HTTP/1.1\r\ncontent-length: 3\r\nexpect: 100-continue\r\n"
        raw.sendall(head.encode() + b"content-type: application/octet-stream\r\n\r\n")
        assert raw.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
        raw.sendall(b"abc")
        assert answer(raw)[0] == 200
    with connected(guest) as raw:
        raw.sendall(b"POST /nothing HTTP/1.1\r\ncontent-length: 3\r\nexpect: 100-continue\r\n\r\n")
        assert answer(raw)[0] == 404
        assert raw.recv(1) == b""


def test_a_client_of_the_old_protocol(guest: Guest) -> None:
    with connected(guest) as raw:
        raw.sendall(b"GET /health HTTP/1.0\r\n\r\n")
        assert answer(raw)[0] == 204
        assert raw.recv(1) == b""


def test_a_reader_that_stands_still_holds_up_nobody(guest: Guest, folder: str) -> None:
    (guest.root / folder.lstrip("/") / "big").write_bytes(b"x" * (8 << 20))
    with connected(guest) as raw:
        raw.sendall(f"GET /files?path={folder}/big HTTP/1.1\r\n\r\n".encode())
        begun = time.monotonic()
        assert guest.http.get("/health").status_code == 204
        assert guest.run("echo x").text == "x\n"
        assert time.monotonic() - begun < 3


def test_clients_that_vanish_free_what_served_them(start_guest: Callable[..., Guest]) -> None:
    guest = start_guest()
    guest.http.get("/health")
    guest.run("true")
    guest.call("/process.Process/List", {})
    before = threads(guest), descriptors(guest)
    body = frame(bash("sleep 71"))
    head = (
        b"POST /process.Process/Start HTTP/1.1\r\ncontent-type: application/connect+json\r\ncontent-length: %d\r\n\r\n"
    )
    for request in [head % len(body) + body] * 10 + [
        b"GET /files?pa",
        b"POST /files HTTP/1.1\r\ncontent-length: 9\r\n\r\n",
    ]:
        with connected(guest) as raw:
            raw.sendall(request)
            if b"Start" in request:
                assert raw.recv(12) == b"HTTP/1.1 200"
    # The commands go on, each with the thread that reads its output; those that served the clients go.
    assert eventually(lambda: threads(guest) <= before[0] + 10)
    for one in guest.call("/process.Process/List", {})["processes"]:
        guest.call("/process.Process/SendSignal", {"process": {"pid": one["pid"]}, "signal": "SIGNAL_SIGKILL"})
    assert eventually(lambda: threads(guest) <= before[0] and descriptors(guest) <= before[1])


def test_two_hundred_requests_leave_nothing_behind(start_guest: Callable[..., Guest]) -> None:
    guest = start_guest()

    def use(times: int) -> None:
        for number in range(times):
            guest.run(f"echo {number}", stdin=bool(number % 2))
            path = f"/files?path=d{number}/f"
            assert guest.http.post(path, files={"file": ("x", b"y" * 1000)}).status_code == 200
            assert guest.http.get(path).status_code == 200
            assert guest.http.get("/files?path=none").status_code == 404
            made = guest.call("/filesystem.Filesystem/CreateWatcher", {"path": f"d{number}"})
            guest.call("/filesystem.Filesystem/RemoveWatcher", made)

    use(3)
    before = threads(guest), descriptors(guest)
    use(34)
    assert eventually(lambda: (threads(guest), descriptors(guest)) <= before)
