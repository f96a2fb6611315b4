"""HTTP to MCP servers: guarded, with the credential put on, and with an eye on what goes wrong."""

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import dataclass

import httpx2

from chalicelib.core.aside import aside
from chalicelib.mcp.credentials import Held
from chalicelib.outbound.guard import Outbound
from chalicelib.outbound.transport import GuardedTransport

MAX_BYTES = 16 << 20
"""The most that is read of one answer, and of all pages of a list together."""
_MAX_FAILURE = 64 << 10
_REFUSALS = (401, 403)
CONNECT_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Failure:
    """An answer from 400 up."""

    status: int
    content_type: str
    body: bytes
    headers: dict[str, str]


class Witness:
    """What the last request that failed met: an answer, or no answer for a reason."""

    def __init__(self) -> None:
        self.failure: Failure | None = None
        self.trouble: str | None = None

    def forget(self) -> None:
        """Before something new is tried."""
        self.failure = self.trouble = None

    @property
    def refused(self) -> bool:
        """Whether the server wants another credential."""
        return self.failure is not None and self.failure.status in _REFUSALS

    @property
    def speaks_otherwise(self) -> bool:
        """Whether the server answered, but not to this way of speaking."""
        return self.failure is not None and 400 <= self.failure.status < 500 and not self.refused


class _Observed(httpx2.AsyncBaseTransport):
    def __init__(self, inner: httpx2.AsyncBaseTransport, witness: Witness) -> None:
        self._inner = inner
        self._witness = witness

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        try:
            answer = await self._inner.handle_async_request(request)
        except httpx2.TransportError as error:
            self._witness.trouble = str(error)
            raise
        # The stream of a server that has nothing to say on its own is refused by many, which is no failure.
        if answer.status_code < 400 or (request.method == "GET" and answer.status_code == 405):
            return answer
        try:
            body = await _beginning(answer)
        except TimeoutError:
            self._witness.trouble = "The host took too long."
            raise httpx2.ReadTimeout(self._witness.trouble) from None
        finally:
            await answer.aclose()
        kind = answer.headers.get("content-type", "")
        self._witness.failure = Failure(answer.status_code, kind, body, dict(answer.headers))
        return httpx2.Response(answer.status_code, headers=answer.headers, content=body)

    async def aclose(self) -> None:
        await self._inner.aclose()


async def _beginning(answer: httpx2.Response) -> bytes:
    """As much of an answer as is looked at. Raises TimeoutError."""
    body = b""
    async with asyncio.timeout(CONNECT_SECONDS):
        async for piece in answer.aiter_bytes():
            body += piece
            if len(body) >= _MAX_FAILURE:
                break
    return body


class BearerAuth(httpx2.Auth):
    """Sends the credential; a refused one is renewed once and the request repeated."""

    def __init__(self, held: Held) -> None:
        self._held = held

    async def async_auth_flow(self, request: httpx2.Request) -> AsyncGenerator[httpx2.Request, httpx2.Response]:
        """See the base class."""
        self._put(request)
        answer = yield request
        if answer.status_code in _REFUSALS and await aside(self._held.renew):
            self._put(request)
            yield request

    def _put(self, request: httpx2.Request) -> None:
        if self._held.token is not None:
            request.headers["authorization"] = f"Bearer {self._held.token}"


def client(
    outbound: Outbound, held: Held | None, witness: Witness, silence_s: float, max_bytes: int = MAX_BYTES
) -> httpx2.AsyncClient:
    """A client whose connections are guarded; ``silence_s`` is how long a server may say nothing."""
    return httpx2.AsyncClient(
        transport=_Observed(GuardedTransport(outbound, max_bytes), witness),
        auth=None if held is None else BearerAuth(held),
        timeout=httpx2.Timeout(silence_s, connect=CONNECT_SECONDS, pool=CONNECT_SECONDS),
        headers={"user-agent": "Lambent"},
        trust_env=False,
        follow_redirects=False,
    )
