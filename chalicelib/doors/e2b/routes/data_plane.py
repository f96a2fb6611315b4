"""What goes to the guest of a sandbox: health, files, processes. No API key; a token of the sandbox admits."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from functools import partial
from urllib.parse import quote

from starlette.requests import Request

from chalicelib.core.errors import NotFound, TooLarge
from chalicelib.core.jsonio import loads
from chalicelib.core.numbers import whole
from chalicelib.doors.e2b import schemas
from chalicelib.doors.e2b.addressing import address_of, is_addressed, is_for_a_port
from chalicelib.doors.e2b.errors import PortClosed, SandboxAway
from chalicelib.doors.e2b.plane import ports
from chalicelib.doors.e2b.plane.attending import Attended
from chalicelib.doors.e2b.plane.entry import Entry, enter, is_running, on_its_thread
from chalicelib.doors.e2b.plane.exchange import Question, Whole, ask, ask_whole
from chalicelib.doors.e2b.plane.forwarding import inward, outward
from chalicelib.doors.e2b.plane.frames import failure
from chalicelib.doors.e2b.plane.streams import Content, Messages
from chalicelib.doors.e2b.signatures import Operation, Signed
from chalicelib.http.bodies import is_announced
from chalicelib.http.relaying import WhileAdmitted
from chalicelib.http.route import MIB, Answer, Call, Passage, Relay, Route
from chalicelib.http.sse import while_admitted
from chalicelib.http.workers import on_thread

_JSON = "application/json"
_FRAMED = "application/connect+json"
_WIRE_LIMIT = 80 << 30
"""More than any upload; the operator's limit is checked while the content comes in."""
_FORM_ROOM = MIB
_STOPPING = failure("unavailable", "the server is stopping; connect again to see what became of the sandbox")
_FAILED = 400
_OK = 200


@dataclass(frozen=True, slots=True)
class _Service:
    """A service of the guest: methods that answer a stream, that change nothing, and that change files."""

    name: str
    streams: frozenset[str]
    harmless: frozenset[str]
    changing: frozenset[str] = frozenset()
    exits: frozenset[str] = frozenset()


_PROCESS = _Service(
    "process.Process",
    streams=frozenset({"Start", "Connect"}),
    harmless=frozenset({"List"}),
    exits=frozenset({"Start", "Connect"}),
)
_FILESYSTEM = _Service(
    "filesystem.Filesystem",
    streams=frozenset({"WatchDir"}),
    harmless=frozenset({"Stat", "ListDir"}),
    changing=frozenset({"MakeDir", "Move", "Remove"}),
)


async def health(call: Call) -> Answer:
    """Whether the sandbox runs; asking does not wake it."""
    await _check_running(call)
    return Answer(None, 204)


async def visit(call: Call) -> Passage:
    """What listens on a port of the sandbox answers."""
    address, request = address_of(call.headers), _request(call)
    if address is None:
        raise RuntimeError("a route for requests to a port got another one")
    entry = await on_its_thread(ports.visited, call.services, call.headers, address)
    call.ids.update(tenant=entry.space.tenant, sandbox=entry.sandbox_id)
    headers = ports.inward(ports.joined(request.headers.items()), address, entry.sandbox.network)
    content = request.stream() if is_announced(call.headers) else b""
    reply = await ask(entry, Question(request.method, _target(request), headers, content, port=address.port))
    try:
        ports.check_open(reply, address)
    except PortClosed:
        await reply.close()
        raise
    pieces = WhileAdmitted(Content(reply), partial(on_thread, entry.is_served))
    return Passage(pieces, reply.status, ports.outward(reply))


def _target(request: Request) -> str:
    path: bytes = request.scope.get("raw_path") or quote(request.scope["path"]).encode()
    query: bytes = request.scope["query_string"]
    return (path + (b"?" + query if query else b"")).decode("latin-1")


async def _check_running(call: Call) -> None:
    if not await on_its_thread(is_running, call.services, call.headers):
        address = address_of(call.headers)
        raise SandboxAway("" if address is None else address.named)


async def read_file(call: Call) -> Answer | Relay:
    """A file's bytes."""
    query: schemas.FileQuery = call.query
    entry = await _entered(call, _signed(query, "read"))
    question = Question("GET", "/files", inward(call.headers), query=query.inward(), harmless=True)
    reply = await ask(entry, question)
    if reply.status >= _FAILED:
        return _answer(Whole(reply.status, reply.headers, await reply.whole()))
    return Relay(Content(reply), reply.media_type, outward(reply.headers), reply.status)


async def write_files(call: Call) -> Answer:
    """Store one file or several; durable when this is answered."""
    query: schemas.FileQuery = call.query
    entry = await _entered(call, _signed(query, "write"))
    limit = call.services.settings.max_upload_mib * MIB
    if (whole(call.headers.get("content-length")) or 0) > limit + _FORM_ROOM:
        raise _too_large(limit)
    question = Question("POST", "/files", inward(call.headers), _counted(_request(call), limit), query.inward())
    return await _lasting(entry, await ask_whole(entry, question))


async def _entered(call: Call, signed: Signed | None = None) -> Entry:
    entry = await on_its_thread(enter, call.services, call.headers, signed)
    call.ids.update(tenant=entry.space.tenant, sandbox=entry.sandbox_id)
    return entry


def _signed(query: schemas.FileQuery, operation: Operation) -> Signed | None:
    if not query.signature:
        return None
    return Signed(query.signature, operation, query.path, query.username, query.signature_expiration)


async def _counted(request: Request, limit: int) -> AsyncIterator[bytes]:
    taken = 0
    async for piece in request.stream():
        taken += len(piece)
        if taken > limit + _FORM_ROOM:
            raise _too_large(limit)
        if piece:
            yield piece


