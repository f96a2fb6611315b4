"""The pipeline: from an ASGI request to its answer."""

import time
from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING
from urllib.parse import quote

from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.types import Receive, Scope, Send

from chalicelib.core.errors import LambentError, MethodNotAllowed, NotFound
from chalicelib.core.jsonio import dump_bytes, dumps
from chalicelib.http import cors, errors, sse
from chalicelib.http.access import log_access
from chalicelib.http.answers import render, send_download, send_rendered
from chalicelib.http.dispatch import Match
from chalicelib.http.endpoint import Endpoint, endpoints
from chalicelib.http.exchange import Exchange, Outcome, serve
from chalicelib.http.limits import Headers
from chalicelib.http.relaying import send_passage, send_relay
from chalicelib.http.request_ids import new_request_id, request_id_headers
from chalicelib.http.route import Answer, Door, Download, EventStream, Passage, Relay
from chalicelib.http.selection import Selection
from chalicelib.observability import bind

if TYPE_CHECKING:
    from chalicelib.wiring import Services

_UNKNOWN = "(unknown)"
_CLIENT_GONE = 499


class Gateway:
    """Serves the routes of all doors. Raises RouteClash and BadPath when their tables do not fit together."""

    def __init__(self, services: "Services", doors: Sequence[Door]) -> None:
        if not doors:
            raise ValueError("at least one door is needed")
        self.services = services
        self.doors = tuple(doors)
        self.table = Selection(endpoints(doors))
        self.streams = sse.OpenStreams()
        self._prefixes = sorted(
            ((prefix.rstrip("/"), door) for door in doors for prefix in door.prefixes), key=lambda pair: -len(pair[0])
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1000})
            return
        request_id = new_request_id()
        with bind(request_id=request_id):
            await _Turn(self, Request(scope, receive), request_id, send).run()

    @cached_property
    def openapi(self) -> bytes:
        """The OpenAPI document of the doors, as JSON."""
        from chalicelib.http.openapi import document

        return dump_bytes(document(self.doors))

    def door_of(self, path: str) -> Door:
        """The door that answers for an unknown path: the one with the longest prefix of it, else the first."""
        for prefix, door in self._prefixes:
            if path.startswith(prefix) and path[len(prefix) : len(prefix) + 1] in ("", "/"):
                return door
        return self.doors[0]


class _Turn:
    """One request: found, carried out, answered, logged."""

    def __init__(self, gateway: Gateway, request: Request, request_id: str, send: Send) -> None:
        self._gateway = gateway
        self._request = request
        self._receive = request.receive
        self._request_id = request_id
        self._send = send
        self._started = time.perf_counter()
        self._method = request.method
        self._head = request.method == "HEAD"
        self._status = 0
        self._match: Match[Endpoint] = Match(None, {}, ())
        self._exchange: Exchange | None = None

    async def run(self) -> None:
        try:
            outcome, extra = await self._outcome()
            await self._deliver(outcome, extra)
        except ClientDisconnect:
            self._status = _CLIENT_GONE
        finally:
            entry = self._match.entry
            route = entry.route.path if entry is not None else _UNKNOWN
            ids = self._exchange.ids() if self._exchange is not None else {}
            spent = (time.perf_counter() - self._started) * 1000
            log_access(self._method, route, self._status, spent, self._request_id, ids)

    async def _outcome(self) -> tuple[Outcome, Headers]:
        try:
            outcome = await self._carry_out()
        except ClientDisconnect:
            raise
        except Exception as error:  # noqa: BLE001 - translated, and logged there when nobody foresaw it
            problem = errors.translate(error)
            return self._problem(problem), errors.headers_of(problem)
        return outcome, []

    async def _carry_out(self) -> Outcome:
        method, path = self._method, _raw_path(self._request.scope)
        self._match = self._find(method, path)
        entry = self._match.entry
        if entry is None:
            return self._without_route(method)
        self._exchange = Exchange(
            self._gateway.services, self._request, self._request_id, entry, self._match.parameters
        )
        return await serve(self._exchange)

    def _find(self, method: str, path: str) -> Match[Endpoint]:
        table, headers = self._gateway.table, self._request.headers
        found = table.find(method, path, headers)
        if self._head and found.entry is None and "GET" in found.allowed:
            # Everything behind this line sees a GET; the body is kept back at the very end.
            self._request = Request({**self._request.scope, "method": "GET"}, self._receive)
            return table.find("GET", path, headers)
        return found

    def _without_route(self, method: str) -> Outcome:
        allowed = self._match.allowed
        if not allowed:
            raise NotFound(f"there is no route {method} {self._request.url.path}")
        if method == "OPTIONS":
            return cors.options_answer(allowed, self._request.headers)
        raise MethodNotAllowed(
            f"{method} is not a method of {self._request.url.path}", details={"allow": cors.allow(allowed)}
        )

    def _door(self) -> Door:
        entry = self._match.entry
        return entry.door if entry is not None else self._gateway.door_of(self._request.scope["path"])

    def _problem(self, error: LambentError) -> Answer:
        return errors.render(self._door(), error, self._request.headers, self._request_id)

    def _failure_frame(self, error: Exception) -> bytes:
        return sse.frame("error", dumps(self._problem(errors.translate(error)).body))

    async def _deliver(self, outcome: Outcome, extra: Headers) -> None:
        extra = [*extra, *request_id_headers(self._request_id), *cors.HEADERS]
        if self._exchange is not None:
            named = {name for name, _ in extra}
            extra += [pair for pair in self._exchange.headers() if pair[0] not in named]
        if isinstance(outcome, EventStream):
            self._status = 200
            await sse.send_stream(
                self._send, self._receive, outcome, extra, self._gateway.streams, self._failure_frame, head=self._head
            )
        elif isinstance(outcome, Download):
            self._status = outcome.status
            await send_download(self._send, self._receive, outcome, extra, head=self._head)
        elif isinstance(outcome, Relay):
            self._status = outcome.status
            await send_relay(self._send, self._receive, outcome, extra, self._gateway.streams, head=self._head)
        elif isinstance(outcome, Passage):
            self._status = outcome.status
            await send_passage(self._send, self._receive, outcome, self._gateway.streams, head=self._head)
        else:
            rendered = render(outcome) if isinstance(outcome, Answer) else outcome
            self._status = rendered.status
            await send_rendered(self._send, rendered, extra, head=self._head)


def _raw_path(scope: Scope) -> str:
    raw: bytes | None = scope.get("raw_path")
    return raw.decode("latin-1") if raw else quote(scope["path"])


def gateway_of(app: Starlette) -> Gateway:
    """The gateway of an application made by ``create_app``."""
    gateway: Gateway = app.state.gateway
    return gateway
