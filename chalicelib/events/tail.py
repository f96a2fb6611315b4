"""Following a log as it grows: every record after a number, in order, once, with live fragments in their places."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TypeVar

from chalicelib.events.event import Event
from chalicelib.events.hub import Hub
from chalicelib.events.live import WATCH_MS, Fragment, LiveChannel
from chalicelib.events.log import SessionLog, SessionRef

T = TypeVar("T")
_POOL = ThreadPoolExecutor(max_workers=32, thread_name_prefix="tail")
_RARE_SECONDS = 2.0
_QUIET_ROUNDS = 25


@dataclass(frozen=True, slots=True)
class Pace:
    """How often to look where nobody reports: while something happens, when it is quiet; milliseconds."""

    active_ms: int = 200
    idle_ms: int = 1000


class _Waker:
    """Remembers, across threads, which of the two partitions were written."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._event = asyncio.Event()
        self.log = self.live = True

    def of_log(self) -> None:
        self.log = True
        self._loop.call_soon_threadsafe(self._event.set)

    def of_live(self) -> None:
        self.live = True
        self._loop.call_soon_threadsafe(self._event.set)

    async def wait(self, seconds: float) -> None:
        """Until woken, or so long; then both partitions are to be read."""
        try:
            await asyncio.wait_for(self._event.wait(), seconds)
        except TimeoutError:
            self.log = self.live = True
        self._event.clear()


class Follower:
    """One reader of one session's log."""

    def __init__(self, log: SessionLog, live: LiveChannel, hub: Hub, pace: Pace) -> None:
        self._log = log
        self._live = live
        self._hub = hub
        self._pace = pace

    async def follow(
        self, ref: SessionRef, after: int, position: str | None = None, *, aligned: bool = False
    ) -> AsyncIterator[Event | Fragment | None]:
        """Records after a number and fragments after a position; None when it waited without news. Never ends.

        Without a ``position`` (see ``join``) there are no fragments. ``aligned``: the number is known to end a segment.
        """
        waker = _Waker()
        reader = _Reader(self._log, self._live, ref, after, position)
        reader.aligned = aligned
        with ExitStack() as stack:
            stack.enter_context(self._hub.listening(ref.pk, waker.of_log))
            if position is not None:
                stack.enter_context(self._hub.listening(self._live.partition(ref), waker.of_live))
            quiet = 0
            while True:
                items = await reader.read(waker)
                for item in items:
                    yield item
                quiet = 0 if items else quiet + 1
                if not reader.behind:
                    if not items:
                        yield None
                    await waker.wait(self._pause(quiet))

    async def join(self, ref: SessionRef) -> str:
        """Ask writers for fragments, and give the position from which to read them."""
        return await threaded(lambda: self._join(ref))

    def _join(self, ref: SessionRef) -> str:
        self._live.watch(ref)
        return self._live.end(ref)

    def _pause(self, quiet: int) -> float:
        if self._hub.attached:
            return _RARE_SECONDS
        return (self._pace.active_ms if quiet < _QUIET_ROUNDS else self._pace.idle_ms) / 1000


class _Reader:
    """Reads both partitions and merges what it finds."""

    def __init__(self, log: SessionLog, live: LiveChannel, ref: SessionRef, after: int, position: str | None) -> None:
        self._log = log
        self._live = live
        self._ref = ref
        self._seq = after
        self.aligned = False
        self._wants_fragments = position is not None
        self._position = position or ""
        self._held: list[Fragment] = []
        self._watched = time.monotonic()
        self.behind = False

    async def read(self, waker: _Waker) -> list[Event | Fragment]:
        """What is new since the last time, in order."""
        events: list[Event] = []
        if waker.log:
            waker.log = False
            events = await threaded(self._events)
        if self._wants_fragments:
            if waker.live or events:
                waker.live = False
                await self._fragments()
            await self._keep_watching()
        self.behind = len(events) >= _FULL
        if self.behind:
            waker.log = True
        return self._merged(events)

    def _events(self) -> list[Event]:
        read = self._log.read_aligned if self.aligned else self._log.read
        events = read(self._ref, self._seq)
        self.aligned = self.aligned or bool(events)
        return events

    async def _fragments(self) -> None:
        while True:
            found, self._position = await threaded(lambda: self._live.read(self._ref, self._position))
            if not found:
                return
            self._held += found

    async def _keep_watching(self) -> None:
        if time.monotonic() - self._watched > WATCH_MS / 2000:
            self._watched = time.monotonic()
            await threaded(lambda: self._live.watch(self._ref))

    def _merged(self, events: list[Event]) -> list[Event | Fragment]:
        merged: list[Event | Fragment] = []
        for event in events:
            merged += self._release(event.seq - 1)
            merged.append(event)
        if events:
            self._seq = events[-1].seq
        return merged + self._release(self._seq)

    def _release(self, upto: int) -> list[Fragment]:
        ready = [fragment for fragment in self._held if fragment.after <= upto]
        self._held = [fragment for fragment in self._held if fragment.after > upto]
        return ready


_FULL = 100


async def threaded(work: Callable[[], T]) -> T:
    """Run blocking work for a stream on threads of its own."""
    return await asyncio.get_running_loop().run_in_executor(_POOL, work)