def _too_large(limit: int) -> TooLarge:
    return TooLarge(f"an upload may have at most {limit} bytes")


async def _rpc(call: Call, *, service: _Service) -> Answer | Relay:
    method = call.path["method"]
    if not (method.isascii() and method.isalpha()):
        raise NotFound(f"{service.name} has no such method")
    entry = await _entered(call)
    body = await _request(call).body()
    path = f"/{service.name}/{method}"
    headers = inward(call.headers, leave_out=("content-length",))
    if method in service.streams:
        question = Question("POST", path, headers, body, hold_ms=_hold_ms(call, entry))
        return await _stream(entry, question, lasting=method in service.exits)
    answered = await ask_whole(entry, Question("POST", path, headers, body, harmless=method in service.harmless))
    return await _lasting(entry, answered) if method in service.changing else _answer(answered)


def _hold_ms(call: Call, entry: Entry) -> int:
    """How long what is asked may take: so long the sandbox is not idle, however silent it is."""
    limit = whole(call.headers.get("connect-timeout-ms"))
    return entry.rest_ms() if limit is None else min(limit, entry.rest_ms())


async def stream_input(call: Call) -> Answer | Relay:
    """Send input to a process as it comes."""
    entry = await _entered(call)
    path = "/process.Process/StreamInput"
    sent = while_admitted(_request(call).stream(), partial(on_thread, entry.is_served))
    question = Question("POST", path, inward(call.headers), sent, hold_ms=_hold_ms(call, entry))
    return await _stream(entry, question, lasting=False)


async def _stream(entry: Entry, question: Question, *, lasting: bool) -> Answer | Relay:
    """``lasting``: files are made durable before the end of a process is told."""
    reply = await ask(entry, question)
    if reply.status != _OK:
        return _refused(Whole(reply.status, reply.headers, await reply.whole()))
    messages = Messages(reply, partial(on_thread, entry.sync) if lasting else None)
    pieces = WhileAdmitted(Attended(messages, entry), partial(on_thread, entry.is_served))
    headers = {"cache-control": "no-cache, no-transform", "x-accel-buffering": "no"}
    return Relay(pieces, _FRAMED, headers, last_words=_STOPPING)


def _refused(answered: Whole) -> Answer:
    """An error of a stream, told in the stream: some clients see no more than the status of any other answer."""
    try:
        told = loads(answered.body)
        ending = failure(str(told["code"]), str(told.get("message", "")))
    except (ValueError, KeyError, TypeError, AttributeError):
        return _answer(answered)
    return Answer(ending, headers={"content-type": _FRAMED})


async def _lasting(entry: Entry, answered: Whole) -> Answer:
    if answered.status < _FAILED:
        await on_thread(entry.sync)
    return _answer(answered)


def _answer(answered: Whole) -> Answer:
    headers = outward(answered.headers)
    headers.pop("content-length", None)
    return Answer(
        answered.body, answered.status, headers | {"content-type": answered.headers.get("content-type", _JSON)}
    )


def _request(call: Call) -> Request:
    if call.request is None:
        raise RuntimeError("what is passed on needs the request itself")
    return call.request


async def process(call: Call) -> Answer | Relay:
    """A method of the guest's processes."""
    return await _rpc(call, service=_PROCESS)


async def filesystem(call: Call) -> Answer | Relay:
    """A method of the guest's files."""
    return await _rpc(call, service=_FILESYSTEM)


_TAGS = ("sandbox data plane",)
_ERRORS = (400, 401, 404, 502)
_ANY_METHOD = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
_ANY = "*/*"
ROUTES: tuple[Route, ...] = (
    *(
        Route(
            _ANY_METHOD,
            path,
            visit,
            "What listens on a port of a sandbox",
            scope=None,
            raw=True,
            body_limit=_WIRE_LIMIT,
            when=is_for_a_port,
        )
        for path in ("/", "/{path:path}")
    ),
    Route(
        ("GET",),
        "/health",
        health,
        "Whether a sandbox runs",
        scope=None,
        answers={204: None},
        errors=(502,),
        tags=_TAGS,
        when=is_addressed,
    ),
    Route(
        ("GET",),
        "/files",
        read_file,
        "Download a file of a sandbox",
        scope=None,
        query=schemas.FileQuery,
        answers={200: _ANY},
        errors=_ERRORS,
        tags=_TAGS,
    ),
    Route(
        ("POST",),
        "/files",
        write_files,
        "Upload files to a sandbox",
        scope=None,
        query=schemas.FileQuery,
        answers={200: _JSON},
        errors=(*_ERRORS, 507),
        raw=True,
        raw_media=("multipart/form-data", "application/octet-stream"),
        body_limit=_WIRE_LIMIT,
        tags=_TAGS,
    ),
    Route(
        ("POST",),
        "/process.Process/{method}",
        process,
        "Start, list, follow and signal processes of a sandbox",
        scope=None,
        answers={200: (_JSON, _FRAMED)},
        errors=_ERRORS,
        raw=True,
        tags=_TAGS,
    ),
    Route(
        ("POST",),
        "/process.Process/StreamInput",
        stream_input,
        "Send input to a process of a sandbox as it comes",
        scope=None,
        answers={200: _FRAMED},
        errors=_ERRORS,
        raw=True,
        body_limit=_WIRE_LIMIT,
        tags=_TAGS,
    ),
    Route(
        ("POST",),
        "/filesystem.Filesystem/{method}",
        filesystem,
        "List, watch, make, move and remove files of a sandbox",
        scope=None,
        answers={200: (_JSON, _FRAMED)},
        errors=(*_ERRORS, 409),
        raw=True,
        tags=_TAGS,
    ),
)
