"""Wake-ups inside one process: whoever follows a partition is told that something was written there.

Where no writer reports (several processes, AWS), nobody is woken and readers go on by polling.
"""

import threading
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager

Callback = Callable[[], None]


class Hub:
    """Maps partitions to the callbacks of those who wait; safe to use from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: dict[str, list[Callback]] = defaultdict(list)
        self.attached = False

    def attach(self) -> None:
        """A writer of this process reports from now on, so that polling may be rare."""
        self.attached = True

    def notify(self, pk: str) -> None:
        """Something was written in the partition."""
        if pk not in self._waiting:
            return
        with self._lock:
            callbacks = list(self._waiting.get(pk, ()))
        for callback in callbacks:
            callback()

    @contextmanager
    def listening(self, pk: str, callback: Callback) -> Iterator[None]:
        """Have the callback called, from any thread, as long as the context lasts."""
        with self._lock:
            self._waiting[pk].append(callback)
        try:
            yield
        finally:
            with self._lock:
                self._waiting[pk].remove(callback)
                if not self._waiting[pk]:
                    del self._waiting[pk]
