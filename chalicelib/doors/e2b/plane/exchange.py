"""Questions to a guest: asked, asked again where that does no harm, answered whole or piece by piece."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from chalicelib.core.errors import LambentError
from chalicelib.doors.e2b.addressing import ENVD_PORT
from chalicelib.doors.e2b.errors import PortClosed, SandboxAway
from chalicelib.doors.e2b.plane.entry import Entry
from chalicelib.doors.e2b.plane.guests import GUESTS, Lease
from chalicelib.http.workers import on_thread
from chalicelib.observability import logger

if TYPE_CHECKING:
    import httpx2

T = TypeVar("T")

_LONGEST_ANSWER = 64 << 20


class AnswerTooLong(LambentError):
    """The guest says more than any sound one does."""


@dataclass(frozen=True, slots=True)
class Question:
    """A request for a guest. ``harmless``: asking twice changes no more than asking once. ``hold_ms``: how long the
    sandbox is not idle for its sake. ``port``: who answers is not the guest itself but what listens there, and ``path``
    is the target as it was written."""

    method: str
    path: str
    headers: Mapping[str, str]
    content: bytes | AsyncIterator[bytes] = b""
    query: Mapping[str, str] = field(default_factory=dict)
    harmless: bool = False
    hold_ms: int = 0
    port: int = ENVD_PORT

    @property
    def is_for_guest(self) -> bool:
        """Whether the guest itself is asked: one that breaks off may be gone."""
        return self.port == ENVD_PORT


class Reply:
    """A guest's answer whose body is still to be read. ``close`` it."""

    def __init__(self, response: "httpx2.Response", lease: Lease, doubt: Callable[[], None]) -> None:
        self._response = response
        self._lease = lease
        self._doubt = doubt
        self.status = response.status_code
        self.headers = response.headers

    @property
    def media_type(self) -> str:
        """Its content type."""
        found: str = self.headers.get("content-type", "application/octet-stream")
        return found

    async def pieces(self) -> AsyncIterator[bytes]:
        """The body as it comes, encodings left on. Raises httpx2.TransportError when it breaks off."""
        import httpx2

        try:
            async for piece in self._response.aiter_raw():
                yield piece
        except httpx2.TransportError:
            self._doubt()
            raise

    async def whole(self) -> bytes:
        """The body in one; the answer is closed then. Raises AnswerTooLong, httpx2.TransportError."""
        held = bytearray()
        try:
            async for piece in self.pieces():
                held += piece
                if len(held) > _LONGEST_ANSWER:
                    raise AnswerTooLong("the sandbox answered with too much")
        finally:
            await self.close()
        return bytes(held)

    async def close(self) -> None:
        """Let go of the connection; what is unread stays so."""
        try:
            await self._response.aclose()
        finally:
            await self._lease.release()


@dataclass(frozen=True, slots=True)
class Whole:
    """A guest's answer that was read to its end."""

    status: int
    headers: Mapping[str, str]
    body: bytes


async def ask(entry: Entry, question: Question) -> Reply:
    """The guest's answer, its head at least. Raises SandboxAway, SandboxUnavailable, PortClosed."""
    return await _tried(entry, question, _reply)


async def ask_whole(entry: Entry, question: Question) -> Whole:
    """The guest's answer. Raises as :func:`ask` does, and AnswerTooLong."""
    return await _tried(entry, question, _whole)


async def _tried(entry: Entry, question: Question, attempt: Callable[[Entry, Question], Awaitable[T]]) -> T:
    import httpx2

    try:
        return await attempt(entry, question)
    except httpx2.TransportError as error:
        if not _may_repeat(question, error):
            raise await _unreachable(entry, question, error) from error
        logger("e2b").info("asking a sandbox again after %s", type(error).__name__)
    try:
        return await attempt(entry, question)
    except httpx2.TransportError as error:
        raise await _unreachable(entry, question, error) from error


def _may_repeat(question: Question, error: "httpx2.TransportError") -> bool:
    import httpx2

    if not isinstance(question.content, bytes):
        return False
    return question.harmless or isinstance(error, httpx2.ConnectError)


async def _unreachable(entry: Entry, question: Question, error: Exception) -> LambentError:
    """Why a guest does not answer: its sandbox ended or was paused meanwhile, or nothing in it listens."""
    if not await on_thread(entry.is_running):
        return SandboxAway(entry.sandbox_id)
    if question.is_for_guest:
        ids = {"tenant": entry.space.tenant, "sandbox": entry.sandbox_id}
        logger("e2b").warning("a sandbox does not answer: %s", type(error).__name__, extra=ids)
    return PortClosed(entry.sandbox_id, question.port)


async def _reply(entry: Entry, question: Question) -> Reply:
    import httpx2

    live = await on_thread(entry.live, question.hold_ms)
    lease = await GUESTS.lease(entry.sandbox_id, live.link)
    doubt = partial(entry.doubt, live) if question.is_for_guest else _nothing
    try:
        return Reply(await lease.client.send(_request(lease.client, question), stream=True), lease, doubt)
    except httpx2.TransportError as error:
        if question.is_for_guest or isinstance(error, httpx2.ConnectError):
            entry.doubt(live)
        await lease.release()
        raise
    except BaseException:
        await lease.release()
        raise


def _nothing() -> None:
    """That something in a sandbox breaks off says nothing of the sandbox."""


def _request(client: "httpx2.AsyncClient", question: Question) -> "httpx2.Request":
    if not question.is_for_guest:
        return _foreign_request(client, question)
    return client.build_request(
        question.method,
        question.path,
        params=dict(question.query) or None,
        content=question.content or None,
        headers=[(name.encode(), value.encode("latin-1")) for name, value in question.headers.items()],
    )


def _foreign_request(client: "httpx2.AsyncClient", question: Question) -> "httpx2.Request":
    """Nothing of the client library's own, and the target as it was written."""
    import httpx2

    target = f"/ports/{question.port}{question.path}"
    return httpx2.Request(
        question.method,
        client.base_url,
        headers=dict(question.headers),
        content=question.content or None,
        extensions={"target": target.encode("latin-1"), "timeout": client.timeout.as_dict()},
    )


async def _whole(entry: Entry, question: Question) -> Whole:
    reply = await _reply(entry, question)
    return Whole(reply.status, reply.headers, await reply.whole())
