"""Model streams for synchronous code: one event loop in a thread of its own serves every worker thread."""

import asyncio
import contextlib
import os
import threading
from collections.abc import Coroutine
from queue import Empty, SimpleQueue
from typing import Any

from chalicelib.models.chunks import Chunk
from chalicelib.models.errors import ModelError
from chalicelib.models.provider import Provider
from chalicelib.models.request import ModelRequest


class StreamEnded(Exception):
    """Nothing more will come: the stream has finished, or it was cancelled."""


class ModelStream:
    """One answer under way. ``next`` and ``next_batch`` belong to one thread; ``cancel`` may come from any."""

    def __init__(self) -> None:
        self._queue: SimpleQueue[Chunk | Exception] = SimpleQueue()
        self._failure: Exception | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[None] | None = None
        self._cancelled = False

    def next(self, timeout: float) -> Chunk | None:
        """The next chunk, or None when none came within ``timeout`` seconds. Raises ModelError, StreamEnded."""
        self._check()
        try:
            item = self._queue.get(timeout=timeout) if timeout > 0 else self._queue.get_nowait()
        except Empty:
            return None
        if isinstance(item, Exception):
            self._failure = item
            self._check()
            return None
        self._check()
        return item

    def next_batch(self, timeout: float) -> list[Chunk]:
        """Everything there is, after waiting up to ``timeout`` seconds for the first chunk; may be empty.

        Raises ModelError or StreamEnded, after all chunks that came before it were given.
        """
        first = self.next(timeout)
        if first is None:
            return []
        batch = [first]
        with contextlib.suppress(Empty):
            while self._failure is None:
                item = self._queue.get_nowait()
                if isinstance(item, Exception):
                    self._failure = item
                else:
                    batch.append(item)
        return batch

    def cancel(self) -> None:
        """Closes the provider's connection soon, from whatever thread; the reader meets StreamEnded."""
        self._cancelled = True
        self._queue.put(StreamEnded())
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._stop)

    def _check(self) -> None:
        if self._cancelled:
            raise StreamEnded
        if self._failure is not None:
            raise self._failure

    def _start(self, loop: asyncio.AbstractEventLoop, provider: Provider, request: ModelRequest) -> None:
        self._loop = loop
        loop.call_soon_threadsafe(self._begin, provider, request)

    def _begin(self, provider: Provider, request: ModelRequest) -> None:
        if not self._cancelled:
            self._task = asyncio.ensure_future(self._pump(provider, request))

    def _stop(self) -> None:
        if self._task is not None:
            self._task.cancel()

    async def _pump(self, provider: Provider, request: ModelRequest) -> None:
        put = self._queue.put
        try:
            async with contextlib.aclosing(provider.stream(request)) as chunks:
                async for chunk in chunks:
                    put(chunk)
            put(StreamEnded())
        except asyncio.CancelledError:
            put(StreamEnded())
        except ModelError as error:
            put(error)
        except Exception as error:
            put(ModelError(f"The model provider failed unexpectedly: {type(error).__name__}."))
            raise


class Runner:
    """The loop thread, started with the first use. A process needs one; see ``open_stream``."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._pid = 0

    def open_stream(self, provider: Provider, request: ModelRequest) -> ModelStream:
        """Sends the request from the loop thread; returns at once."""
        stream = ModelStream()
        stream._start(self.loop(), provider, request)
        return stream

    def run(self, work: Coroutine[Any, Any, None]) -> None:
        """Lets the loop thread do this in the background."""
        asyncio.run_coroutine_threadsafe(work, self.loop())

    def loop(self) -> asyncio.AbstractEventLoop:
        """The running loop; a new one after a fork, whose child has no loop thread."""
        with self._lock:
            if self._loop is None or self._pid != os.getpid():
                self._pid, self._loop = os.getpid(), asyncio.new_event_loop()
                self._thread = threading.Thread(target=self._loop.run_forever, name="model-streams", daemon=True)
                self._thread.start()
            return self._loop

    def close(self) -> None:
        """Stops the loop; streams that are open end."""
        with self._lock:
            loop, thread, self._loop, self._thread = self._loop, self._thread, None, None
        if loop is None or thread is None:
            return
        asyncio.run_coroutine_threadsafe(_cancel_everything(), loop).result(5)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(5)
        loop.close()


async def _cancel_everything() -> None:
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)


_runner = Runner()


def open_stream(provider: Provider, request: ModelRequest) -> ModelStream:
    """A stream on the process's own runner."""
    return _runner.open_stream(provider, request)


def runner() -> Runner:
    """The process's runner."""
    return _runner
