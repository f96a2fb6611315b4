"""What a door is made of: a table of routes, and how its errors look."""

from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel

from chalicelib.core.errors import LambentError
from chalicelib.core.principal import Bound, Principal

if TYPE_CHECKING:
    from starlette.requests import Request

    from chalicelib.wiring import Services

MIB = 1 << 20


@dataclass(slots=True)
class Call:
    """One request as its handler sees it: authenticated, limited, parsed and validated.

    ``seed`` is there when the client sent an Idempotency-Key; ids derived from it are the same whenever the same
    request is carried out again, so that a repeat meets what a first try made before it was cut off. ``ids`` are what
    the handler learns of whom and what the request is about; the request's line in the log has them.
    """

    services: "Services"
    principal: Principal
    request_id: str
    headers: Mapping[str, str]
    path: dict[str, str]
    query: Any = None
    body: Any = None
    raw_body: bytes = b""
    seed: str | None = None
    request: "Request | None" = None
    ids: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Answer:
    """A JSON answer. ``body`` None sends no bytes at all; bytes go out as they are (JSON unless a header says else).

    ``kept`` is what an idempotent route with ``recall`` remembers instead of the body.
    """

    body: Any = None
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    kept: Any = None


@dataclass(frozen=True, slots=True)
class Download:
    """Bytes, streamed from a blocking iterator."""

    pieces: Iterator[bytes]
    media_type: str
    headers: Mapping[str, str] = field(default_factory=dict)
    status: int = 200


@dataclass(frozen=True, slots=True)
class EventStream:
    """Server-sent events, already framed, each piece flushed at once."""

    frames: AsyncIterator[bytes]
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Relay:
    """Bytes as they come from elsewhere, each piece flushed at once; no thread waits for them.

    An error of ``pieces`` breaks the connection off, so that nobody takes a part for the whole. Their ``aclose``, where
    they have one, is called however the sending ends. ``last_words`` end an answer that the server has no time for,
    where its form has words for that.
    """

    pieces: AsyncIterable[bytes]
    media_type: str
    headers: Mapping[str, str] = field(default_factory=dict)
    status: int = 200
    last_words: bytes = b""


@dataclass(frozen=True, slots=True)
class Passage:
    """The answer of another server under a name of its own: sent as :class:`Relay` is, with just these headers."""

    pieces: AsyncIterable[bytes]
    status: int
    headers: Sequence[tuple[bytes, bytes]]
    last_words: bytes = b""


Shape = type[BaseModel] | str
"""The model of a JSON answer, or a media type."""
Shapes = Shape | tuple[Shape, ...] | None

Result = Answer | Download | EventStream | Relay | Passage
Handler = Callable[[Call], Result] | Callable[[Call], Awaitable[Result]]
Reach = Callable[[Call, Bound], None]
"""Raises what an unknown thing would raise when a worker's credential does not reach what the request names."""
ErrorRenderer = Callable[[LambentError, Mapping[str, str], str], Answer]
"""(error, request headers, request id) -> the answer in the door's envelope."""
Condition = Callable[[Mapping[str, str]], bool]
Recall = Callable[[Call, Any], Answer]
"""(call, what was kept of the first answer) -> the answer to a repeat."""


def each_shape(answer: Shapes) -> tuple[Shape, ...]:
    """What an answer of one status may be; nothing for one without a body."""
    if answer is None:
        return ()
    return answer if isinstance(answer, tuple) else (answer,)


@dataclass(frozen=True, slots=True)
class Route:
    """One route. The table of them drives dispatch, checks, limits, the OpenAPI document and the tests.

    ``path`` has parameters in braces, each a whole segment; a last one ``{name:path}`` takes the rest of the path.
    ``methods`` all mean the same. ``scope`` None needs no key, ``root`` the operator's key. ``answers`` maps each
    success status to its model (None: no body; a media type: bytes; several: one of them). ``errors`` lists the error
    statuses beyond those every route of its kind has. ``body`` None with ``raw`` False: any JSON object is accepted and
    handed on as it is. ``raw`` True: a coroutine handler reads ``call.request`` itself, any other finds the bytes in
    ``call.raw_body``; ``raw_media`` are the content types accepted, all when empty, and ``body`` only describes them.
    ``limit`` names the rate limit, where it is another one than ``rate`` tells by itself. ``reach`` None closes the
    route to workers' credentials. A handler that is a coroutine function runs on the event loop; any other on a worker
    thread. ``when``: the route only answers requests with headers of that kind, and then goes before any route without
    a condition; it is not in the OpenAPI document. ``keyless``: a POST that takes no Idempotency-Key, for it changes
    nothing, or tells repeats apart by itself. ``recall`` makes the answer to a repeat anew, where the first one holds
    what must not be stored; ``sealed`` keeps it sealed, where it cannot be made anew.
    """

    methods: tuple[str, ...]
    path: str
    handler: Handler
    summary: str
    scope: str | None = "read"
    body: type[BaseModel] | None = None
    query: type[BaseModel] | None = None
    answers: Mapping[int, Shapes] = field(default_factory=dict)
    errors: tuple[int, ...] = ()
    raw: bool = False
    raw_media: tuple[str, ...] = ()
    limit: str | None = None
    body_limit: int = 32 * MIB
    keyless: bool = False
    tags: tuple[str, ...] = ()
    when: Condition | None = None
    recall: Recall | None = None
    sealed: bool = False
    reach: Reach | None = None

    @property
    def rate(self) -> str:
        """The rate limit against which requests are counted: what only asks is a read."""
        asks = self.scope == "read" or self.methods == ("GET",)
        return self.limit or ("read" if asks else "write")

    @property
    def idempotent(self) -> bool:
        """Whether a repeat under the same Idempotency-Key gets the first answer again."""
        return "POST" in self.methods and self.scope is not None and not self.raw and not self.keyless


@dataclass(frozen=True, slots=True)
class Door:
    """One API family: its routes and its error envelope; ``prefixes`` are the paths whose unknown routes it answers.

    ``error_model`` describes the envelope in the OpenAPI document. ``on_end`` is awaited on the event loop when
    the server has stopped.
    """

    name: str
    routes: tuple[Route, ...]
    render_error: ErrorRenderer
    prefixes: tuple[str, ...] = ()
    error_model: type[BaseModel] | None = None
    on_end: Callable[[], Awaitable[None]] | None = None
