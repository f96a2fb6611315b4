"""Deadlines and cancellation at every place where a call can wait."""

import socket
import threading
import time
from collections.abc import Callable

import pytest

from chalicelib.outbound.errors import OutboundCancelled, OutboundTimeout
from chalicelib.outbound.guard import Outbound
from chalicelib.outbound.ip_literal import IpAddress
from tests.functional.outbound.calls import LOCAL, call
from tests.functional.outbound.web import Handler, Seen, answer, serving


def _silent(connection: socket.socket, _: Seen) -> None:
    connection.recv(1)


def _drip(head: bytes, piece: bytes) -> Handler:
    def handler(connection: socket.socket, _: Seen) -> None:
        connection.sendall(head)
        while True:
            time.sleep(0.02)
            connection.sendall(piece)

    return handler


def _circle(connection: socket.socket, _: Seen) -> None:
    time.sleep(0.1)
    connection.sendall(answer(b"", "302 Found", Location="/"))


HANDLERS = {
    "silent": _silent,
    "drip of headers": _drip(b"HTTP/1.1 200 OK\r\n", b"x"),
    "drip of interim answers": _drip(b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
    "drip of body": _drip(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n", b"x"),
    "drip of chunks": _drip(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n"),
    "circle of redirects": _circle,
}


@pytest.mark.parametrize("handler", HANDLERS.values(), ids=HANDLERS.keys())
def test_the_time_covers_everything(handler: Handler) -> None:
    with serving(handler) as web:
        began = time.monotonic()
        with pytest.raises(OutboundTimeout, match=r"within 0\.4 seconds"):
            call(Outbound(LOCAL), web.url(), timeout_s=0.4, follow=1000)
    assert time.monotonic() - began < 0.8


@pytest.mark.parametrize("handler", HANDLERS.values(), ids=HANDLERS.keys())
def test_cancellation_is_noticed_while_waiting(handler: Handler) -> None:
    with serving(handler) as web:
        assert (
            _cancelled_after(lambda stop: call(Outbound(LOCAL), web.url(), cancelled=stop, timeout_s=30, follow=1000))
            < 0.5
        )


def test_a_slow_name_server_is_left_behind() -> None:
    release = threading.Event()

    def lookup(_: str) -> list[IpAddress]:
        release.wait(20)
        return []

    outbound = Outbound(lookup=lookup)
    with pytest.raises(OutboundTimeout):
        call(outbound, "http://slow.test/", timeout_s=0.2)
    assert _cancelled_after(lambda stop: call(outbound, "http://slow.test/", cancelled=stop)) < 0.5
    release.set()


def test_a_host_that_takes_no_connection_is_given_up() -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=0) as full:
        port = full.getsockname()[1]
        waiting = [socket.socket() for _ in range(4)]
        for each in waiting:
            each.setblocking(False)
            each.connect_ex(("127.0.0.1", port))
        time.sleep(0.05)
        with pytest.raises(OutboundTimeout):
            call(Outbound(LOCAL), f"http://127.0.0.1:{port}/", timeout_s=0.3)
        for each in waiting:
            each.close()


def test_a_host_that_reads_nothing_is_given_up() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"http://127.0.0.1:{server.getsockname()[1]}/"
        with pytest.raises(OutboundTimeout):
            call(Outbound(LOCAL), url, "POST", body=bytes(30_000_000), timeout_s=0.4)


def test_a_tls_handshake_that_never_ends_is_given_up() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"https://127.0.0.1:{server.getsockname()[1]}/"
        with pytest.raises(OutboundTimeout):
            call(Outbound(LOCAL), url, timeout_s=0.3)
        assert _cancelled_after(lambda stop: call(Outbound(LOCAL), url, cancelled=stop)) < 0.5


def test_a_call_cancelled_before_it_starts_connects_nowhere() -> None:
    stop = threading.Event()
    stop.set()
    with serving(_silent) as web:
        with pytest.raises(OutboundCancelled):
            call(Outbound(LOCAL), web.url(), cancelled=stop)
        assert web.connections == 0


def _cancelled_after(act: Callable[[threading.Event], object]) -> float:
    """Seconds between setting the event and the end of the call."""
    stop, set_at = threading.Event(), [0.0]

    def cancel() -> None:
        set_at[0] = time.monotonic()
        stop.set()

    timer = threading.Timer(0.2, cancel)
    timer.start()
    with pytest.raises(OutboundCancelled):
        act(stop)
    return time.monotonic() - set_at[0]
