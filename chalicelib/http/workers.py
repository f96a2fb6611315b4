"""Threads for blocking work.

They are daemons, so that a blocked call never holds up the end of the process, and there are enough of them for
storage calls to overlap; the event loop's own executor is sized for processors instead.
"""

import asyncio
import threading
from collections.abc import Callable
from contextvars import Context, copy_context
from functools import partial
from queue import Empty, SimpleQueue
from typing import Any, NamedTuple, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")

THREADS = 40


class _Job(NamedTuple):
    loop: asyncio.AbstractEventLoop
    future: "asyncio.Future[Any]"
    context: Context
    work: Callable[[], Any]


class Workers:
    """A pool that grows to ``size`` threads as they are needed."""

    def __init__(self, size: int = THREADS, name: str = "worker") -> None:
        self._size = size
        self._name = name
        self._jobs: SimpleQueue[_Job] = SimpleQueue()
        self._idle = threading.Semaphore(0)
        self._started = 0
        self._lock = threading.Lock()

    async def run(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """The result of the call, made on a thread with the caller's context variables.

        Cancelling the wait does not stop the call.
        """
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()
        self._jobs.put(_Job(loop, future, copy_context(), partial(work, *args, **kwargs)))
        self._grow()
        return await future

    def _grow(self) -> None:
        if self._idle.acquire(blocking=False):
            return
        with self._lock:
            if self._started == self._size:
                return
            self._started += 1
            number = self._started
        threading.Thread(target=self._work, name=f"{self._name}-{number}", daemon=True).start()

    def _work(self) -> None:
        while True:
            job = self._next()
            try:
                outcome = partial(_succeed, job.future, job.context.run(job.work))
            except BaseException as error:  # noqa: BLE001 - it is raised again where the work was asked for
                outcome = partial(_fail, job.future, error)
            _post(job.loop, outcome)
            del job, outcome

    def _next(self) -> _Job:
        try:
            return self._jobs.get_nowait()
        except Empty:
            self._idle.release()
            return self._jobs.get()


def _succeed(future: "asyncio.Future[Any]", result: Any) -> None:
    if not future.done():
        future.set_result(result)


def _fail(future: "asyncio.Future[Any]", error: BaseException) -> None:
    if not future.done():
        # A future cannot carry StopIteration.
        future.set_exception(RuntimeError(repr(error)) if isinstance(error, StopIteration) else error)


def _post(loop: asyncio.AbstractEventLoop, outcome: Callable[[], None]) -> None:
    try:
        loop.call_soon_threadsafe(outcome)
    except RuntimeError:
        # The loop has ended and nobody waits any more.
        if not loop.is_closed():
            raise


_shared = Workers(name="lambent-worker")


async def on_thread(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """As :meth:`Workers.run`, on the threads the whole process shares."""
    return await _shared.run(work, *args, **kwargs)
