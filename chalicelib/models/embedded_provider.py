"""The demo model as a provider: no key, no network, no other claim than to show that everything works."""

import asyncio
import contextlib
import threading
from collections.abc import AsyncGenerator, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from chalicelib.models import embedded_prompt, failures
from chalicelib.models.chunks import Chunk
from chalicelib.models.embedded_runtime import EmbeddedRuntime
from chalicelib.models.embedded_stream import EmbeddedReader
from chalicelib.models.errors import ModelContextExceeded, ModelError, ModelServerFailed
from chalicelib.models.request import ModelRequest
from chalicelib.models.scrub import Scrubber

_BUDGETS = (4_000, 2_000, 1_000)

Event = dict[str, Any]
Item = Event | Exception | None


class EmbeddedProvider:
    """See ``Provider``. Requests are answered one after the other by a thread of its own."""

    name = "embedded"

    def __init__(self, runtime: EmbeddedRuntime | None = None) -> None:
        self._runtime = runtime or EmbeddedRuntime()
        self._pool: ThreadPoolExecutor | None = None
        self._stops: set[threading.Event] = set()

    async def stream(self, request: ModelRequest) -> AsyncGenerator[Chunk, None]:
        """Cancelling stops the model at its next token; while it still reads the prompt it is left to itself."""
        for budget in _BUDGETS:
            reader = EmbeddedReader(structured=bool(embedded_prompt.offered(request)))
            try:
                async with contextlib.aclosing(self._events(embedded_prompt.body(request, budget))) as events:
                    async for event in events:
                        for chunk in reader.feed(event):
                            yield chunk
            except ModelContextExceeded:
                if budget == _BUDGETS[-1]:
                    raise
                continue
            for chunk in reader.end():
                yield chunk
            return

    async def warm_up(self) -> None:
        """Nothing: the model is loaded when it is first asked, as its memory is considerable."""

    async def aclose(self) -> None:
        for stop in self._stops:
            stop.set()
        if self._pool is not None:
            self._pool.shutdown(wait=False, cancel_futures=True)
            self._pool = None

    async def _events(self, body: dict[str, Any]) -> AsyncGenerator[Event, None]:
        loop, items, stop = asyncio.get_running_loop(), asyncio.Queue[Item](), threading.Event()

        def put(item: Item) -> None:
            if not stop.is_set():
                loop.call_soon_threadsafe(items.put_nowait, item)

        self._pool = self._pool or ThreadPoolExecutor(1, thread_name_prefix="embedded-model")
        self._stops.add(stop)
        job = self._pool.submit(self._work, body, put, stop)
        try:
            while (item := await items.get()) is not None:
                yield checked(item)
        finally:
            stop.set()
            job.cancel()
            self._stops.discard(stop)

    def _work(self, body: dict[str, Any], put: Callable[[Item], None], stop: threading.Event) -> None:
        def on_event(event: Event) -> bool:
            put(event)
            return stop.is_set()

        try:
            self._runtime.chat(body, on_event)
            put(None)
        except ModelError as error:
            put(error)
        except RuntimeError as error:
            put(ModelServerFailed(f"The embedded model failed: {error}"))


def checked(item: Event | Exception) -> Event:
    """The event, unless it tells of a failure. Raises ModelError."""
    if isinstance(item, Exception):
        raise item
    error = item.get("error")
    if error:
        raise failures.from_status(int(error.get("code") or 500), item, {}, Scrubber())
    return item
