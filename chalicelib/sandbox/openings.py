"""Connections to guests on which nothing comes before an answer: no guest of ours sends interim answers, of which the
HTTP library would read any number at once."""

import ssl
from collections.abc import Iterable
from typing import Any

import httpcore2
import httpx2

_ENOUGH = len(b"HTTP/1.1 1")
_VERSION_END = len(b"HTTP/1.1")


def guard(transport: httpx2.HTTPTransport) -> httpx2.HTTPTransport:
    """The same transport; its connections break with RemoteProtocolError when an answer is an interim one."""
    # The pool takes a backend, but the transport around it passes none on.
    transport._pool._network_backend = _Backend(transport._pool._network_backend)
    return transport


def guard_async(transport: httpx2.AsyncHTTPTransport) -> httpx2.AsyncHTTPTransport:
    """As ``guard``."""
    transport._pool._network_backend = _AsyncBackend(transport._pool._network_backend)
    return transport


class _Opening:
    """Looks at the first bytes that are read after something was written."""

    def __init__(self) -> None:
        self._seen: bytes | None = b""

    def written(self) -> None:
        self._seen = b""

    def read(self, data: bytes) -> bytes:
        if self._seen is not None:
            self._seen += data[: _ENOUGH - len(self._seen)]
            if self._seen[_VERSION_END:] == b" 1":
                raise httpcore2.RemoteProtocolError("the sandbox answers before it answers")
            if len(self._seen) == _ENOUGH:
                self._seen = None
        return data


class _Stream(httpcore2.NetworkStream):
    def __init__(self, stream: httpcore2.NetworkStream) -> None:
        self._stream, self._opening = stream, _Opening()

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._opening.read(self._stream.read(max_bytes, timeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._opening.written()
        self._stream.write(buffer, timeout)

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore2.NetworkStream:
        return _Stream(self._stream.start_tls(ssl_context, server_hostname, timeout))

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


class _Backend(httpcore2.NetworkBackend):
    def __init__(self, backend: httpcore2.NetworkBackend) -> None:
        self._backend = backend

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore2.NetworkStream:
        return _Stream(self._backend.connect_tcp(host, port, timeout, local_address, socket_options))

    def connect_unix_socket(
        self, path: str, timeout: float | None = None, socket_options: Iterable[Any] | None = None
    ) -> httpcore2.NetworkStream:
        return _Stream(self._backend.connect_unix_socket(path, timeout, socket_options))

    def sleep(self, seconds: float) -> None:
        self._backend.sleep(seconds)


class _AsyncStream(httpcore2.AsyncNetworkStream):
    def __init__(self, stream: httpcore2.AsyncNetworkStream) -> None:
        self._stream, self._opening = stream, _Opening()

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._opening.read(await self._stream.read(max_bytes, timeout))

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._opening.written()
        await self._stream.write(buffer, timeout)

    async def aclose(self) -> None:
        await self._stream.aclose()

    async def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore2.AsyncNetworkStream:
        return _AsyncStream(await self._stream.start_tls(ssl_context, server_hostname, timeout))

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


class _AsyncBackend(httpcore2.AsyncNetworkBackend):
    def __init__(self, backend: httpcore2.AsyncNetworkBackend) -> None:
        self._backend = backend

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        return _AsyncStream(await self._backend.connect_tcp(host, port, timeout, local_address, socket_options))

    async def connect_unix_socket(
        self, path: str, timeout: float | None = None, socket_options: Iterable[Any] | None = None
    ) -> httpcore2.AsyncNetworkStream:
        return _AsyncStream(await self._backend.connect_unix_socket(path, timeout, socket_options))

    async def sleep(self, seconds: float) -> None:
        await self._backend.sleep(seconds)
