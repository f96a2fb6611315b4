"""Notices that a client has gone while it is being answered."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from starlette.types import Receive


@asynccontextmanager
async def until_disconnect(receive: Receive) -> AsyncIterator[asyncio.Event]:
    """An event that is set once the client is gone."""
    gone = asyncio.Event()
    watcher = asyncio.create_task(_watch(receive, gone))
    try:
        yield gone
    finally:
        watcher.cancel()
        with suppress(asyncio.CancelledError):
            await watcher


async def _watch(receive: Receive, gone: asyncio.Event) -> None:
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            gone.set()
            return
