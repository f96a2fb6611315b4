"""Notices, while a model speaks or a tool works, that somebody wrote to the session."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from chalicelib.events.hub import Hub

_ATTACHED_SECONDS = 1.0
_POLLING_SECONDS = 0.5


class Watch:
    """``due`` says when to look: at once after a report of this process, else now and then."""

    def __init__(self, hub: Hub, pk: str) -> None:
        self._hub = hub
        self._pk = pk
        self._reported = threading.Event()
        self._looked = time.monotonic()

    @contextmanager
    def active(self) -> Iterator["Watch"]:
        """Listen as long as the context lasts."""
        with self._hub.listening(self._pk, self._reported.set):
            yield self

    def due(self) -> bool:
        """Whether it is time to look; reckons that the caller then looks."""
        pause = _ATTACHED_SECONDS if self._hub.attached else _POLLING_SECONDS
        if not self._reported.is_set() and time.monotonic() - self._looked < pause:
            return False
        self._reported.clear()
        self._looked = time.monotonic()
        return True

    def settle(self) -> None:
        """Forget what was reported so far: the caller wrote it itself."""
        self._reported.clear()
