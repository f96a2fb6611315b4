"""Threads for blocking work.

They are daemons, so that a blocked call never holds up the end of the process, and there are enough of them for
storage calls to overlap; the event loop's own executor is sized for processors instead. However many calls of one
tenant stand still, there are threads left for those of others.
"""

import asyncio
import threading
from collections import deque
from collections.abc import Callable
from contextvars import Context, ContextVar, copy_context
from dataclasses import dataclass, field
from functools import partial
from queue import SimpleQueue
from typing import Any, NamedTuple, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")

THREADS = 40
"""For the calls of one tenant."""
_MOST_THREADS = 400

_tenant: ContextVar[str] = ContextVar("lambent_working_for", default="")


def work_for(tenant: str) -> None:
    """From here on this task's calls are that tenant's; until then they are nobody's, who counts as one tenant."""
    _tenant.set(tenant)


class _Job(NamedTuple):
    loop: asyncio.AbstractEventLoop
    future: "asyncio.Future[Any]"
    context: Context
    work: Callable[[], Any]
    tenant: str


@dataclass(slots=True)
class _Share:
    """What one tenant has of the threads, and what waits until it may have another one."""

    taken: int = 0
    waiting: deque[_Job] = field(default_factory=deque)


class Workers:
    """A pool that grows as its threads are needed: to ``size`` for each tenant, to ``most`` for all."""

    def __init__(self, size: int = THREADS, name: str = "worker", *, most: int | None = None) -> None:
        self._size = size
        self._most = size if most is None else most
        self._name = name
        self._shares: dict[str, _Share] = {}
        self._jobs: SimpleQueue[_Job] = SimpleQueue()
        # Threads that wait for a job and have none yet; below zero: jobs that wait for a thread.
        self._idle = self._started = 0
        self._lock = threading.Lock()

    async def run(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """The result of the call, made on a thread with the caller's context variables.

        Cancelling the wait does not stop the call.
        """
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()
        self._take_in(_Job(loop, future, copy_context(), partial(work, *args, **kwargs), _tenant.get()))
        return await future

    def _take_in(self, job: _Job) -> None:
        """Have it done by an idle thread or a new one, or wait for one of those its tenant has."""
        with self._lock:
            share = self._shares.setdefault(job.tenant, _Share())
            if share.taken == self._size:
                share.waiting.append(job)
                return
            share.taken += 1
            fresh = not self._idle and self._started < self._most
            self._idle -= not fresh
            self._started += fresh
            name = f"{self._name}-{self._started}"
        self._jobs.put(job)
        if fresh:
            threading.Thread(target=self._work, name=name, daemon=True).start()

    def _work(self) -> None:
        job: _Job | None = None
        while True:
            job = job or self._jobs.get()
            try:
                outcome = partial(_succeed, job.future, job.context.run(job.work))
            except BaseException as error:  # noqa: BLE001 - it is raised again where the work was asked for
                outcome = partial(_fail, job.future, error)
            loop, tenant = job.loop, job.tenant
            del job
            _post(loop, outcome)
            del loop, outcome
            job = self._next_of(tenant)

    def _next_of(self, tenant: str) -> _Job | None:
        """What waited for a thread of this tenant to be done; when nothing did, the tenant has one less."""
        with self._lock:
            share = self._shares[tenant]
            if share.waiting:
                return share.waiting.popleft()
            self._idle += 1
            share.taken -= 1
            if not share.taken:
                del self._shares[tenant]
            return None


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


_shared = Workers(name="lambent-worker", most=_MOST_THREADS)


async def on_thread(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """As :meth:`Workers.run`, on the threads the whole process shares."""
    return await _shared.run(work, *args, **kwargs)
