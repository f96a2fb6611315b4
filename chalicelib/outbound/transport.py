"""Lets programs written for the coroutine HTTP client call addresses somebody else chose, under the same guard."""

import threading
from collections.abc import AsyncIterator, Iterable

import httpcore2
import httpx2
from httpcore2 import SOCKET_OPTION

from chalicelib.core.aside import aside
from chalicelib.core.errors import LambentError
from chalicelib.outbound import url as urls
from chalicelib.outbound.errors import OutboundError
from chalicelib.outbound.guard import MAX_ADDRESSES, Outbound
from chalicelib.outbound.url import Url
from chalicelib.outbound.wire import Patience

_LOOKUP_SECONDS = 10.0


class _Refused(httpcore2.ConnectError):
    """The guard does not let the connection be made."""


class _GuardedBackend(httpcore2.AsyncNetworkBackend):
    """Opens connections to judged addresses alone."""

    def __init__(self, outbound: Outbound) -> None:
        self._outbound = outbound
        self._inner = httpcore2.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,  # noqa: ARG002 - the client's own interface
        socket_options: Iterable[SOCKET_OPTION] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        url = urls.parse(f"http://{f'[{host}]' if ':' in host else host}:{port}/")
        patience = Patience(_LOOKUP_SECONDS, threading.Event())
        try:
            addresses = await aside(self._outbound.judged, url, patience)
        except OutboundError as error:
            raise _Refused(error.message) from error
        for address in addresses[:MAX_ADDRESSES]:
            try:
                return await self._inner.connect_tcp(str(address), port, timeout, None, socket_options)
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout):
                continue
        raise _Refused(f"{host} does not accept connections on port {port}.")


class _Counted(httpx2.AsyncByteStream):
    """A body that breaks off once it is longer than allowed."""

    def __init__(self, response: httpcore2.Response, most: int) -> None:
        self._response = response
        self._left = most

    async def __aiter__(self) -> AsyncIterator[bytes]:
        try:
            async for piece in self._response.aiter_stream():
                self._left -= len(piece)
                if self._left < 0:
                    raise httpx2.ReadError("The answer is longer than is read.")
                yield piece
        except (httpcore2.NetworkError, httpcore2.ProtocolError, httpcore2.TimeoutException) as error:
            raise _translated(error) from error

    async def aclose(self) -> None:
        await self._response.aclose()


class GuardedTransport(httpx2.AsyncBaseTransport):
    """Every request is read and judged as :class:`Outbound` does it; no redirect is followed here."""

    def __init__(self, outbound: Outbound, max_bytes: int) -> None:
        """``max_bytes`` bounds the body of each answer."""
        self._max_bytes = max_bytes
        self._pool = httpcore2.AsyncConnectionPool(
            ssl_context=outbound.tls, network_backend=_GuardedBackend(outbound), http1=True, http2=False
        )

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send one request. Raises httpx2.TransportError with a message that names only what was asked for."""
        try:
            url = urls.parse(str(request.url))
        except LambentError as error:
            raise httpx2.ConnectError(error.message) from error
        body = await request.aread()
        try:
            answer = await self._pool.handle_async_request(_asked(request, url, body))
        except (httpcore2.NetworkError, httpcore2.ProtocolError, httpcore2.TimeoutException) as error:
            raise _translated(error) from error
        if _encoded(answer):
            await answer.aclose()
            raise httpx2.ReadError("The answer has a content encoding that was not asked for.")
        return httpx2.Response(answer.status, headers=answer.headers, stream=_Counted(answer, self._max_bytes))

    async def aclose(self) -> None:
        """Close the connections."""
        await self._pool.aclose()


def _asked(request: httpx2.Request, url: Url, body: bytes) -> httpcore2.Request:
    ours = {b"host", b"accept-encoding"}
    headers = [(name, value) for name, value in request.headers.raw if name.lower() not in ours]
    # A body that was compressed may unfold to any size, so none is asked for.
    headers += [(b"host", url.authority.encode()), (b"accept-encoding", b"identity")]
    place = httpcore2.URL(
        scheme=url.scheme.encode(), host=url.host.encode(), port=url.port, target=url.target.encode("ascii")
    )
    return httpcore2.Request(request.method, place, headers=headers, content=body, extensions=request.extensions)


def _encoded(answer: httpcore2.Response) -> bool:
    codings = [value.strip().lower() for name, value in answer.headers if name.lower() == b"content-encoding"]
    return any(coding not in (b"", b"identity") for coding in codings)


def _translated(error: Exception) -> httpx2.TransportError:
    if isinstance(error, _Refused):
        return httpx2.ConnectError(str(error))
    if isinstance(error, httpcore2.TimeoutException):
        return httpx2.ReadTimeout("The host took too long.")
    if isinstance(error, httpcore2.ConnectError):
        return httpx2.ConnectError("No secure connection to the host could be made.")
    if isinstance(error, httpcore2.ProtocolError):
        return httpx2.RemoteProtocolError("The host did not send a whole HTTP answer.")
    return httpx2.ReadError("The connection to the host broke.")
