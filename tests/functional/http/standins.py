"""Stand-ins for the services of the pipeline, and a small door that uses every kind of route."""

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Iterator
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

from chalicelib.core.errors import Conflict, LambentError, NotAvailable, NotFound, RateLimited
from chalicelib.core.principal import Principal
from chalicelib.http import sse
from chalicelib.http.route import Answer, Call, Door, Download, EventStream, Relay, Route
from chalicelib.http.workers import on_thread
from chalicelib.observability import bound
from chalicelib.storage import rootkey
from chalicelib.storage.errors import StorageBusy
from chalicelib.storage.secrets import SecretBox
from chalicelib.tenants.idempotency import StoredAnswer
from chalicelib.tenants.limits import Quota


class Keys:
    known = {
        "key-a": Principal("tenant-a", "1", frozenset({"read", "write"})),
        "key-b": Principal("tenant-b", "2", frozenset({"read", "write"})),
        "key-r": Principal("tenant-a", "3", frozenset({"read"})),
    }

    def authenticate(self, secret: str) -> Principal | None:
        return self.known.get(secret)

    def is_root(self, secret: str) -> bool:
        return secret == "root-key"


class Limits:
    def __init__(self) -> None:
        self.left: dict[str, int] = {"few": 2}
        self._lock = threading.Lock()

    def take(self, principal: Principal, name: str) -> Quota:
        with self._lock:
            left = self.left.get(name, 1000)
            if left == 0:
                raise RateLimited("too many requests", retry_after_ms=1500)
            self.left[name] = left - 1
            return Quota(limit=1000, remaining=left - 1, reset=1_900_000_000)


class Idempotency:
    """The rules of the real one, kept in a dict."""

    def __init__(self) -> None:
        self.rows: dict[tuple[str, str, str], tuple[str, StoredAnswer | None]] = {}
        self.renewed = 0
        self._lock = threading.Lock()

    def begin(self, tenant: str, scope: str, key: str, fingerprint: str, *, owner: str = "") -> StoredAnswer | None:
        with self._lock:
            row = self.rows.get((tenant, scope, key))
            if row is None:
                self.rows[tenant, scope, key] = (fingerprint, None)
                return None
            if row[0] != fingerprint:
                raise Conflict("this key was used with another body")
            if row[1] is None:
                raise Conflict("the first request is still at work", details={"retry_after_ms": 700})
            return row[1]

    def finish(self, tenant: str, scope: str, key: str, answer: StoredAnswer) -> None:
        with self._lock:
            self.rows[tenant, scope, key] = (self.rows[tenant, scope, key][0], answer)

    def renew(self, tenant: str, scope: str, key: str, *, owner: str) -> None:
        with self._lock:
            self.renewed += self.rows[tenant, scope, key][1] is None

    def abandon(self, tenant: str, scope: str, key: str, *, owner: str = "") -> None:
        with self._lock:
            del self.rows[tenant, scope, key]


class StandIns:
    """What the pipeline and the door below ask of the services."""

    def __init__(self) -> None:
        self.keys = Keys()
        self.limits = Limits()
        self.idempotency = Idempotency()
        self.secrets = SecretBox(lambda: rootkey.from_secret("the root secret of these tests"))
        self.made = 0
        self.closed = threading.Event()
        self.streams_open = 0
        self.go_on = threading.Event()


class Text(BaseModel):
    type: Literal["text"]
    text: str


class Image(BaseModel):
    type: Literal["image"]
    url: str


class Tool(BaseModel):
    name: Annotated[str, Field(min_length=1)]


class Thing(BaseModel):
    name: str
    tools: list[Tool] = []
    content: str | list[Text | Image] = ""
    metadata: dict[str, str] = {}


class Listing(BaseModel):
    limit: int = 50
    types: list[str] = []
    after: str | None = Field(None, alias="created_at[gte]")


class Shown(BaseModel):
    id: str
    name: str = ""


class Envelope(BaseModel):
    error: dict[str, Any]
    request_id: str


def render_error(error: LambentError, headers: Any, request_id: str) -> Answer:
    body = {"type": error.kind, "message": error.message, "field": error.field}
    return Answer({"error": body, "request_id": request_id}, error.status)


def create(call: Call) -> Answer:
    call.services.made += 1
    return Answer(Shown(id=f"thing-{call.services.made}", name=call.body.name), 201)


def listing(call: Call) -> Answer:
    return Answer(call.query.model_dump(by_alias=True))


def show(call: Call) -> Answer:
    return Answer(Shown(id=call.path["id"]))


def echo(call: Call) -> Answer:
    return Answer({"body": call.body, "tenant": call.principal.tenant})


def accepted(call: Call) -> Answer:
    return Answer(None, 202)


def failing(call: Call) -> Answer:
    raise {
        "bug": ValueError("secret detail"),
        "busy": StorageBusy("again and again"),
        "missing": NotFound("there is no such thing"),
        "conflict": Conflict("not now"),
        "soon": Conflict("not yet", details={"retry_after_ms": 250}),
        "never": NotAvailable("not here"),
    }[call.path["how"]]


async def who(call: Call) -> Answer:
    before = dict(bound())
    await asyncio.sleep(0.02)
    after = await on_thread(lambda: dict(bound()))
    return Answer({"before": before, "after": after, "request_id": call.request_id})


async def upload(call: Call) -> Answer:
    size = 0
    async for piece in call.request.stream():
        size += len(piece)
    return Answer({"size": size})


def upload_plain(call: Call) -> Answer:
    return Answer({"size": len(call.raw_body)})


async def form(call: Call) -> Answer:
    async with call.request.form() as fields:
        return Answer({"names": sorted(fields)})


