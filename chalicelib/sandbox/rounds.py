"""The clock's rounds among sandboxes: each tenant's one after another, the tenants beside each other."""

import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from contextvars import copy_context

from chalicelib.observability import apart
from chalicelib.storage.keys import Space

Visit = Callable[[Space, str], None]
_MOST_AT_ONCE = 16
_SECONDS = 20.0


class Rounds:
    """Visits sandboxes. A computer that stands still holds up those of its own tenant, and the clock not for long."""

    def __init__(self, visit: Visit, seconds: float = _SECONDS) -> None:
        """``seconds`` is how long the clock waits for all; what is not done by then goes on without it."""
        self._visit = visit
        self._seconds = seconds
        self._lock = threading.Lock()
        self._away: set[str] = set()

    def go(self, due: Iterable[tuple[Space, str]]) -> None:
        """Visit all whose tenant's last visits are over, as far as there is time."""
        until = time.monotonic() + self._seconds
        rounds: dict[Space, deque[str]] = {}
        for space, sandbox_id in due:
            rounds.setdefault(space, deque()).append(sandbox_id)
        waiting = deque(rounds.items())
        size = min(len(waiting), _MOST_AT_ONCE)
        threads = [self._thread(waiting, until) for _ in range(size)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(max(0.0, until - time.monotonic()))

    def _thread(self, waiting: "deque[tuple[Space, deque[str]]]", until: float) -> threading.Thread:
        work = (self._take, waiting, until)
        return threading.Thread(target=copy_context().run, args=work, name="sandbox-rounds", daemon=True)

    def _take(self, waiting: "deque[tuple[Space, deque[str]]]", until: float) -> None:
        """One tenant after another, none that somebody is with already."""
        while waiting and time.monotonic() < until:
            try:
                space, ids = waiting.popleft()
            except IndexError:
                return
            with self._lock:
                if space.tenant in self._away:
                    continue
                self._away.add(space.tenant)
            try:
                self._round(space, ids, until)
            finally:
                with self._lock:
                    self._away.discard(space.tenant)

    def _round(self, space: Space, ids: deque[str], until: float) -> None:
        for sandbox_id in ids:
            with apart("sandbox", "a sandbox could not be looked after"):
                self._visit(space, sandbox_id)
            if time.monotonic() > until:
                # What is due still is found by the next round, with whatever became due meanwhile.
                return
