"""Notices that a client has gone while it is being answered."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager, suppress

from starlette.types import Receive

Task = asyncio.Task[None]


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


async def work_until_gone(
    receive: Receive, work: Coroutine[object, object, None], begun: Callable[[Task], None]
) -> tuple[bool, bool]:
    """Do the work until it is done or the client is gone; whether it was cut off, and whether the client had gone.

    ``begun`` is told the task, so that others can cut it off. Raises what the work raises.
    """
    async with until_disconnect(receive) as gone:
        task = asyncio.create_task(work)
        begun(task)
        leaving = asyncio.create_task(gone.wait())
        try:
            await asyncio.wait((task, leaving), return_when=asyncio.FIRST_COMPLETED)
        finally:
            leaving.cancel()
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
        return task.cancelled(), gone.is_set()


async def _watch(receive: Receive, gone: asyncio.Event) -> None:
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            gone.set()
            return
