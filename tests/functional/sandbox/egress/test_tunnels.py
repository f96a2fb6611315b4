"""What goes through a CONNECT without being opened, and what does not."""

import contextlib
import socket
import ssl
import threading
import time

import pytest

from chalicelib.sandbox.hosts.base import Network
from tests.functional.outbound.web import Seen, answer, fixed, serving
from tests.functional.sandbox.egress.boxes import box, read, request

Tls = tuple[ssl.SSLContext, ssl.SSLContext]
HERE = {"good_test": "127.0.0.1", "other_test": "127.0.0.1"}
ONLY_GOOD = Network("limited", ("good.test",))


def test_tls_goes_through_to_the_host_itself(good: Tls) -> None:
    own, trusting = good
    with serving(fixed(answer(b"y" * 300_000)), tls=own) as web, box(ONLY_GOOD, **HERE) as inside:
        assert inside.egress.ca_bundle() is None
        tunnel = inside.tls(f"GOOD.test:{web.port}", trusting, "good.test")
        tunnel.sendall(request("/", f"Host: good.test:{web.port}"))
        assert len(read(tunnel).body) == 300_000


@pytest.mark.parametrize("name", ["other.test", "OTHER.test", "sub.good.test", "127.0.0.2.evil"])
def test_a_greeting_that_names_another_host_is_refused(good: Tls, name: str) -> None:
    own, _ = good
    blind = ssl.create_default_context()
    blind.check_hostname, blind.verify_mode = False, ssl.CERT_NONE
    with serving(fixed(answer(b"x")), tls=own) as web, box(ONLY_GOOD, **HERE) as inside:
        with pytest.raises(ssl.SSLError, match=r"(?i)unrecognized"):
            inside.tls(f"good.test:{web.port}", blind, name)
        assert inside.egress.decisions["refused"] == 1
        assert web.requests == []


def test_a_greeting_may_name_another_host_that_is_allowed(good: Tls) -> None:
    own, trusting = good
    both = Network("limited", ("good.test", "front.test"))
    with serving(fixed(answer(b"x")), tls=own) as web, box(both, front_test="127.0.0.1") as inside:
        tunnel = inside.tls(f"front.test:{web.port}", trusting, "good.test")
        tunnel.sendall(request("/"))
        assert read(tunnel).body == b"x"


def _hello(name: str | None) -> bytes:
    outgoing = ssl.MemoryBIO()
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    half = context.wrap_bio(ssl.MemoryBIO(), outgoing, server_hostname=name)
    with pytest.raises(ssl.SSLWantReadError):
        half.do_handshake()
    return outgoing.read()


def _collector() -> tuple[socket.socket, bytearray, threading.Event]:
    listener, got, ended = socket.create_server(("127.0.0.1", 0)), bytearray(), threading.Event()

    def run() -> None:
        connection = listener.accept()[0]
        with connection:
            connection.settimeout(5)
            while piece := connection.recv(65536):
                got.extend(piece)
        ended.set()

    threading.Thread(target=run, daemon=True).start()
    return listener, got, ended


@pytest.mark.parametrize(("name", "through"), [("good.test", True), (None, True), ("other.test", False)])
def test_a_greeting_in_single_bytes(name: str | None, through: bool) -> None:
    hello = _hello(name)
    listener, got, ended = _collector()
    with listener, box(ONLY_GOOD, **HERE) as inside:
        tunnel, _ = inside.connect(f"good.test:{listener.getsockname()[1]}")
        tunnel.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for at in range(len(hello)):
            tunnel.sendall(hello[at : at + 1])
        tunnel.shutdown(socket.SHUT_WR)
        assert ended.wait(5)
    assert bytes(got) == (hello if through else b"")


@pytest.mark.parametrize(
    "first",
    [b"\x16\x03\x01\x00\x00", b"\x16\x09\x01\x00\x05hello", b"\x16\x03\x01\x00\x04\x02\x00\x00\x00", b"\x16"],
)
def test_a_greeting_that_cannot_be_read_goes_nowhere(first: bytes) -> None:
    listener, got, ended = _collector()
    with listener, box(ONLY_GOOD, **HERE) as inside:
        tunnel, _ = inside.connect(f"good.test:{listener.getsockname()[1]}")
        tunnel.sendall(first)
        tunnel.shutdown(socket.SHUT_WR)
        assert ended.wait(5)
    assert got == b""


def test_a_host_that_speaks_first_and_a_client_that_ends_first() -> None:
    listener = socket.create_server(("127.0.0.1", 0))

    def run() -> None:
        connection = listener.accept()[0]
        with connection:
            connection.sendall(b"220 hello\r\n")
            heard = b""
            while piece := connection.recv(65536):
                heard += piece
            connection.sendall(heard.upper() + b" heard")

    threading.Thread(target=run, daemon=True).start()
    with listener, box(ONLY_GOOD, **HERE) as inside:
        tunnel, told = inside.connect(f"good.test:{listener.getsockname()[1]}")
        data = told.body or tunnel.recv(100)
        assert data == b"220 hello\r\n"
        tunnel.sendall(b"all i say")
        tunnel.shutdown(socket.SHUT_WR)
        data = b""
        while piece := tunnel.recv(65536):
            data += piece
    assert data == b"ALL I SAY heard"


