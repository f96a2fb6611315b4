"""Stands in for the schedule rule: calls a function again and again from a thread."""

import threading
from collections.abc import Callable

from chalicelib.observability import logger


class Clock:
    """Calls ``tick`` every so many seconds until stopped; a failure is logged and the next call comes."""

    def __init__(self, tick: Callable[[], object], seconds: float) -> None:
        self._tick = tick
        self._seconds = seconds
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="clock", daemon=True)

    def start(self) -> None:
        """Begin to tick."""
        self._thread.start()

    def stop(self) -> None:
        """Tick no more."""
        self._stop.set()

    def _run(self) -> None:
        while not self._stop.wait(self._seconds):
            try:
                self._tick()
            except Exception:  # noqa: BLE001 - whatever it was, the loop must go on
                logger("local").exception("a tick of the clock failed")
