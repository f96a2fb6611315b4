"""Calls of bare models count against spending limits and stand in the cost report, as those of agents do."""

from collections.abc import AsyncGenerator

from chalicelib.events.tail import threaded
from chalicelib.models.chunks import Chunk, Finished, TextDelta, ThinkingDelta, ToolInputDelta
from chalicelib.models.errors import ModelError
from chalicelib.models.usage import Usage
from chalicelib.observability import log_failure, logger
from chalicelib.spending.tab import Tab


async def paid(tab: Tab, chunks: AsyncGenerator[Chunk, None]) -> AsyncGenerator[Chunk, None]:
    """The chunks; when they end, however, what they did cost is counted.

    Of an answer that failed nothing is, of one that is broken off what was read and said, as estimated.
    """
    said, failed = 0, False
    usage: Usage | None = None
    try:
        async for chunk in chunks:
            said += _length(chunk)
            usage = chunk.usage if isinstance(chunk, Finished) else usage
            yield chunk
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
