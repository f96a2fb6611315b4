"""HTTP/1.1 as far as a relay must know it: where a request begins and ends."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO

from chalicelib.sandbox.guest.wire import MARK

MOST_HEAD_BYTES = 65_536
MOST_OWN_BODY_BYTES = 1_048_576
_PIECE = 65_536
_REASONS = {200: "OK", 400: "Bad Request", 404: "Not Found", 409: "Conflict", 500: "Error", 503: "Unavailable"}


class NotHttp(Exception):
    """What came is not a request; nothing that follows can be told apart."""


@dataclass(frozen=True, slots=True)
class Head:
    """The first part of a request as it came, and what is needed of it. ``length`` is None for a chunked body."""

    raw: bytes
    method: str
    path: str
    length: int | None


def read_head(source: BinaryIO) -> Head | None:
    """The next request's head, None when the other side has no more. Raises NotHttp."""
    first = _line(source, MOST_HEAD_BYTES)
    if not first:
        return None
    lines = [first]
    while lines[-1] not in (b"\r\n", b"\n"):
        lines.append(_line(source, MOST_HEAD_BYTES - sum(map(len, lines))))
        if not lines[-1]:
            raise NotHttp("the request breaks off in its head")
    words = first.decode("latin-1").split()
    if len(words) != 3 or not words[2].startswith("HTTP/1."):
        raise NotHttp("the request line is not one")
    return Head(b"".join(lines), words[0], words[1].partition("?")[0], _length(lines[1:-1]))


def pieces_of_body(source: BinaryIO, length: int | None) -> Iterator[bytes]:
    """The body as it comes, with the framing of its chunks. Raises NotHttp when it breaks off."""
    return _chunks(source) if length is None else _counted(source, length)


def own_body(source: BinaryIO, head: Head) -> Any:
    """The body of a request to this program, parsed. Raises NotHttp, ValueError."""
    if head.length is None or head.length > MOST_OWN_BODY_BYTES:
        raise ValueError("the body must have a length, of 1 MiB at most")
    return json.loads(b"".join(_counted(source, head.length)) or b"{}")


def answer(status: int, body: Any, *, last: bool = False) -> bytes:
    """A whole answer of JSON, after which the connection goes on unless it is the ``last``."""
    raw = json.dumps(body).encode()
    head = f"HTTP/1.1 {status} {_REASONS.get(status, 'Answer')}\r\nContent-Type: application/json\r\n{MARK}: 1\r\n"
    end = "Connection: close\r\n" if last else ""
    return f"{head}{end}Content-Length: {len(raw)}\r\n\r\n".encode() + raw


def problem(status: int, code: str, message: str, *, last: bool = False) -> bytes:
    """The same for an error, in the guest's form."""
    return answer(status, {"code": code, "message": message}, last=last)


def _line(source: BinaryIO, most: int) -> bytes:
    line = source.readline(most + 1)
    if len(line) > most:
        raise NotHttp("the head is too long")
    return line


def _length(lines: list[bytes]) -> int | None:
    """The body's length as the headers tell; whoever contradicts himself is not believed at all."""
    counts, coded = set[str](), False
    for line in lines:
        name, _, value = line.decode("latin-1").partition(":")
        if name.lower() == "content-length":
            counts.add(value.strip())
        elif name.lower() == "transfer-encoding":
            coded = True
            if value.strip().lower() != "chunked":
                raise NotHttp("an unknown transfer encoding")
    if len(counts) + coded > 1 or not all(count.isascii() and count.isdigit() for count in counts):
        raise NotHttp("the body's length is not clear")
    return None if coded else int(counts.pop()) if counts else 0


def _counted(source: BinaryIO, length: int) -> Iterator[bytes]:
    read: Callable[[int], bytes] = getattr(source, "read1", source.read)
    while length:
        piece = read(min(length, _PIECE))
        if not piece:
            raise NotHttp("the body breaks off")
        length -= len(piece)
        yield piece


def _chunks(source: BinaryIO) -> Iterator[bytes]:
    while True:
        line = _line(source, 1024)
        yield line
        try:
            size = int(line.split(b";")[0].strip(), 16)
        except ValueError:
            raise NotHttp("a chunk has no size") from None
        if size == 0:
            break
        yield from _counted(source, size)
        yield _line(source, 2)
    while (line := _line(source, MOST_HEAD_BYTES)) not in (b"\r\n", b"\n"):
        if not line:
            raise NotHttp("the trailers break off")
        yield line
    yield line
