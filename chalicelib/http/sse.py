"""Server-sent events: their framing, and the sending of an open-ended stream of them."""

import asyncio
import re
import time
from collections.abc import AsyncIterator, Awaitable, Callable

from starlette.types import Receive, Send

from chalicelib.http.answers import encode
from chalicelib.http.disconnects import work_until_gone
from chalicelib.http.limits import Headers
from chalicelib.http.route import EventStream

MEDIA_TYPE = "text/event-stream"

_LINE_END = re.compile(r"\r\n|\r|\n")
_HEADERS: Headers = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-cache, no-transform"),
    (b"x-accel-buffering", b"no"),
    (b"connection", b"close"),
]

FailureFrame = Callable[[Exception], bytes]
LOOK_SECONDS = 10.0
"""After so long a stream asks again whether its caller may hear it, when the next frame comes."""


def frame(event: str | None, data: str, id: str | None = None) -> bytes:  # noqa: A002 - the field's name
    """One event. ``data`` may have several lines; a line break in ``event`` or ``id`` is a ValueError."""
    lines = []
    if event is not None:
        lines.append(f"event: {_single(event)}")
    if id is not None:
        lines.append(f"id: {_single(id)}")
    if "\n" in data or "\r" in data:
        lines.extend(f"data: {line}" for line in _LINE_END.split(data))
    else:
        lines.append(f"data: {data}")
    return ("\n".join(lines) + "\n\n").encode()


def comment(text: str = "") -> bytes:
    """A line clients ignore; keeps connections alive."""
    return "".join(f": {line}\n" for line in _LINE_END.split(text)).encode() + b"\n"


def retry(ms: int) -> bytes:
    """How long a client waits before it reconnects."""
    return f"retry: {ms}\n\n".encode()


def _single(value: str) -> str:
    if _LINE_END.search(value):
        raise ValueError("a line break cannot stand in the name or the id of an event")
    return value


class OpenStreams:
    """The streams a process is sending, so that it can end them when it stops."""

    def __init__(self) -> None:
        self._pumps: set[asyncio.Task[None]] = set()

    def __len__(self) -> int:
        return len(self._pumps)

    def add(self, pump: "asyncio.Task[None]") -> None:
        """Count a stream until it is done."""
        self._pumps.add(pump)
        pump.add_done_callback(self._pumps.discard)

    def end_all(self) -> None:
        """End every stream; clients that resume will reconnect."""
        for pump in list(self._pumps):
            pump.cancel()


async def send_stream(
    send: Send,
    receive: Receive,
    stream: EventStream,
    extra: Headers,
    open_streams: OpenStreams,
    failure: FailureFrame,
    *,
    head: bool = False,
) -> None:
    """Send frames as they come until they end, the client goes or the server stops; then close the generator.

    The headers go out before the first frame is there. ``failure`` makes the last frame of an exception.
    """
    try:
        headers = [*_merged(encode(stream.headers)), *extra]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        if not head:
            await send({"type": "http.response.body", "body": b"", "more_body": True})
            await work_until_gone(receive, _pump(send, stream.frames, failure), open_streams.add)
        await send({"type": "http.response.body", "body": b""})
    finally:
        await _close(stream.frames)


async def while_admitted(frames: AsyncIterator[bytes], admitted: Callable[[], Awaitable[bool]]) -> AsyncIterator[bytes]:
    """The frames, until the caller is admitted no more."""
    looked = time.monotonic()
    try:
        async for piece in frames:
            if time.monotonic() - looked >= LOOK_SECONDS:
                if not await admitted():
                    return
                looked = time.monotonic()
            yield piece
    finally:
        await _close(frames)


def _merged(own: Headers) -> Headers:
    named = {name for name, _ in own}
    return [pair for pair in _HEADERS if pair[0] not in named] + own


async def _pump(send: Send, frames: AsyncIterator[bytes], failure: FailureFrame) -> None:
    try:
        async for piece in frames:
            await send({"type": "http.response.body", "body": piece, "more_body": True})
            # Frames that are there already must not keep the loop from noticing that the client has gone.
            await asyncio.sleep(0)
    except Exception as error:  # noqa: BLE001 - `failure` logs it; the headers are out, so it is told as a frame
        await send({"type": "http.response.body", "body": failure(error), "more_body": True})


async def _close(frames: AsyncIterator[bytes]) -> None:
    close = getattr(frames, "aclose", None)
    if close is not None:
        await close()
