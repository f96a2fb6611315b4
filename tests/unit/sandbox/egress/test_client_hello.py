import ssl

import pytest

from chalicelib.sandbox.box.egress.client_hello import Hello, read_hello
from chalicelib.sandbox.box.egress.errors import HelloRefused


def hello(name: str | None) -> bytes:
    outgoing = ssl.MemoryBIO()
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with pytest.raises(ssl.SSLWantReadError):
        context.wrap_bio(ssl.MemoryBIO(), outgoing, server_hostname=name).do_handshake()
    return outgoing.read()


def made(*extensions: bytes) -> bytes:
    """A greeting with these extensions, in one record."""
    block = b"".join(extensions)
    body = b"\x03\x03" + bytes(32) + b"\x00" + b"\x00\x02\x13\x01" + b"\x01\x00" + len(block).to_bytes(2, "big") + block
    message = b"\x01" + len(body).to_bytes(3, "big") + body
    return b"\x16\x03\x01" + len(message).to_bytes(2, "big") + message


def named(*names: bytes, kind: int = 0) -> bytes:
    entries = b"".join(bytes((kind,)) + len(name).to_bytes(2, "big") + name for name in names)
    content = len(entries).to_bytes(2, "big") + entries
    return b"\x00\x00" + len(content).to_bytes(2, "big") + content


@pytest.mark.parametrize(("name", "read"), [("A.Test", "a.test"), ("a.test", "a.test"), (None, None)])
def test_real_greetings(name: str | None, read: str | None) -> None:
    assert read_hello(hello(name)) == Hello(read)
    assert read_hello(hello(name) + b"what follows") == Hello(read)


def test_a_beginning_is_not_enough() -> None:
    whole = hello("a.test")
    assert all(read_hello(whole[:size]) is None for size in range(len(whole)))


@pytest.mark.parametrize("size", [1, 2, 5, 40, 100])
def test_a_greeting_in_many_records(size: int) -> None:
    message = hello("a.test")[5:]
    parts = [message[at : at + size] for at in range(0, len(message), size)]
    assert read_hello(b"".join(b"\x16\x03\x01" + len(part).to_bytes(2, "big") + part for part in parts)) == Hello(
        "a.test"
    )


def test_made_greetings() -> None:
    other = b"\x00\x17\x00\x00"
    assert read_hello(made(other, named(b"A.test."), other)) == Hello("a.test")
    assert read_hello(made(other)) == Hello(None)


@pytest.mark.parametrize(
    "data",
    [
        made(named(b"a.test"), named(b"b.test")),
        made(named(b"a.test", b"b.test")),
        made(named(b"")),
        made(named(b"a.test", kind=1)),
        made(named("é".encode())),
        made(b"\x00\x00\x00\x00"),
        made(b"\x00\x00\x00\x09\x00"),
        b"\x16\x03\x01\x00\x00",
        b"\x16\x03\x01\xff\xff" + bytes(10),
        b"\x16\x02\x01\x00\x04\x01\x00\x00\x01",
        b"\x16\x03\x01\x00\x04\x02\x00\x00\x01",
        b"\x16\x03\x01\x00\x05\x01\x00\x00\x01\x00",
        b"\x16\x03\x01\x00\x01\x01" + b"\x17\x03\x01\x00\x01\x00",
    ],
)
def test_what_cannot_be_trusted_is_refused(data: bytes) -> None:
    with pytest.raises(HelloRefused):
        read_hello(data)
