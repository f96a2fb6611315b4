"""Streams of sandboxes that are seen to their end: who follows one need not wait for the clock to come by."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator

from chalicelib.core.clock import now_ms
from chalicelib.core.errors import LambentError
from chalicelib.doors.e2b.plane.entry import Entry
from chalicelib.doors.e2b.plane.streams import Messages
from chalicelib.http.workers import on_thread
from chalicelib.observability import log_failure, logger


class Attended:
    """Messages of a sandbox that is ended or paused when its time is over, as long as they are read."""

    def __init__(self, messages: Messages, entry: Entry) -> None:
        self._messages = messages
        self._entry = entry
        self._pieces = self._attended()

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self._pieces

    async def aclose(self) -> None:
        """Stop reading."""
        try:
            await self._pieces.aclose()
        finally:
            await self._messages.aclose()

    async def _attended(self) -> AsyncGenerator[bytes, None]:
        watch = asyncio.create_task(_see_to_its_end(self._entry))
        try:
            async for piece in self._messages:
                yield piece
        finally:
            watch.cancel()


async def _see_to_its_end(entry: Entry) -> None:
    end_at = entry.sandbox.end_at
    try:
        while end_at is not None:
            # A moment more, so that its time is over by then.
            await asyncio.sleep(max(end_at - now_ms(), 0) / 1000 + 0.01)
            end_at = await on_thread(entry.end_at)
    except LambentError as error:
        log_failure(logger("e2b"), "a sandbox could not be seen to its end", error)
