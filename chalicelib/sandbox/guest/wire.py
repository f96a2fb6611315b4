"""Requests and replies between the server's socket and what answers them."""

import json
import socket
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, NamedTuple, Protocol

STATUS = {
    "invalid_argument": 400,
    "failed_precondition": 400,
    "unauthenticated": 401,
    "permission_denied": 403,
    "not_found": 404,
    "already_exists": 409,
    "resource_exhausted": 429,
    "canceled": 499,
    "internal": 500,
    "unknown": 500,
    "unimplemented": 501,
    "unavailable": 503,
    "deadline_exceeded": 504,
}
FRAMED = "application/connect+json"
"""The media type of requests and answers in the framing of the Connect protocol."""
MARK = "x-answered-inside"
"""A header of every answer from inside: what stands between may answer, too, with the same status codes."""


class Problem(Exception):
    """What a caller did wrong or the system refused. ``code`` is a Connect code, ``status`` may say more exactly."""

    def __init__(self, code: str, message: str, status: int | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.status = status or STATUS[code]


class Readable(Protocol):
    """A request's body, transfer encodings taken off."""

    def read(self, size: int = -1) -> bytes:
        """At most ``size`` bytes (all that is left when negative), nothing at the end."""
        ...


class Request(NamedTuple):
    """One request. Header names are in lower case; ``params`` are the parts of the path a route left open.

    ``gone`` tells whether the client has hung up, ``target`` is what was asked for, as it was written.
    """

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: Readable
    params: Mapping[str, str] = {}
    gone: Callable[[], bool] = lambda: False
    target: str = ""

    def json(self) -> dict[str, Any]:
        """The body, or its first frame, as an object; an empty body is an empty one. Raises Problem."""
        if self.headers.get("content-type", "").startswith(FRAMED):
            return next(frames(self.body), {})
        return to_object(self.body.read())


def to_object(raw: bytes) -> dict[str, Any]:
    """A JSON object; nothing is an empty one. Raises Problem."""
    try:
        parsed = json.loads(raw) if raw else {}
    except (ValueError, RecursionError):
        raise Problem("invalid_argument", "the body is not JSON") from None
    if not isinstance(parsed, dict):
        raise Problem("invalid_argument", "the body is not a JSON object")
    return parsed


_LONGEST_FRAME = 16 << 20
_COMPRESSED, _LAST = 1, 2


def frames(body: Readable) -> Iterator[dict[str, Any]]:
    """The messages of a framed body, in order. Raises Problem."""
    while head := exactly(body, 5, may_end=True):
        size = int.from_bytes(head[1:], "big")
        if size > _LONGEST_FRAME:
            raise Problem("resource_exhausted", "a message is too long", 413)
        if head[0] & _COMPRESSED:
            raise Problem("unimplemented", "compressed messages are not taken")
        message = to_object(exactly(body, size))
        if head[0] & _LAST:
            return
        yield message


def exactly(body: Readable, size: int, *, may_end: bool = False) -> bytes:
    """That many bytes; none at all where the end is allowed. Raises Problem when there are fewer."""
    held = bytearray()
    while len(held) < size:
        piece = body.read(size - len(held))
        if not piece:
            if may_end and not held:
                return b""
            raise Problem("invalid_argument", "the body ends too soon")
        held += piece
    return bytes(held)


class Json(NamedTuple):
    """An answer of one JSON value; None sends no body."""

    body: Any = None
    status: int = 200


class Raw(NamedTuple):
    """An answer of bytes; sent in chunks when ``length`` is not known."""

    pieces: Iterable[bytes]
    media_type: str = "application/octet-stream"
    status: int = 200
    length: int | None = None
    headers: Mapping[str, str] = {}


class Stream(NamedTuple):
    """A stream of messages in the framing of the Connect protocol.

    A Problem raised by the iterator before its first message is an ordinary error answer; later it becomes the end
    frame. None is no message: it gives the server a moment to see whether the client is still there, so an iterator
    with nothing to say yields it about once a second. The iterator is closed when the client is gone.
    """

    messages: Iterator[dict[str, Any] | None]


class Handover(NamedTuple):
    """The connection itself is given away: ``talk`` answers on it, and nobody uses it afterwards."""

    talk: Callable[[socket.socket], None]


Reply = Json | Raw | Stream | Handover
Handler = Callable[[Request], Reply]
Routes = Mapping[tuple[str, str], Handler]
"""(method, path) to handler; ``{name}`` in a path stands for one segment, ``{name*}`` for all the rest. ``*`` is any
method."""
