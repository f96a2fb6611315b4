"""One open connection to an MCP server, on the event loop. Importing this loads the protocol's library."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from typing import Any, TypeVar

import httpx2
from mcp.client.client import Client
from mcp.client.sse import sse_client
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.exceptions import MCPError
from mcp_types import Implementation

from chalicelib.core.jsonio import dump_bytes
from chalicelib.mcp.credentials import Held
from chalicelib.mcp.errors import McpError, McpToolFailed, McpUnauthorized, McpUnreachable
from chalicelib.mcp.wire import CONNECT_SECONDS, MAX_BYTES, Witness, client
from chalicelib.outbound.guard import Outbound

T = TypeVar("T")
Json = dict[str, Any]
_MOST_PAGES = 20
_MOST_TOOLS = 512
_SILENCE_SECONDS = 300.0
_CLOSING_SECONDS = 2.0
_US = Implementation(name="lambent", version="0.1")

# It tells of addresses, and of what servers send, which belongs to the tenant.
logging.getLogger("mcp").setLevel(logging.CRITICAL)
logging.getLogger("httpx2").setLevel(logging.WARNING)

Way = Callable[[], AbstractAsyncContextManager[Any]]


class Link:
    """Streamable HTTP, or SSE where the server speaks only that. A link that broke is of no more use."""

    def __init__(self, url: str, outbound: Outbound, held: Held) -> None:
        self._url = url
        self._outbound = outbound
        self._held = held
        self.witness = Witness()
        self.method = "initialize"
        self._client: Client | None = None
        self._task: asyncio.Task[None] | None = None
        self._closing = asyncio.Event()

    @property
    def alive(self) -> bool:
        """Whether it is open."""
        return self._client is not None and self._task is not None and not self._task.done()

    async def open(self) -> None:
        """Raises McpUnreachable, McpUnauthorized."""
        try:
            await self._enter(self._streamable, "auto")
        except McpUnreachable:
            if not self.witness.speaks_otherwise:
                raise
            self.witness.forget()
            await self._enter(self._sse, "legacy")

    def _streamable(self) -> AbstractAsyncContextManager[Any]:
        return _Streamable(self._url, self._http())

    def _sse(self) -> AbstractAsyncContextManager[Any]:
        def made(
            headers: dict[str, str] | None = None,  # noqa: ARG001 - the library's own interface
            timeout: httpx2.Timeout | None = None,  # noqa: ARG001 - the library's own interface
            auth: httpx2.Auth | None = None,  # noqa: ARG001 - the library's own interface
        ) -> httpx2.AsyncClient:
            return self._http()

        return sse_client(self._url, httpx_client_factory=made, timeout=CONNECT_SECONDS)

    def _http(self) -> httpx2.AsyncClient:
        return client(self._outbound, self._held, self.witness, _SILENCE_SECONDS)

    async def _enter(self, way: Way, mode: str) -> None:
        ready: asyncio.Future[Client] = asyncio.get_running_loop().create_future()
        task = asyncio.create_task(self._hold(way, mode, ready))
        task.add_done_callback(_looked_at)
        try:
            await asyncio.wait((task, ready), return_when=asyncio.FIRST_COMPLETED)
        except asyncio.CancelledError:
            task.cancel()
            raise
        if not ready.done():
            raise self._named(task.exception())
        self._client, self._task = ready.result(), task

    async def _hold(self, way: Way, mode: str, ready: "asyncio.Future[Client]") -> None:
        # What is entered must be left by the same task, so one task is there for it alone.
        async with Client(way(), mode=mode, client_info=_US, cache=None) as opened:
            ready.set_result(opened)
            await self._closing.wait()

    async def tools(self) -> list[Json]:
        """What the server offers, in wire form. Raises McpUnreachable, McpUnauthorized."""
        self.method = "tools/list"
        found: list[Json] = []
        room, cursor = MAX_BYTES, None
        for _ in range(_MOST_PAGES):
            page = await self._ask(lambda opened, at=cursor: opened.list_tools(cursor=at))  # type: ignore[misc]
            fresh = [tool.model_dump(by_alias=True, mode="json", exclude_none=True) for tool in page.tools]
            room -= len(dump_bytes(fresh))
            if room < 0:
                raise McpUnreachable("the server's list of tools is longer than is read")
            found += fresh
            cursor = page.next_cursor
            if cursor is None:
                break
        return found[:_MOST_TOOLS]

    async def call(self, name: str, arguments: Json, timeout_s: float) -> Json:
        """The result of a call, in wire form. Raises McpToolFailed, McpUnreachable, McpUnauthorized."""
        self.witness.forget()
        try:
            result = await self._ask(lambda opened: opened.call_tool(name, arguments, read_timeout_seconds=timeout_s))
        except MCPError as error:
            if self.witness.failure is not None or self.witness.trouble is not None or not self.alive:
                raise self._named(error) from error
            raise McpToolFailed(f"the server answered with error {error.code}: {error.message}") from error
        except RuntimeError as error:
            raise McpToolFailed(f"the answer is not what the tool promises: {error}") from error
        told: Json = result.model_dump(by_alias=True, mode="json", exclude_none=True)
        return told

    async def _ask(self, work: Callable[[Client], Awaitable[T]]) -> T:
        opened, held = self._client, self._task
        if opened is None or held is None:
            raise McpUnreachable("the connection is not open")
        asked = asyncio.ensure_future(work(opened))
        try:
            await asyncio.wait((asked, held), return_when=asyncio.FIRST_COMPLETED)
            if not asked.done():
                raise self._named(None if held.cancelled() else held.exception())
            try:
                return asked.result()
            except (MCPError, RuntimeError):
                if self.method == "tools/list" and self.witness.failure is not None:
                    raise self._named(asked.exception()) from None
                raise
            except Exception as error:
                raise self._named(error) from error
        finally:
            asked.cancel()
            asked.add_done_callback(_looked_at)

    async def close(self) -> None:
        """Leave; a session at the server is ended."""
        self._closing.set()
        if self._task is not None and not self._task.done():
            await asyncio.wait((self._task,), timeout=_CLOSING_SECONDS)
            self._task.cancel()

    def _named(self, error: BaseException | None) -> McpError:
        witness = self.witness
        if witness.failure is not None and witness.refused:
            return McpUnauthorized(f"the server answered {witness.failure.status}")
        if witness.failure is not None:
            return McpUnreachable(f"the server answered {witness.failure.status}")
        if witness.trouble is not None:
            return McpUnreachable(witness.trouble)
        if isinstance(error, TimeoutError):
            return McpUnreachable("the server took too long")
        return McpUnreachable("the server does not speak the protocol as it should")


class _Streamable:
    """The transport with a client of ours, which goes with it."""

    def __init__(self, url: str, http: httpx2.AsyncClient) -> None:
        self._http = http
        self._inner = streamable_http_client(url, http_client=http)

    async def __aenter__(self) -> Any:
        await self._http.__aenter__()
        return await self._inner.__aenter__()

    async def __aexit__(self, *told: Any) -> bool | None:
        try:
            return await self._inner.__aexit__(*told)
        finally:
            await self._http.__aexit__(*told)


def _looked_at(task: "asyncio.Future[Any]") -> None:
    """An error that came too late for anybody to hear it is not worth a line in the log."""
    if not task.cancelled():
        task.exception()
