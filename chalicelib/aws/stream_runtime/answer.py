"""One streamed answer on its way to the Runtime API: a chunked POST, ended well or with error trailers."""

from __future__ import annotations

import asyncio
import base64
import contextlib
from asyncio import StreamReader, StreamWriter

from chalicelib.aws.stream_runtime.api import ROOT, RuntimeApi, error_body, error_type

_ERROR_TYPE = "Lambda-Runtime-Function-Error-Type"
_ERROR_BODY = "Lambda-Runtime-Function-Error-Body"

# How long Lambda may take, in seconds, to acknowledge an answer it has received whole.
_ACKNOWLEDGE_SECONDS = 10.0


class Answer:
    """Writes chunks as they come. When Lambda hangs up, `gone` is set and further writes are dropped."""

    def __init__(self, reader: StreamReader, writer: StreamWriter, gone: asyncio.Event) -> None:
        self._reader, self._writer, self._gone = reader, writer, gone
        self._acknowledged = asyncio.ensure_future(self._watch())

    @classmethod
    async def open(cls, api: RuntimeApi, invocation_id: str, gone: asyncio.Event) -> Answer:
        """Starts the answer to one invocation.

        Raises:
            OSError: the Runtime API cannot be reached.
        """
        reader, writer = await asyncio.open_connection(api.host, api.port)
        writer.write(_request_head(api, invocation_id))
        return cls(reader, writer, gone)

    async def write(self, data: bytes) -> None:
        """Sends one chunk and waits while Lambda reads slower than the app writes."""
        if data and not self._gone.is_set():
            await self._send(b"%x\r\n%b\r\n" % (len(data), data))

    async def finish(self) -> None:
        """Ends a whole answer."""
        await self._end(b"")

    async def fail(self, error: BaseException) -> None:
        """Ends an answer that broke off: Lambda passes the failure on to the client's connection."""
        detail = base64.b64encode(error_body(error)).decode("ascii")
        await self._end(f"{_ERROR_TYPE}: {error_type(error)}\r\n{_ERROR_BODY}: {detail}\r\n".encode("ascii"))

    async def _end(self, trailers: bytes) -> None:
        await self._send(b"0\r\n" + trailers + b"\r\n")
        with contextlib.suppress(ConnectionError, TimeoutError):  # nobody is left to tell
            await asyncio.wait_for(self._acknowledged, _ACKNOWLEDGE_SECONDS)
        self._writer.close()

    async def _send(self, data: bytes) -> None:
        try:
            self._writer.write(data)
            await self._writer.drain()
        except ConnectionError:
            self._gone.set()

    async def _watch(self) -> None:
        """Lambda speaks first only when it has given the answer up, or has it whole."""
        try:
            await self._reader.readline()
        finally:  # a broken connection is a hang-up too
            self._gone.set()


def _request_head(api: RuntimeApi, invocation_id: str) -> bytes:
    lines = (
        f"POST {ROOT}/invocation/{invocation_id}/response HTTP/1.1",
        f"Host: {api.host}:{api.port}",
        "Content-Type: application/vnd.awslambda.http-integration-response",
        "Lambda-Runtime-Function-Response-Mode: streaming",
        "Transfer-Encoding: chunked",
        f"Trailer: {_ERROR_TYPE}, {_ERROR_BODY}",
        "Connection: close",
    )
    return ("\r\n".join(lines) + "\r\n\r\n").encode("ascii")
