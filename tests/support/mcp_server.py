"""A real MCP server, made with the official library: streamable HTTP at ``/mcp``, SSE at ``/sse``, and at ``/`` what an
authorization server has to say."""

import base64
import contextlib
import threading
from collections.abc import AsyncIterator
from typing import Any, Self

import uvicorn
from anyio.to_thread import run_sync
from mcp.server.mcpserver import Image, MCPServer
from mcp.server.transport_security import TransportSecuritySettings
from mcp_types import ToolAnnotations
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from tests.support.api import Json, wait_for
from tests.support.oauth_site import OAuthSite

PIXEL = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg=="
)
ODD = "odd name/with.dots and many words that make it longer than any provider would ever take"
_OPEN = TransportSecuritySettings(enable_dns_rebinding_protection=False)


class Seen:
    """One HTTP request."""

    def __init__(self, scope: Scope) -> None:
        headers = {name.decode().lower(): value.decode() for name, value in scope["headers"]}
        self.method: str = scope["method"]
        self.path: str = scope["path"]
        self.authorization: str | None = headers.get("authorization")
        self.headers = headers


class McpSite:
    """Runs in a thread. ``tokens``: whom it lets in, everybody when None; ``denial`` is the status for others.

    ``calls`` are the tool calls carried out; ``slow`` calls wait until let go. ``redirect``: where it sends everybody.
    ``challenge``: where it says that its metadata are. While ``hangs`` is not set, it says nothing.
    """

    def __init__(self) -> None:
        self.tokens: set[str] | None = None
        self.denial = 401
        self.broken: int | None = None
        self.redirect: str | None = None
        self.protected: Json = {}
        self.challenge: str | None = None
        self.calls: list[tuple[str, Any]] = []
        self.seen: list[Seen] = []
        self.let_go = threading.Event()
        self.hangs: threading.Event | None = None
        self.oauth = OAuthSite()
        self.port = 0

    @property
    def url(self) -> str:
        """Where streamable HTTP is spoken."""
        return f"http://127.0.0.1:{self.port}/mcp"

    @property
    def sse_url(self) -> str:
        """Where only SSE is spoken."""
        return f"http://127.0.0.1:{self.port}/sse"

    def __enter__(self) -> Self:
        config = uvicorn.Config(self._app(), "127.0.0.1", 0, log_level="critical", timeout_graceful_shutdown=1)
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, daemon=True)
        self._thread.start()
        wait_for(lambda: self._server.started, "the MCP server")
        self.port = self._server.servers[0].sockets[0].getsockname()[1]
        self.oauth.url = f"http://127.0.0.1:{self.port}"
        return self

    def __exit__(self, *_: object) -> None:
        self.let_go.set()
        self._server.should_exit = True
        self._thread.join(10)

    def reset(self) -> None:
        """As new."""
        self.let_go.set()
        self.tokens, self.denial, self.broken, self.redirect, self.protected = None, 401, None, None, {}
        self.challenge, self.hangs = None, None
        self.calls, self.seen, self.let_go = [], [], threading.Event()
        self.oauth.__init__(self.oauth.url)  # type: ignore[misc]

    def drop(self) -> None:
        """Cut all connections."""
        loop = self._server.servers[0].get_loop()
        for connection in list(self._server.server_state.connections):
            loop.call_soon_threadsafe(connection.transport.abort)

    def bearers(self) -> list[str | None]:
        """What was sent as authorization to the tools, request by request."""
        return [one.authorization for one in self.seen if one.path in ("/mcp", "/sse")]

    def _app(self) -> ASGIApp:
        streamable = self._made().streamable_http_app(transport_security=_OPEN)
        events = self._made().sse_app(transport_security=_OPEN)

        @contextlib.asynccontextmanager
        async def lifespan(_app: Starlette) -> AsyncIterator[None]:
            async with streamable.router.lifespan_context(streamable):
                yield

        routes = [
            *self.oauth.routes(),
            Route("/.well-known/oauth-protected-resource/mcp", self._protected),
            *streamable.router.routes,
            Mount("/", events),
        ]
        return self._watched(Starlette(routes=routes, lifespan=lifespan))

    async def _protected(self, _request: Request) -> Response:
        told = {"resource": self.url, "authorization_servers": [self.oauth.url]}
        return JSONResponse(told | self.protected)

    def _watched(self, inner: ASGIApp) -> ASGIApp:
        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] != "http":
                await inner(scope, receive, send)
                return
            seen = Seen(scope)
            self.seen.append(seen)
            if self.hangs is not None:
                await run_sync(self.hangs.wait, 30, abandon_on_cancel=True)
            answer = self._instead(seen)
            await (inner if answer is None else answer)(scope, receive, send)

        return app

    def _instead(self, seen: Seen) -> Response | None:
        if not seen.path.startswith(("/mcp", "/sse", "/messages")):
            return None
        if self.redirect is not None:
            return Response(status_code=307, headers={"location": self.redirect})
        if self.broken is not None:
            return Response("broken", self.broken)
        known = (seen.authorization or "").removeprefix("Bearer ")
        if self.tokens is None or known in self.tokens | self.oauth.access:
            return None
        where = self.challenge or f"http://127.0.0.1:{self.port}/.well-known/oauth-protected-resource/mcp"
        told = {"www-authenticate": f'Bearer error="invalid_token", resource_metadata="{where}"'}
        return JSONResponse({"error": "invalid_token", "sent": known}, self.denial, told)

    def _made(self) -> MCPServer:
        server = MCPServer("site", log_level="CRITICAL")

        @server.tool(description="Says it again.")
        def echo(text: str) -> str:
            self.calls.append(("echo", text))
            return f"echo: {text}"

        @server.tool(structured_output=False)
        def picture() -> Image:
            return Image(data=PIXEL, format="png")

        @server.tool()
        def failing() -> str:
            raise ValueError("the tool broke")

        @server.tool()
        async def slow(text: str) -> str:
            self.calls.append(("slow", text))
            await run_sync(self.let_go.wait, 30, abandon_on_cancel=True)
            return f"slow: {text}"

        @server.tool(annotations=ToolAnnotations(read_only_hint=True))
        async def slow_look(text: str) -> str:
            return await slow(text)

        @server.tool()
        def leak() -> str:
            return f"you sent {self.bearers()[-1]}"

        @server.tool(name=ODD)
        def odd(text: str) -> str:
            return f"odd: {text}"

        return server
