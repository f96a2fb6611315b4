"""An HTTP client that costs next to nothing, so that what is measured is the server."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any, Self
from urllib.parse import urlsplit

Json = dict[str, Any]
_PATIENCE = 60.0


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer, and when (monotonic seconds) its request went out and it was there."""

    status: int
    body: Any
    sent: float
    done: float

    @property
    def ms(self) -> float:
        """How long it took."""
        return (self.done - self.sent) * 1000


class Wire:
    """One kept-alive connection of one key, used by one task at a time."""

    def __init__(self, url: str, key: str) -> None:
        parts = urlsplit(url)
        self._host, self._port = parts.hostname or "", parts.port or 80
        self._fields = f"host: {parts.netloc}\r\nx-api-key: {key}\r\nanthropic-version: 2023-06-01\r\n"
        self._reader: asyncio.StreamReader
        self._writer: asyncio.StreamWriter | None = None

    async def __aenter__(self) -> Self:
        self._reader, self._writer = await asyncio.open_connection(self._host, self._port)
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._writer is not None:
            self._writer.close()

    async def ask(self, method: str, path: str, body: Json | None = None) -> Reply:
        """A request that must succeed."""
        async with asyncio.timeout(_PATIENCE):
            sent = time.monotonic()
            self._send(method, path, body)
            status, fields = await self._head()
            raw = await self._reader.readexactly(int(fields.get("content-length", 0)))
            done = time.monotonic()
        if status >= 300:
            raise AssertionError(f"{method} {path}: {status} {raw!r}")
        return Reply(status, json.loads(raw) if raw else None, sent, done)

    async def events(self, path: str) -> AsyncIterator[tuple[float, Json]]:
        """Open a stream: first an empty event once it is open, then each with the moment it came."""
        self._send("GET", path, None)
        status, _ = await self._head()
        if status != 200:
            raise AssertionError(f"GET {path}: {status}")
        data = b""
        while True:
            line = await self._reader.readline()
            if not line:
                return
            if line.startswith((b"data: ", b": open")):
                data = line[6:] if line.startswith(b"data") else b"{}"
            elif line == b"\n" and data:
                yield time.monotonic(), json.loads(data)
                data = b""

    def _send(self, method: str, path: str, body: Json | None) -> None:
        raw = b"" if body is None else json.dumps(body).encode()
        announced = f"content-type: application/json\r\ncontent-length: {len(raw)}\r\n" if raw else ""
        assert self._writer is not None
        self._writer.write(f"{method} {path} HTTP/1.1\r\n{self._fields}{announced}\r\n".encode() + raw)

    async def _head(self) -> tuple[int, dict[str, str]]:
        lines = (await self._reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        pairs = (line.partition(":") for line in lines[1:] if line)
        return int(lines[0].split(" ")[1]), {name.lower(): value.strip() for name, _, value in pairs}
