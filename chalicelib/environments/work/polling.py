"""Waiting for work: an open question is answered as soon as something is queued."""

import asyncio

from chalicelib.environments.work.model import Offer
from chalicelib.environments.work.service import RECLAIM_MS, WorkService
from chalicelib.environments.work.store import partition
from chalicelib.events.hub import Hub
from chalicelib.events.tail import threaded
from chalicelib.storage.keys import Space

_LOOK_SECONDS = 0.25


async def next_offer(
    work: WorkService,
    hub: Hub,
    space: Space,
    environment: str,
    *,
    block_ms: int = 0,
    reclaim_ms: int = RECLAIM_MS,
) -> Offer | None:
    """The item that waits longest; waits up to ``block_ms`` for one. Holds no thread while it waits."""
    loop = asyncio.get_running_loop()
    ends, written = loop.time() + block_ms / 1000, asyncio.Event()

    def wake() -> None:
        loop.call_soon_threadsafe(written.set)

    with hub.listening(partition(space, environment), wake):
        while True:
            written.clear()
            offer = await threaded(lambda: work.poll(space, environment, reclaim_ms))
            left = ends - loop.time()
            if offer is not None or left <= 0:
                return offer
            # Where no writer reports, only looking again tells.
            await _pause(written, left if hub.attached else min(left, _LOOK_SECONDS))


async def _pause(written: asyncio.Event, seconds: float) -> None:
    try:
        await asyncio.wait_for(written.wait(), seconds)
    except TimeoutError:
        return
