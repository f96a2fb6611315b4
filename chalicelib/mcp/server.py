"""One MCP server as a run uses it, from worker threads."""

import asyncio
import threading
from concurrent.futures import Future
from concurrent.futures import TimeoutError as StillRunning
from typing import TYPE_CHECKING, Any

from chalicelib.core.aside import aside
from chalicelib.mcp.background import BACKGROUND
from chalicelib.mcp.credentials import Held
from chalicelib.mcp.errors import McpCancelled, McpError, McpToolFailed, McpUnreachable
from chalicelib.mcp.results import output_of
from chalicelib.outbound.guard import Outbound
from chalicelib.tools.base import ToolOutput
from chalicelib.tools.hiding import hide

if TYPE_CHECKING:
    from chalicelib.mcp.link import Link
    from chalicelib.mcp.wire import Failure

Json = dict[str, Any]
SETUP_SECONDS = 15.0
_LOOK_SECONDS = 0.1
_NOT_FOUND = 404
_OPEN_END = "the call may have taken effect"
_SLOW = f"the server was not ready within {SETUP_SECONDS:g} seconds"


class McpServer:
    """Connected when first needed, and then kept until the run is left."""

    def __init__(self, name: str, url: str, outbound: Outbound, held: Held) -> None:
        self.name = name
        self.url = url
        self._outbound = outbound
        self.held = held
        self._link: Link | None = None
        self._opening = asyncio.Lock()

    def list_tools(self) -> "Future[list[Json]]":
        """Begin to ask for the tools: the result comes, or McpError, within SETUP_SECONDS."""
        return BACKGROUND.submit(self._listed())

    async def _listed(self) -> list[Json]:
        await asyncio.to_thread(_link_type)
        try:
            async with asyncio.timeout(SETUP_SECONDS):
                await aside(self.held.look)
                tools: list[Json] = hide(await (await self._open()).tools(), self.held.secrets)
        except TimeoutError:
            raise McpUnreachable(_SLOW) from None
        return tools

    async def _open(self) -> "Link":
        link_type = await asyncio.to_thread(_link_type)
        async with self._opening:
            if self._link is None or not self._link.alive:
                self._link = link_type(self.url, self._outbound, self.held)
                await self._link.open()
            return self._link

    @property
    def method(self) -> str:
        """What was asked of the server last while it was set up."""
        return "initialize" if self._link is None else self._link.method

    @property
    def failure(self) -> "Failure | None":
        """What the server answered when it failed last."""
        return None if self._link is None else self._link.witness.failure

    def call(self, tool: str, arguments: Json, cancelled: threading.Event, timeout_s: float) -> ToolOutput:
        """Carry out a call. Raises McpError."""
        self.held.look()
        future = BACKGROUND.submit(self._called(tool, arguments, timeout_s))
        while True:
            try:
                return output_of(future.result(_LOOK_SECONDS), self.held.secrets)
            except StillRunning:
                if cancelled.is_set():
                    future.cancel()
                    raise McpCancelled("the call was cancelled") from None
            except McpToolFailed as error:
                raise McpToolFailed(hide(error.message, self.held.secrets)) from error

    async def _called(self, tool: str, arguments: Json, timeout_s: float) -> Json:
        link = await self._ready()
        try:
            return await self._within(link, tool, arguments, timeout_s)
        except McpError:
            failure = link.witness.failure
            if failure is None or failure.status != _NOT_FOUND:
                raise
            # The server has forgotten the session, so it did not carry the call out.
            await link.close()
            return await self._within(await self._ready(), tool, arguments, timeout_s)

    async def _ready(self) -> "Link":
        try:
            async with asyncio.timeout(SETUP_SECONDS):
                return await self._open()
        except TimeoutError:
            raise McpUnreachable(_SLOW) from None

    @staticmethod
    async def _within(link: "Link", tool: str, arguments: Json, timeout_s: float) -> Json:
        try:
            async with asyncio.timeout(timeout_s):
                return await link.call(tool, arguments, timeout_s)
        except TimeoutError:
            raise McpToolFailed(f"the tool did not finish within {timeout_s:g} seconds; {_OPEN_END}") from None
        except McpUnreachable as error:
            raise McpUnreachable(f"{error.message.removesuffix('.')}; {_OPEN_END}") from error

    def close(self) -> None:
        """The run is left."""
        if self._link is not None:
            BACKGROUND.submit(self._link.close())


def _link_type() -> "type[Link]":
    # Loading the protocol takes longer than many a server: the loop serves others meanwhile, and no limit counts it.
    from chalicelib.mcp.link import Link

    return Link
