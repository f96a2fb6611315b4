"""Calls of bare models count against spending limits and stand in the cost report, as those of agents do."""

import time
from collections.abc import AsyncGenerator

from chalicelib.events.tail import threaded
from chalicelib.models.chunks import Chunk, Finished, TextDelta, ThinkingDelta, ToolInputDelta
from chalicelib.models.errors import ModelError
from chalicelib.models.usage import Usage
from chalicelib.observability import log_failure, logger
from chalicelib.spending.tab import Tab

_LOOK_SECONDS = 1.0


async def paid(tab: Tab, chunks: AsyncGenerator[Chunk, None]) -> AsyncGenerator[Chunk, None]:
    """The chunks, as long as no kill switch is set; when they end, however, what they did cost is counted.

    Of an answer that failed nothing is, of one that is broken off what was read and said, as estimated. Raises
    SpenderBlocked, ModelError.
    """
    said, failed, looked = 0, False, time.monotonic()
    usage: Usage | None = None
    try:
        async for chunk in chunks:
            said += _length(chunk)
            usage = chunk.usage if isinstance(chunk, Finished) else usage
            yield chunk
            if usage is None and time.monotonic() - looked >= _LOOK_SECONDS:
                await threaded(tab.demand_open)
                looked = time.monotonic()
    except ModelError:
        failed = True
        raise
    finally:
        await chunks.aclose()
        await threaded(lambda: _settle(tab, None if failed else usage or tab.broken_off(said)))


def _length(chunk: Chunk) -> int:
    """How many characters of the answer it holds."""
    if isinstance(chunk, TextDelta | ThinkingDelta):
        return len(chunk.text)
    return len(chunk.partial_json) if isinstance(chunk, ToolInputDelta) else 0


def _settle(tab: Tab, usage: Usage | None) -> None:
    try:
        tab.settle(usage)
    except Exception as error:  # noqa: BLE001 - logged: the answer is there, and is not withheld because of this
        log_failure(logger("spending"), "what a chat cost could not be counted", error)
