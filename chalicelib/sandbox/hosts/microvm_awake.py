"""Keeping a MicroVM awake while somebody listens to it."""

import logging
import threading
from collections.abc import AsyncIterator, Callable, Iterator

import httpx2

from chalicelib.sandbox.hosts.base import SandboxError

_log = logging.getLogger(__name__)


class Awake:
    """Asks the endpoint for a trifle while answers are under way.

    Lambda counts a MicroVM as idle when nothing goes through its endpoint, however long a command still runs, and
    would suspend it in the middle of it.
    """

    def __init__(self, ping: Callable[[], None], every_seconds: float) -> None:
        self._ping = ping
        self._every = every_seconds
        self._changed = threading.Condition()
        self._open = 0
        self._beating = False

    def begin(self) -> None:
        """An exchange begins."""
        with self._changed:
            self._open += 1
            if not self._beating:
                self._beating = True
                threading.Thread(target=self._beat, name="microvm-awake", daemon=True).start()

    def end(self) -> None:
        """An exchange is over."""
        with self._changed:
            self._open -= 1

    def watch(self, response: httpx2.Response) -> bool:
        """Let the exchange end with the response's body; False when that is over already."""
        if response.is_closed:
            return False
        if isinstance(response.stream, httpx2.SyncByteStream):
            response.stream = _Watched(response.stream, self.end)
        else:
            assert isinstance(response.stream, httpx2.AsyncByteStream)
            response.stream = _WatchedAsync(response.stream, self.end)
        return True

    def _beat(self) -> None:
        while True:
            with self._changed:
                self._changed.wait(self._every)
                if not self._open:
                    self._beating = False
                    return
            try:
                self._ping()
            except SandboxError as error:
                # The exchange itself will tell its caller what is wrong.
                _log.warning("a MicroVM could not be kept awake: %s", error.message)


class _Once:
    """Calls a function the first time."""

    def __init__(self, done: Callable[[], None]) -> None:
        self._done: Callable[[], None] | None = done

    def __call__(self) -> None:
        done, self._done = self._done, None
        if done:
            done()


class _Watched(httpx2.SyncByteStream):
    """A body that tells once when nobody reads it any more."""

    def __init__(self, inner: httpx2.SyncByteStream, done: Callable[[], None]) -> None:
        self._inner = inner
        self._done = _Once(done)

    def __iter__(self) -> Iterator[bytes]:
        yield from self._inner

    def close(self) -> None:
        try:
            self._inner.close()
        finally:
            self._done()


class _WatchedAsync(httpx2.AsyncByteStream):
    """The same for coroutines."""

    def __init__(self, inner: httpx2.AsyncByteStream, done: Callable[[], None]) -> None:
        self._inner = inner
        self._done = _Once(done)

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for piece in self._inner:
            yield piece

    async def aclose(self) -> None:
        try:
            await self._inner.aclose()
        finally:
            self._done()
