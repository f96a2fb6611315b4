"""Sends an answer whose bytes come from elsewhere, for as long as that takes."""

import time
from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable

from starlette.types import Receive, Send

from chalicelib.http import sse
from chalicelib.http.answers import foreign
from chalicelib.http.disconnects import work_until_gone
from chalicelib.http.limits import Headers
from chalicelib.http.route import Passage, Relay
from chalicelib.http.sse import OpenStreams


class RelayStopped(Exception):
    """The whole answer was not sent: the server stops, or whoever asked is not admitted any more."""


class ServerStops(RelayStopped):
    """The server stops."""


class WhileAdmitted:
    """Pieces that break off with RelayStopped once the caller is admitted no more."""

    def __init__(self, pieces: AsyncIterable[bytes], admitted: Callable[[], Awaitable[bool]]) -> None:
        self._pieces = pieces
        self._admitted = admitted

    async def __aiter__(self) -> AsyncIterator[bytes]:
        looked = time.monotonic()
        async for piece in self._pieces:
            if time.monotonic() - looked >= sse.LOOK_SECONDS:
                if not await self._admitted():
                    raise RelayStopped("the caller is not admitted any more")
                looked = time.monotonic()
            yield piece

    async def aclose(self) -> None:
        """Close the source, however far it was read."""
        close = getattr(self._pieces, "aclose", None)
        if close is not None:
            await close()


async def send_relay(
    send: Send, receive: Receive, relay: Relay, extra: Headers, open_streams: OpenStreams, *, head: bool
) -> None:
    """Send pieces as they come; when the client goes, stop and close the source.

    An error of the source is raised, and so is RelayStopped when the server stops and the relay has no last words for
    that: both break the connection off.
    """
    headers = foreign(relay.media_type, relay.headers) + extra
    passage = Passage(relay.pieces, relay.status, headers, relay.last_words)
    await send_passage(send, receive, passage, open_streams, head=head)


async def send_passage(
    send: Send, receive: Receive, passage: Passage, open_streams: OpenStreams, *, head: bool
) -> None:
    """As :func:`send_relay`, with nothing of this server's own."""
    try:
        await send({"type": "http.response.start", "status": passage.status, "headers": list(passage.headers)})
        if head or await _pump_until_gone(send, receive, passage.pieces, open_streams):
            await send({"type": "http.response.body", "body": b""})
    except ServerStops:
        if not passage.last_words:
            raise
        await send({"type": "http.response.body", "body": passage.last_words})
    finally:
        close = getattr(passage.pieces, "aclose", None)
        if close is not None:
            await close()


async def _pump_until_gone(
    send: Send, receive: Receive, pieces: AsyncIterable[bytes], open_streams: OpenStreams
) -> bool:
    """Whether the client has had everything; False when it left before."""
    cut_off, gone = await work_until_gone(receive, _pump(send, pieces), open_streams.add)
    if cut_off and not gone:
        raise ServerStops("the server stops")
    return not cut_off


async def _pump(send: Send, pieces: AsyncIterable[bytes]) -> None:
    async for piece in pieces:
        await send({"type": "http.response.body", "body": piece, "more_body": True})
