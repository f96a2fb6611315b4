"""Model streams for coroutines of another event loop: no thread waits while the model speaks."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Callable

from chalicelib.models.chunks import Chunk
from chalicelib.models.errors import ModelError
from chalicelib.models.provider import Provider
from chalicelib.models.request import ModelRequest
from chalicelib.models.runner import Runner, StreamEnded, runner
from chalicelib.observability import log_failure, logger

Item = Chunk | Exception
Put = Callable[[Item], None]


async def relayed(provider: Provider, request: ModelRequest, on: Runner | None = None) -> AsyncGenerator[Chunk, None]:
    """The chunks of one answer, made on the runner's loop. Raises ModelError.

    Closing the generator closes the provider's connection.
    """
    here, items = asyncio.get_running_loop(), asyncio.Queue[Item]()

    def put(item: Item) -> None:
        # The reader's loop may be over while the provider's connection is still being closed.
        with contextlib.suppress(RuntimeError):
            here.call_soon_threadsafe(items.put_nowait, item)

    task = asyncio.run_coroutine_threadsafe(_pump(provider, request, put), (on or runner()).loop())
    try:
        while not isinstance(item := await items.get(), StreamEnded):
            if isinstance(item, Exception):
                raise item
            yield item
    finally:
        task.cancel()


async def _pump(provider: Provider, request: ModelRequest, put: Put) -> None:
    try:
        async with contextlib.aclosing(provider.stream(request)) as chunks:
            async for chunk in chunks:
                put(chunk)
        put(StreamEnded())
    except asyncio.CancelledError:
        put(StreamEnded())
        raise
    except ModelError as error:
        put(error)
    except Exception as error:  # noqa: BLE001 - logged; the reader must not wait for ever
        log_failure(logger("models"), "a model provider failed unexpectedly", error)
        put(ModelError(f"The model provider failed unexpectedly: {type(error).__name__}."))
