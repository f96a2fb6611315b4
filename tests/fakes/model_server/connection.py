"""HTTP/1.1, as much of it as the SDKs' clients speak, with the client's leaving noticed at once."""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from typing import Any


class Exchange:
    """One request and the means to answer it."""

    def __init__(self, transport: asyncio.Transport, head: bytes, raw: bytes) -> None:
        lines = head.decode("latin-1").split("\r\n")
        self.method, self.path, _ = lines[0].split(" ", 2)
        self.headers = fields(lines[1:])
        self.body: Any = json.loads(raw) if raw else None
        self.arrived = time.monotonic()
        self.connection = str(transport.get_extra_info("peername"))
        self._transport = transport

    def json(self, value: Any, status: int = 200, headers: dict[str, str] | None = None) -> None:
        self.raw(json.dumps(value).encode(), "application/json", status, headers)

    def raw(self, raw: bytes, kind: str, status: int = 200, headers: dict[str, str] | None = None) -> None:
        more = "".join(f"{name}: {text}\r\n" for name, text in (headers or {}).items())
        head = f"HTTP/1.1 {status} -\r\ncontent-type: {kind}\r\ncontent-length: {len(raw)}\r\n{more}\r\n"
        self._transport.write(head.encode() + raw)

    def open_stream(self) -> None:
        self._transport.write(
            b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncache-control: no-cache\r\n"
            b"transfer-encoding: chunked\r\n\r\n"
        )

    def send(self, data: bytes) -> None:
        self._transport.write(b"%x\r\n%s\r\n" % (len(data), data))

    def close_stream(self) -> None:
        self._transport.write(b"0\r\n\r\n")

    def abort(self) -> None:
        """What was sent still arrives; then the connection is gone, with the answer incomplete."""
        self._transport.close()


class Connection(asyncio.Protocol):
    """Reads one request after another; a lost connection cancels the answer under way."""

    def __init__(self, handle: Callable[[Exchange], Awaitable[None]], everyone: "set[Connection]") -> None:
        self._handle, self._everyone = handle, everyone
        self._buffer = b""
        self._task: asyncio.Task[None] | None = None
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._everyone.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self._everyone.discard(self)
        if self._task:
            self._task.cancel()

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        self._next()

    def abort(self) -> None:
        if self._transport:
            self._transport.abort()

    def _next(self) -> None:
        if self._task or not self._transport:
            return
        head, separator, rest = self._buffer.partition(b"\r\n\r\n")
        if not separator:
            return
        parsed = body_of(head, rest)
        if parsed is None:
            return
        raw, self._buffer = parsed
        self._task = asyncio.ensure_future(self._answer(Exchange(self._transport, head, raw)))

    async def _answer(self, exchange: Exchange) -> None:
        try:
            await self._handle(exchange)
        except (LookupError, TypeError, ValueError, AttributeError) as error:
            exchange.json({"error": {"type": "fake_error", "message": f"the fake cannot do this: {error!r}"}}, 500)
            raise
        finally:
            self._task = None
        self._next()


def fields(lines: list[str]) -> dict[str, str]:
    pairs = (line.partition(":") for line in lines if line)
    return {name.strip().lower(): value.strip() for name, _, value in pairs}


def body_of(head: bytes, rest: bytes) -> tuple[bytes, bytes] | None:
    """The body and what follows it, or None while it is incomplete."""
    headers = fields(head.decode("latin-1").split("\r\n")[1:])
    if headers.get("transfer-encoding", "").lower() == "chunked":
        return _chunked(rest)
    length = int(headers.get("content-length") or 0)
    return (rest[:length], rest[length:]) if len(rest) >= length else None


def _chunked(rest: bytes) -> tuple[bytes, bytes] | None:
    body = b""
    while True:
        size, separator, rest = rest.partition(b"\r\n")
        if not separator:
            return None
        length = int(size, 16)
        if len(rest) < length + 2:
            return None
        body, rest = body + rest[:length], rest[length + 2 :]
        if not length:
            return body, rest
