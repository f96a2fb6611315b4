"""What a client speaks inside a tunnel, found out without taking anything off the socket."""

import re
import socket
import time
from dataclasses import dataclass
from typing import Literal

from chalicelib.sandbox.box.egress.channel import READ, Channel, Halt, wait
from chalicelib.sandbox.box.egress.client_hello import HANDSHAKE, Hello, read_hello
from chalicelib.sandbox.box.egress.errors import Stalled

_MOST = 32 * 1024
_LONGEST_LINE = 8 * 1024
_MAYBE_REQUEST = re.compile(rb"[\r\n]*(?:[!#$%&'*+.^_`|~0-9A-Za-z-]{1,24}(?:[ \t]|\Z)|\Z)")
_REQUEST = re.compile(rb"[\r\n]*[^\r\n]*[ \t]HTTP/[0-9][^\r\n]*\r?\n", re.IGNORECASE)
"""Whatever a host may take for one, empty lines in front and all: read as one it names its host or is refused."""
_HTTP_2 = b"PRI * HTTP/2.0\r\n"
_REST_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Opening:
    """How the client began; ``hello`` comes with TLS."""

    kind: Literal["tls", "http", "other"]
    hello: Hello | None = None


OTHER = Opening("other")


def opening(client: Channel, upstream: Channel, halt: Halt, seconds: float) -> Opening:
    """Wait for the client's first words, or for the host's if it speaks first.

    Raises HelloRefused; Stalled when the words do not come, or do not become whole; OSError, Halted.
    """
    try:
        return _watched(client, upstream, halt, seconds)
    finally:
        client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, 1)


def _watched(client: Channel, upstream: Channel, halt: Halt, seconds: float) -> Opening:
    seen, until = b"", time.monotonic() + seconds
    while True:
        watched = {client: READ} if seen else {client: READ, upstream: READ}
        ready = wait(halt, watched, until - time.monotonic())
        if client not in ready and upstream in ready:
            return OTHER
        peeked = client.socket.recv(_MOST, socket.MSG_PEEK) if client in ready else b""
        if len(peeked) <= len(seen):
            # Half a greeting must not pass as something else, or the other half could follow unseen.
            raise Stalled
        found = _judged(peeked)
        if found is not None:
            return found
        if not seen:
            until = time.monotonic() + _REST_SECONDS
        seen = peeked
        client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, len(seen) + 1)


def _judged(data: bytes) -> Opening | None:
    if data[0] == HANDSHAKE:
        hello = read_hello(data)
        return None if hello is None else Opening("tls", hello)
    if not _MAYBE_REQUEST.match(data) or data.startswith(_HTTP_2):
        return OTHER
    if b"\n" in data.lstrip(b"\r\n"):
        return Opening("http") if _REQUEST.match(data) else OTHER
    return None if len(data) < _LONGEST_LINE else Opening("http")
