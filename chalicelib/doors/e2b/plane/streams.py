"""Streams of messages from a guest: passed on as they come, the end of a process only once its files are safe."""

from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable

from chalicelib.doors.e2b.plane.exchange import Reply
from chalicelib.doors.e2b.plane.frames import BrokenFrames, FrameReader, failure
from chalicelib.http.errors import translate
from chalicelib.observability import logger

_LOST = "the connection to the sandbox was lost"

Barrier = Callable[[], Awaitable[None]]


class Messages:
    """The frames of a reply. ``before_exit`` is waited for before a message that tells how a process ended.

    A stream that cannot go on ends with the error ``unavailable``.
    """

    def __init__(self, reply: Reply, before_exit: Barrier | None = None) -> None:
        self._reply = reply
        self._before_exit = before_exit
        self._frames = self._guarded()

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self._frames

    async def aclose(self) -> None:
        """Stop reading; the guest goes on with what it was asked."""
        try:
            await self._frames.aclose()
        finally:
            await self._reply.close()

    async def _guarded(self) -> AsyncGenerator[bytes, None]:
        import httpx2

        reason = _LOST
        try:
            async for piece, is_last in self._batches():
                yield piece
                if is_last:
                    return
        except (httpx2.TransportError, BrokenFrames) as error:
            logger("e2b").warning("a stream of a sandbox broke off: %s", type(error).__name__)
        except Exception as error:  # noqa: BLE001 - told as the last frame, and logged there when nobody foresaw it
            reason = translate(error).message
        yield failure("unavailable", reason)

    async def _batches(self) -> AsyncIterator[tuple[bytes, bool]]:
        """Whole frames that came together, and whether the stream ends with them."""
        reader = FrameReader()
        async for piece in self._reply.pieces():
            ready: list[bytes] = []
            for frame in reader.feed(piece):
                if self._before_exit is not None and frame.is_exit:
                    yield b"".join(ready), False
                    ready.clear()
                    await self._before_exit()
                ready.append(frame.raw)
                if frame.is_last:
                    yield b"".join(ready), True
                    return
            if ready:
                yield b"".join(ready), False


class Content:
    """The bytes of a reply as they are. An error breaks the answer off."""

    def __init__(self, reply: Reply) -> None:
        self._reply = reply

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self._reply.pieces()

    async def aclose(self) -> None:
        """Stop reading."""
        await self._reply.close()