def test_any_protocol_in_bulk_both_ways() -> None:
    size = 4_000_000
    listener = socket.create_server(("127.0.0.1", 0))

    def run() -> None:
        connection = listener.accept()[0]
        with connection:
            while piece := connection.recv(65536):
                connection.sendall(piece)

    threading.Thread(target=run, daemon=True).start()
    with listener, box(ONLY_GOOD, **HERE) as inside:
        tunnel, _ = inside.connect(f"good.test:{listener.getsockname()[1]}")
        data = b"\x00" + bytes(range(1, 251)) * (size // 250)

        def send() -> None:
            tunnel.sendall(data)
            tunnel.shutdown(socket.SHUT_WR)

        threading.Thread(target=send, daemon=True).start()
        got = bytearray()
        while piece := tunnel.recv(65536):
            got += piece
    assert bytes(got) == data


def test_plain_http_in_a_tunnel_is_read_and_stays_with_its_host() -> None:
    with serving(fixed(answer(b"x"))) as web, box(ONLY_GOOD, **HERE) as inside:
        target = f"good.test:{web.port}"
        tunnel, _ = inside.connect(target)
        tunnel.sendall(request("/a", f"Host: {target}"))
        assert read(tunnel).body == b"x"
        tunnel.sendall(request("/b", "Host: other.test"))
        told = read(tunnel)
        assert (told.status, told.body.decode().split(";")[0]) == (403, "The connection was opened to good.test")
    assert [seen.target for seen in web.requests] == ["/a"]


@pytest.mark.parametrize("target", ["http://other.test/", "https://other.test/x", "other.test:443"])
def test_an_absolute_url_cannot_name_another_host_either(target: str) -> None:
    method = "CONNECT" if target.endswith("443") else "GET"
    with serving(fixed(answer(b"x"))) as web, box(ONLY_GOOD, **HERE) as inside:
        tunnel, _ = inside.connect(f"good.test:{web.port}")
        tunnel.sendall(request(target, f"Host: good.test:{web.port}", method=method))
        assert read(tunnel).status in (400, 403)
        assert web.requests == []


OTHER_HOST = b"Host: other.test\r\nConnection: close\r\n\r\n"


@pytest.mark.parametrize(
    "first",
    [
        b"GET / HTTP/1.1\r\n",
        b"\r\nGET / HTTP/1.1\r\n",
        b"\n\n\r\nGET / HTTP/1.1\r\n",
        b"get / HTTP/1.1\r\n",
        b"M-SEARCH / HTTP/1.1\r\n",
        b"GET  /  HTTP/1.1\r\n",
        b"GET\t/\tHTTP/1.1\r\n",
        b"GET / HTTP/1.1 \r\n",
        b"GET / http/1.1\n",
        b"GET / HTTP/2.0\r\n",
        b"GET /?" + b"x" * 9_000 + b" HTTP/1.1\r\n",
        b"GET /?" + b"x" * 40_000 + b" HTTP/1.1\r\n",
    ],
    ids=[
        *("plain", "empty-line", "empty-lines", "small", "dash", "spaces", "tabs", "space-behind", "small-version"),
        *("version", "long", "longer"),
    ],
)
@pytest.mark.parametrize("at_once", [True, False])
def test_whatever_a_host_may_take_for_a_request_stays_with_its_host(first: bytes, at_once: bool) -> None:
    listener, got, ended = _collector()
    with listener, box(ONLY_GOOD, **HERE) as inside:
        tunnel, _ = inside.connect(f"good.test:{listener.getsockname()[1]}")
        tunnel.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        said = first + OTHER_HOST
        with contextlib.suppress(ConnectionError):
            for piece in [said] if at_once else [said[:1], said[1:3], said[3:20], said[20:]]:
                tunnel.sendall(piece)
            tunnel.shutdown(socket.SHUT_WR)
        assert ended.wait(5)
    assert b"other.test" not in got


@pytest.mark.parametrize(
    "first", [b"SSH-2.0-Test\r\n", b"*1\r\n$4\r\nPING\r\n", b"\r\n", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"]
)
def test_what_is_no_request_goes_through(first: bytes) -> None:
    listener, got, ended = _collector()
    with listener, box(ONLY_GOOD, **HERE) as inside:
        tunnel, _ = inside.connect(f"good.test:{listener.getsockname()[1]}")
        tunnel.sendall(first + b"\x00\x01 more")
        tunnel.shutdown(socket.SHUT_WR)
        assert ended.wait(5)
    assert got == first + b"\x00\x01 more"


def test_a_web_socket_in_a_tunnel() -> None:
    def chat(connection: socket.socket, seen: Seen) -> None:
        connection.sendall(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n")
        connection.sendall(connection.recv(100)[::-1])

    with serving(chat) as web, box(ONLY_GOOD, **HERE) as inside:
        target = f"good.test:{web.port}"
        tunnel, _ = inside.connect(target)
        tunnel.sendall(request("/", f"Host: {target}", "Connection: Upgrade", "Upgrade: websocket"))
        assert read(tunnel).status == 101
        tunnel.sendall(b"\x01\x02\x03")
        assert tunnel.recv(100) == b"\x03\x02\x01"


def test_closing_ends_open_tunnels_at_once() -> None:
    listener, got, ended = _collector()
    with listener, box(ONLY_GOOD, **HERE) as inside:
        tunnel, _ = inside.connect(f"good.test:{listener.getsockname()[1]}")
        tunnel.sendall(b"\x00begun")
        while not got:
            time.sleep(0.01)
        began = time.monotonic()
        inside.egress.close()
        assert time.monotonic() - began < 2
        assert tunnel.recv(10) == b""
        assert ended.wait(5)
