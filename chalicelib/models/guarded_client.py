"""An HTTP client for provider SDKs whose address a tenant chose: it connects only where the guard allows, and sends
nothing of this server's own."""

from collections.abc import Mapping

import httpx2

from chalicelib.outbound.guard import Outbound
from chalicelib.outbound.transport import GuardedTransport

_MOST_BYTES = 256 << 20
_KEPT = frozenset(
    ("host", "accept", "connection", "content-type", "content-length", "transfer-encoding", "anthropic-beta")
)
"""What a request needs to be the one asked for. All else that an SDK adds, as from the environment, stays here."""


class _OwnHeaders(httpx2.AsyncBaseTransport):
    """Sends exactly the given headers, and those without which there is no request."""

    def __init__(self, inner: httpx2.AsyncBaseTransport, headers: Mapping[str, str]) -> None:
        self._inner = inner
        self._headers = {"user-agent": "lambent", **headers}

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send one request."""
        kept = {name: value for name, value in request.headers.items() if name in _KEPT}
        request.headers = httpx2.Headers(kept | self._headers)
        return await self._inner.handle_async_request(request)

    async def aclose(self) -> None:
        """Close the connections."""
        await self._inner.aclose()


def guarded_client(outbound: Outbound, headers: Mapping[str, str]) -> httpx2.AsyncClient:
    """A client that follows no redirect, heeds no proxy, and sends these headers with every request."""
    transport = _OwnHeaders(GuardedTransport(outbound, _MOST_BYTES), headers)
    return httpx2.AsyncClient(transport=transport, follow_redirects=False, trust_env=False)
