"""Stands in for the schedule rule: calls a function again and again from a thread, and another when its time comes."""

import threading
import time
from collections.abc import Callable

from chalicelib.core.clock import now_ms
from chalicelib.observability import logger

Moment = Callable[[], int | None]
_SHORTEST = 0.05


class Clock:
    """Calls ``tick`` every so many seconds until stopped; a failure is logged and the next call comes."""

    def __init__(self, tick: Callable[[], object], seconds: float) -> None:
        self._tick = tick
        self._seconds = seconds
        self._next: Moment = lambda: None
        self._timely: Callable[[], object] = lambda: None
        self._look_seconds = seconds
        self._done = 0
        self._stopped = False
        self._stir = threading.Event()
        self._thread = threading.Thread(target=self._run, name="clock", daemon=True)

    def watch(self, following: Moment, act: Callable[[], object], look_seconds: float | None) -> None:
        """Also call ``act`` at the moments (milliseconds) that ``following`` tells.

        It is asked after every call and every ``look``; where nobody calls that, every ``look_seconds`` too.
        """
        self._next, self._timely = following, act
        self._look_seconds = look_seconds or self._seconds

    def start(self) -> None:
        """Begin to tick."""
        self._thread.start()

    def look(self) -> None:
        """The next moment may be another one than before."""
        self._stir.set()

    def stop(self) -> None:
        """Tick no more."""
        self._stopped = True
        self._stir.set()

    def _run(self) -> None:
        full = time.monotonic() + self._seconds
        while not self._stopped:
            try:
                full = self._once(full)
            except Exception:  # noqa: BLE001 - whatever it was, the loop must go on
                logger("local").exception("a tick of the clock failed")
                self._stir.wait(self._seconds)

    def _once(self, full: float) -> float:
        """Wait for whatever comes next and do it; ``full`` is the time of the next tick, on the monotonic clock."""
        if self._stir.wait(self._pause(full)):
            # Writes come in bursts; one look is enough for all of them.
            self._stir.clear()
            time.sleep(_SHORTEST)
        elif time.monotonic() >= full:
            self._tick()
            self._done = 0
            return time.monotonic() + self._seconds
        else:
            self._act()
        return full

    def _pause(self, full: float) -> float:
        """Seconds until something is to be done. What an attempt left undone waits for the next tick."""
        rest = min(full - time.monotonic(), self._look_seconds)
        following = self._next()
        if following is not None and following > self._done:
            rest = min(rest, (following - now_ms()) / 1000)
        return max(rest, 0.0)

    def _act(self) -> None:
        following = self._next()
        if following is not None and self._done < following <= now_ms():
            self._done = following
            self._timely()
