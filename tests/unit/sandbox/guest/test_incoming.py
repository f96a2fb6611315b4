"""Heads and bodies of requests, read from a real socket pair."""

import socket
from collections.abc import Iterator

import pytest

from chalicelib.sandbox.guest.incoming import Body, HungUp, Incoming
from chalicelib.sandbox.guest.wire import Problem


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.settimeout(5)
        yield ours, theirs


def body_of(pair: tuple[socket.socket, socket.socket], sent: bytes, **headers: str) -> Body:
    pair[1].sendall(sent)
    pair[1].shutdown(socket.SHUT_WR)
    return Body(Incoming(pair[0]), {name.replace("_", "-"): value for name, value in headers.items()}, lambda: None)


def test_a_head(pair: tuple[socket.socket, socket.socket]) -> None:
    pair[1].sendall(b"\r\nGET /a?b HTTP/1.1\r\nHost: x\r\nA: 1\r\na:  2 \r\n\r\nrest")
    incoming = Incoming(pair[0])
    head = incoming.head()
    assert head is not None
    assert (head.method, head.target, head.headers, head.keeps()) == ("GET", "/a?b", {"host": "x", "a": "1, 2"}, True)
    assert incoming.take(10) == b"rest"


@pytest.mark.parametrize("sent", [b"", b"\r\n"])
def test_a_client_that_only_closes(pair: tuple[socket.socket, socket.socket], sent: bytes) -> None:
    pair[1].sendall(sent)
    pair[1].close()
    assert Incoming(pair[0]).head() is None


def test_a_client_that_closes_too_soon(pair: tuple[socket.socket, socket.socket]) -> None:
    with pytest.raises(HungUp):
        body_of(pair, b"12", content_length="3").read()


def test_a_body_of_known_length_ends_there(pair: tuple[socket.socket, socket.socket]) -> None:
    body = body_of(pair, b"1234next", content_length="4")
    assert [body.read(3), body.read(3), body.read(3), body.ended] == [b"123", b"4", b"", True]


def test_a_chunked_body(pair: tuple[socket.socket, socket.socket]) -> None:
    sent = b"3\r\nabc\r\n00A;note=1\r\n0123456789\r\n0\r\nTrailer: x\r\n\r\n"
    body = body_of(pair, sent, transfer_encoding="Chunked")
    assert body.read() == b"abc0123456789"
    assert body.read(1) == b""


@pytest.mark.parametrize(
    "sent", [b"x\r\n", b"-1\r\n", b"\r\n", b"2\r\nabc\r\n0\r\n\r\n", b"1" * 9000, b"1" * 16 + b"\r\n"]
)
def test_malformed_chunks(pair: tuple[socket.socket, socket.socket], sent: bytes) -> None:
    with pytest.raises(Problem):
        body_of(pair, sent, transfer_encoding="chunked").read()


def test_leave_is_given_once_and_only_when_the_body_is_wanted(pair: tuple[socket.socket, socket.socket]) -> None:
    given: list[int] = []
    body = Body(Incoming(pair[0]), {"content-length": "2"}, lambda: given.append(1))
    assert body.unasked
    pair[1].sendall(b"ab")
    assert body.read(1) + body.read(1) == b"ab"
    assert (given, body.unasked) == ([1], False)


def test_what_is_left_can_be_passed_over_up_to_a_bound(pair: tuple[socket.socket, socket.socket]) -> None:
    body = body_of(pair, b"x" * 100, content_length="100")
    assert not body.discard(60)
    assert body.discard(60)
