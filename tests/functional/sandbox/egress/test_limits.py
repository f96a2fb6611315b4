"""What a flood or a slow program inside can do to the proxy."""

import socket
import threading
import time
from unittest import mock

import pytest

from chalicelib.sandbox.box.egress import connection, proxy
from chalicelib.sandbox.hosts.base import Network
from tests.functional.outbound.web import Seen, answer, fixed, serving
from tests.functional.sandbox.egress.boxes import box, read, request

HERE = {"a_test": "127.0.0.1"}


def _threads() -> int:
    return sum(thread.name.startswith("egress-") for thread in threading.enumerate())


def test_connections_are_bounded_and_the_next_one_waits_its_turn() -> None:
    with serving(fixed(answer(b"x"))) as web, box(**HERE) as inside:
        silent = [inside.open() for _ in range(proxy.MOST_CONNECTIONS)]
        while _threads() < proxy.MOST_CONNECTIONS + 1:
            time.sleep(0.01)
        late = inside.open()
        late.sendall(request(web.url(host="a.test")))
        late.settimeout(0.3)
        with pytest.raises(TimeoutError):
            late.recv(1)
        assert _threads() == proxy.MOST_CONNECTIONS + 1
        silent[0].close()
        late.settimeout(5)
        assert read(late).body == b"x"


def test_who_waits_too_long_is_told_so() -> None:
    with mock.patch.object(proxy, "_QUEUE_SECONDS", 0.05), box(**HERE) as inside:
        silent = [inside.open() for _ in range(proxy.MOST_CONNECTIONS)]
        while _threads() < proxy.MOST_CONNECTIONS + 1:
            time.sleep(0.01)
        late = inside.open()
        told = read(late)
        assert (told.status, told.body) == (503, b"Too many connections out of this box.\r\n")
        assert inside.egress.decisions["busy"] == 1
        assert len(silent) == proxy.MOST_CONNECTIONS


def test_a_request_that_does_not_come_to_its_end_is_given_up() -> None:
    with mock.patch.object(connection, "_FIRST_SECONDS", 0.1), box(**HERE) as inside:
        slow = inside.open()
        slow.sendall(b"GET http://a.test/ HTT")
        assert slow.recv(100) == b""
        silent = inside.open()
        assert silent.recv(100) == b""


def test_a_reader_that_does_not_read_holds_little_memory_and_only_itself_up() -> None:
    sent = [0]

    def endless(host: socket.socket, _: Seen) -> None:
        host.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        host.settimeout(1)
        while sent[0] < 64_000_000:
            sent[0] += host.send(b"x" * 65536)

    with serving(endless) as web, serving(fixed(answer(b"quick"))) as other, box(**HERE) as inside:
        greedy = inside.open()
        greedy.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        greedy.sendall(request(web.url(host="a.test")))
        seen = -1
        while seen != sent[0] or not seen:
            seen = sent[0]
            time.sleep(0.2)
        assert inside.get(other.url(host="a.test")).body == b"quick"
    assert sent[0] < 16_000_000


def test_closing_leaves_no_thread_and_no_port() -> None:
    before = _threads()
    with serving(fixed(answer(b"x"))) as web, box(**HERE) as inside:
        held = [inside.open() for _ in range(8)]
        held[0].sendall(request(web.url(host="a.test")))
        read(held[0])
        held[1].sendall(b"CONNECT a.te")
        inside.connect(f"a.test:{web.port}")
        inside.egress.close()
        inside.egress.close()
        assert _threads() == before
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", inside.port), timeout=1)


def test_closing_does_not_wait_for_a_name_server() -> None:
    never = threading.Event()

    def lookup(_: str) -> list[object]:
        never.wait(10)
        return []

    listener = socket.create_server(("127.0.0.1", 0))
    egress = proxy.Egress(listener, Network("all"), lookup=lookup)  # type: ignore[arg-type]
    egress.start()
    with socket.create_connection(listener.getsockname()) as asking:
        asking.sendall(b"CONNECT slow.test:443 HTTP/1.1\r\nHost: x\r\n\r\n")
        time.sleep(0.1)
        began = time.monotonic()
        egress.close()
        assert time.monotonic() - began < 1
    never.set()


def test_an_entry_of_the_operator_that_is_no_host_is_refused_at_once() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener, pytest.raises(ValueError, match=r"10\.0\.0\.0/99"):
        proxy.Egress(listener, Network("all"), ("10.0.0.0/99",))
