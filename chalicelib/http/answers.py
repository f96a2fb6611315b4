"""Writes answers: JSON in one piece, downloads piece by piece."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from starlette.types import Receive, Send

from chalicelib.core.jsonio import dump_bytes
from chalicelib.http.disconnects import until_disconnect
from chalicelib.http.limits import Headers
from chalicelib.http.route import Answer, Download
from chalicelib.http.workers import on_thread

_JSON = (b"content-type", b"application/json")
_BODYLESS = (204, 304)
# What others have made is sent under this server's own name: a browser must not take it for a page of it, which could
# do all that whoever is signed in may do.
_TAMED = ((b"content-security-policy", b"sandbox; default-src 'none'"), (b"x-content-type-options", b"nosniff"))


@dataclass(frozen=True, slots=True)
class Rendered:
    """An answer as bytes."""

    status: int
    headers: Headers
    body: bytes


def render(answer: Answer) -> Rendered:
    """An answer's bytes and its own headers."""
    headers = encode(answer.headers)
    if answer.body is None or answer.status in _BODYLESS:
        length = [] if answer.status in _BODYLESS else [(b"content-length", b"0")]
        return Rendered(answer.status, headers + length, b"")
    body = answer.body if isinstance(answer.body, bytes) else dump_bytes(answer.body)
    if not any(name == b"content-type" for name, _ in headers):
        headers.append(_JSON)
    headers.append((b"content-length", str(len(body)).encode()))
    return Rendered(answer.status, headers, body)


def encode(headers: Mapping[str, str]) -> Headers:
    """Headers as they travel; what would break the line apart becomes a blank."""
    return [(name.lower().encode("latin-1"), _line(value)) for name, value in headers.items()]


def foreign(media_type: str, headers: Mapping[str, str]) -> Headers:
    """The headers of bytes that this server did not make."""
    own = [(b"content-type", media_type.encode("latin-1")), *encode(headers)]
    named = {name for name, _ in own}
    return own + [pair for pair in _TAMED if pair[0] not in named]


def _line(value: str) -> bytes:
    flat = value.replace("\r", " ").replace("\n", " ").replace("\0", " ")
    try:
        return flat.encode("latin-1")
    except UnicodeEncodeError:
        return flat.encode()


async def send_rendered(send: Send, answer: Rendered, extra: Headers, *, head: bool) -> None:
    """Send an answer; ``head`` keeps the body back."""
    await send({"type": "http.response.start", "status": answer.status, "headers": answer.headers + extra})
    await send({"type": "http.response.body", "body": b"" if head else answer.body})


async def send_download(send: Send, receive: Receive, download: Download, extra: Headers, *, head: bool) -> None:
    """Send a download's pieces as they are read on a thread; stop reading when the client is gone.

    An error while reading is raised, so that the connection breaks off and nobody takes a part for the whole.
    """
    headers = foreign(download.media_type, download.headers) + extra
    try:
        await send({"type": "http.response.start", "status": download.status, "headers": headers})
        if not head:
            await _send_pieces(send, receive, download.pieces)
        await send({"type": "http.response.body", "body": b""})
    finally:
        close = getattr(download.pieces, "close", None)
        if close is not None:
            await on_thread(close)


async def _send_pieces(send: Send, receive: Receive, pieces: Iterator[bytes]) -> None:
    async with until_disconnect(receive) as gone:
        while not gone.is_set():
            piece = await on_thread(next, pieces, None)
            if piece is None:
                return
            await send({"type": "http.response.body", "body": piece, "more_body": True})
