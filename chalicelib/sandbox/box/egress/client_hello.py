"""The first message of a TLS client, as far as it says which host is meant."""

from dataclasses import dataclass

from chalicelib.sandbox.box.egress.errors import HelloRefused

HANDSHAKE = 0x16
_CLIENT_HELLO = 1
_SERVER_NAME = 0
_MAX_RECORD = 16384 + 256


@dataclass(frozen=True, slots=True)
class Hello:
    """What was read: ``server_name`` in lower case without trailing dot, None when the client named no host."""

    server_name: str | None


class _Reader:
    def __init__(self, data: bytes) -> None:
        self._data, self._at = data, 0

    @property
    def left(self) -> int:
        return len(self._data) - self._at

    def take(self, size: int) -> bytes:
        if size > self.left:
            raise HelloRefused("the TLS greeting cannot be read")
        self._at += size
        return self._data[self._at - size : self._at]

    def number(self, width: int) -> int:
        return int.from_bytes(self.take(width), "big")

    def block(self, width: int) -> "_Reader":
        return _Reader(self.take(self.number(width)))


def read_hello(data: bytes) -> Hello | None:
    """The greeting at the beginning of the bytes, None when more of it has to come. Raises HelloRefused."""
    message = _message(data)
    if message is None:
        return None
    reader = _Reader(message)
    reader.take(2 + 32)
    for width in (1, 2, 1):
        reader.block(width)
    return Hello(_server_name(reader.block(2)) if reader.left else None)


def _message(data: bytes) -> bytes | None:
    """The body of the first handshake message, which may be spread over several records."""
    joined, rest = b"", data
    while len(rest) >= 5:
        size = int.from_bytes(rest[3:5], "big")
        if rest[0] != HANDSHAKE or rest[1] != 3 or not 0 < size <= _MAX_RECORD:
            raise HelloRefused("the TLS greeting cannot be read")
        joined, rest = joined + rest[5 : 5 + size], rest[5 + size :]
        if joined and joined[0] != _CLIENT_HELLO:
            raise HelloRefused("the TLS connection does not begin with a greeting")
        length = int.from_bytes(joined[1:4], "big")
        if len(joined) >= 4 + length > 4:
            return joined[4 : 4 + length]
    return None


def _server_name(extensions: _Reader) -> str | None:
    found: str | None = None
    while extensions.left:
        kind, content = extensions.number(2), extensions.block(2)
        if kind != _SERVER_NAME:
            continue
        if found is not None:
            raise HelloRefused("the TLS greeting names its host twice")
        found = _host_name(content.block(2))
    return found


def _host_name(names: _Reader) -> str:
    kind, name = names.number(1), names.block(2)
    if kind or names.left or not name.left:
        raise HelloRefused("the TLS greeting names its host in an unknown way")
    try:
        return name.take(name.left).decode("ascii").lower().removesuffix(".")
    except UnicodeDecodeError:
        raise HelloRefused("the TLS greeting names its host in an unknown way") from None
