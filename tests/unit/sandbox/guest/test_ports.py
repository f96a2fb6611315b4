"""Answers of what listens in a sandbox, however odd, on their way out."""

import io
import socket
import threading

import pytest

from chalicelib.sandbox.guest.ports import routes, visit
from chalicelib.sandbox.guest.wire import Handover, Raw, Request

OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi"


def answered(says: bytes, body: bytes = b"", **headers: str) -> tuple[bytes, bytes]:
    """What comes out when a server says that, and what it heard."""
    heard = bytearray()
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            with listener.accept()[0] as one:
                heard.extend(one.recv(65_536))
                one.sendall(says)

        server = threading.Thread(target=serve)
        server.start()
        port = str(listener.getsockname()[1])
        request = Request("POST", "", {}, headers, io.BytesIO(body), {"port": port}, target=f"/ports/{port}/a?b=c%20d")
        found = visit(request)
        assert isinstance(found, Handover)
        ours, theirs = socket.socketpair()
        with ours, theirs:
            found.talk(theirs)
            out = b"".join(iter(lambda: ours.recv(65_536), b""))
        server.join()
    return out, bytes(heard)


def test_a_request_goes_in_under_its_own_host_and_target() -> None:
    given = {"lambent-host": "x.example", "x-aws-proxy-auth": "t", "connection": "keep-alive", "x-mine": "1"}
    out, heard = answered(OK, **given)
    assert heard == b"POST /a?b=c%20d HTTP/1.1\r\nhost: x.example\r\nx-mine: 1\r\nconnection: close\r\n\r\n"
    assert out == b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nx-answered-inside: 1\r\nconnection: close\r\n\r\nhi"


def test_a_body_in_chunks_goes_in_in_chunks() -> None:
    _, heard = answered(OK, b"hello", **{"transfer-encoding": "chunked"})
    assert b"transfer-encoding: chunked\r\n" in heard


@pytest.mark.parametrize("status", [200, 204, 302, 304, 401, 403, 502])
def test_an_answer_keeps_its_status_and_is_told_from_those_of_the_way(status: int) -> None:
    says = b"HTTP/1.1 %d Some Words\r\nKeep-Alive: 5\r\nX-Answered-Inside: no\r\nlambent-port: closed\r\n\r\n"
    out, _ = answered(says % status)
    assert out == b"HTTP/1.1 %d Some Words\r\nx-answered-inside: 1\r\nconnection: close\r\n\r\n" % status


def test_what_is_told_before_the_answer_stays_inside() -> None:
    out, _ = answered(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early\r\nlink: x\r\n\r\n" + OK)
    assert out.startswith(b"HTTP/1.1 200 OK\r\ncontent-length")


@pytest.mark.parametrize(
    "says",
    [b"", b"SSH-2.0-OpenSSH\r\n\r\n", b"HTTP/1.1 200", b"HTTP/1.1 2xx OK\r\n\r\n", b"a" * 100_000],
    ids=["nothing", "no-http", "cut-off", "no-status", "no-end"],
)
def test_what_is_no_answer_is_told_as_a_closed_port(says: bytes) -> None:
    out, _ = answered(says)
    assert out.startswith(b"HTTP/1.1 200 OK\r\n")
    assert b"lambent-port: closed\r\n" in out


@pytest.mark.parametrize("port", ["0", "65536", "3128", "x", "-1", "٣"])
def test_there_is_no_way_to_what_is_no_port_of_the_sandboxs(port: str) -> None:
    found = visit(Request("GET", "", {}, {}, io.BytesIO(), {"port": port}))
    assert isinstance(found, Raw)
    assert found.headers == {"lambent-port": "closed"}


def test_where_the_machine_itself_listens_there_is_none_at_all() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        (refuse,) = routes(apart=False).values()
        port = str(listener.getsockname()[1])
        assert isinstance(refuse(Request("GET", "", {}, {}, io.BytesIO(), {"port": port})), Raw)
