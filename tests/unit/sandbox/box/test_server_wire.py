"""Where requests begin and end."""

import io

import pytest

from chalicelib.sandbox.box.server_wire import NotHttp, own_body, pieces_of_body, read_head


def taken(raw: bytes) -> tuple[bytes, bytes, bytes]:
    """A request's head and body as they were read, and what is left."""
    source = io.BytesIO(raw)
    head = read_head(source)
    assert head is not None
    return head.raw, b"".join(pieces_of_body(source, head.length)), source.read()


@pytest.mark.parametrize(
    ("head", "body"),
    [
        (b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n", b""),
        (b"POST /files HTTP/1.1\r\nContent-Length: 5\r\n\r\n", b"hello"),
        (b"POST /files HTTP/1.1\ncontent-length:5\n\n", b"hello"),
        (b"PUT /tree HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", b"5\r\nhello\r\n0\r\n\r\n"),
        (b"PUT /tree HTTP/1.1\r\nTransfer-Encoding: Chunked\r\n\r\n", b"5;a=b\r\nhel\r\n\r\n0\r\nTrailer: x\r\n\r\n"),
    ],
)
def test_a_request_is_taken_byte_for_byte_and_no_byte_of_the_next(head: bytes, body: bytes) -> None:
    assert taken(head + body + b"GET /next") == (head, body, b"GET /next")


def test_a_big_body_comes_in_pieces() -> None:
    raw = b"x" * 1_000_000
    source = io.BytesIO(raw)
    pieces = list(pieces_of_body(source, len(raw)))
    assert b"".join(pieces) == raw
    assert max(map(len, pieces)) <= 65_536


def test_nothing_more_is_no_request() -> None:
    assert read_head(io.BytesIO(b"")) is None


@pytest.mark.parametrize(
    "raw",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
        b"GET /\r\n\r\n",
        b"GET / HTTP/2\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\n",
        b"GET / HTTP/1.1\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\n",
        b"GET / HTTP/1.1\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"GET / HTTP/1.1\r\nContent-Length: -3\r\n\r\n",
        b"GET / HTTP/1.1\r\nContent-Length: \xb2\r\n\r\n",
        b"GET / HTTP/1.1\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
        b"GET /" + b"x" * 70_000 + b" HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + b"a: b\r\n" * 12_000 + b"\r\n",
    ],
)
def test_what_is_not_clear_is_refused(raw: bytes) -> None:
    with pytest.raises(NotHttp):
        read_head(io.BytesIO(raw))


@pytest.mark.parametrize("raw", [b"", b"5\r\nhel", b"5\r\nhello\r\n", b"zz\r\n", b"0\r\nTrailer: x"])
def test_a_chunked_body_that_breaks_off_is_noticed(raw: bytes) -> None:
    with pytest.raises(NotHttp):
        list(pieces_of_body(io.BytesIO(raw), None))


def test_a_body_for_this_program_has_bounds() -> None:
    head = read_head(io.BytesIO(b"POST /box/start HTTP/1.1\r\nContent-Length: 2000000\r\n\r\n"))
    assert head is not None
    with pytest.raises(ValueError, match="length"):
        own_body(io.BytesIO(b"x" * 2_000_000), head)