def pieces(services: StandIns, count: int) -> Iterator[bytes]:
    try:
        for number in range(count):
            if number == 3:
                services.go_on.wait(0.01)
            yield b"%06d" % number * 1000
    finally:
        services.closed.set()


def download(call: Call) -> Download:
    return Download(pieces(call.services, int(call.path["count"])), "application/octet-stream")


def broken_download(call: Call) -> Download:
    def broken() -> Iterator[bytes]:
        yield b"a part"
        raise ValueError("the disk is gone")

    return Download(broken(), "application/octet-stream")


async def ticks(services: StandIns, count: int, pause: float) -> AsyncIterator[bytes]:
    services.streams_open += 1
    try:
        for number in range(count):
            yield sse.frame("tick", f'{{"at":{time.time()}}}', str(number))
            await asyncio.sleep(pause)
    finally:
        services.streams_open -= 1
        services.closed.set()


async def stream(call: Call) -> EventStream:
    return EventStream(ticks(call.services, int(call.path["count"]), 0.05))


async def silent(call: Call) -> EventStream:
    async def nothing() -> AsyncIterator[bytes]:
        call.services.streams_open += 1
        try:
            await asyncio.sleep(3600)
            yield b""
        finally:
            call.services.streams_open -= 1
            call.services.closed.set()

    return EventStream(nothing())


async def flood(call: Call) -> EventStream:
    async def endless() -> AsyncIterator[bytes]:
        try:
            while True:
                yield sse.frame("x", "y" * 65536)
        finally:
            call.services.closed.set()

    return EventStream(endless())


async def falling(call: Call) -> EventStream:
    async def fall() -> AsyncIterator[bytes]:
        yield sse.frame("tick", "1")
        raise NotFound("it was deleted") if call.path["how"] == "known" else ValueError("bug")

    return EventStream(fall())


class Flowing:
    """Pieces of bytes that tell when they are let go."""

    def __init__(self, services: StandIns, how: str) -> None:
        self._services = services
        self._how = how
        services.streams_open += 1

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield b"one"
        await asyncio.sleep(3600 if self._how == "silent" else 0.05)
        if self._how == "broken":
            raise ValueError("the other side is gone")
        yield b"two"

    async def aclose(self) -> None:
        self._services.streams_open -= 1
        self._services.closed.set()


async def relay(call: Call) -> Relay:
    return Relay(Flowing(call.services, call.path["how"]), "application/x-flow", {"x-own": "1"}, 206)


def secretive(call: Call) -> Answer:
    call.services.made += 1
    made = f"thing-{call.services.made}"
    return Answer({"id": made, "token": "not to be kept"}, 201, kept={"id": made})


def recall(call: Call, kept: Any) -> Answer:
    return Answer({"id": kept["id"], "token": "not to be kept", "again": call.principal.tenant}, 201)


def slow(call: Call) -> Answer:
    call.services.go_on.wait(5)
    return Answer({"done": True})


def _route(method: str, path: str, handler: Any, **more: Any) -> Route:
    return Route((method,), path, handler, f"{method} {path}", **more)


ROUTES = (
    _route("POST", "/t/things", create, scope="write", body=Thing, answers={201: Shown}),
    _route("GET", "/t/things", listing, query=Listing, answers={200: Listing}),
    _route("GET", "/t/things/{id}", show, answers={200: Shown}),
    _route("GET", "/t/things/newest", accepted, answers={202: None}),
    _route("DELETE", "/t/things/{id}", show, scope="write", answers={200: Shown}),
    _route("POST", "/t/echo", echo, answers={200: "application/json"}, body_limit=100_000),
    _route("POST", "/t/tiny", echo, answers={200: "application/json"}, body_limit=10),
    _route("POST", "/t/accepted", accepted, answers={202: None}),
    _route("POST", "/t/fail/{how}", failing, answers={200: Shown}, errors=(404, 409, 501)),
    _route("GET", "/t/who", who, answers={200: "application/json"}),
    _route("GET", "/t/few", accepted, limit="few", answers={202: None}),
    _route("GET", "/t/root", accepted, scope="root", answers={202: None}),
    _route("POST", "/t/upload", upload, scope="write", raw=True, body_limit=1 << 20, answers={200: "application/json"}),
    _route("POST", "/t/plain", upload_plain, raw=True, raw_media=("text/plain",), answers={200: "application/json"}),
    _route("POST", "/t/form", form, raw=True, raw_media=("multipart/form-data",), answers={200: "application/json"}),
    _route("GET", "/t/download/{count}", download, answers={200: "application/octet-stream"}),
    _route("GET", "/t/broken", broken_download, answers={200: "application/octet-stream"}),
    _route("GET", "/t/stream/{count}", stream, answers={200: sse.MEDIA_TYPE}),
    _route("GET", "/t/silent", silent, answers={200: sse.MEDIA_TYPE}),
    _route("GET", "/t/flood", flood, answers={200: sse.MEDIA_TYPE}),
    _route("GET", "/t/falling/{how}", falling, answers={200: sse.MEDIA_TYPE}),
    _route("GET", "/t/relay/{how}", relay, answers={206: "application/x-flow"}),
    _route("POST", "/t/secret", secretive, scope="write", recall=recall, answers={201: Shown}),
    _route("POST", "/t/sealed", secretive, scope="write", sealed=True, answers={201: Shown}),
    _route("GET", "/t/slow", slow, answers={200: "application/json"}),
    _route("POST", "/t/slow", slow, scope="write", answers={200: "application/json"}),
    _route("GET", "/t/files/{id}/{path:path}", lambda call: Answer(call.path), answers={200: "application/json"}),
)

DOOR = Door("test", ROUTES, render_error, prefixes=("/t",), error_model=Envelope)
