"""What one client still has to be told of a process."""

import threading
import time
from collections import deque
from typing import Any, NamedTuple

from .wire import Problem

_MOST_BYTES = 1 << 20
PATIENCE_SECONDS = 20.0
"""How long a client may take nothing before output is dropped for it instead of holding up the process."""


class Event(NamedTuple):
    """One message and the bytes of output it carries."""

    message: dict[str, Any]
    size: int


class Channel:
    """A bounded queue between the one who reads a process and the one who writes to a client.

    As long as the client takes what is there, nothing is lost: the process is held up instead. When the client has
    taken nothing for ``PATIENCE_SECONDS``, what does not fit is counted and dropped until there is room again.
    """

    def __init__(self) -> None:
        self._change = threading.Condition()
        self._waiting: deque[Event] = deque()
        self._size = 0
        self._taken_at = 0.0
        self._full_since: float | None = None
        self._lagging = False
        self._closed = False
        self._failure: Problem | None = None
        self.lost = 0

    def offer(self, event: Event, wait: float) -> bool:
        """Add an event, waiting at most ``wait`` seconds; False when the client may still make room for it."""
        with self._change:
            if self._has_room(event):
                return self._add(event)
            now = time.monotonic()
            until = now + wait
            self._full_since = self._full_since or now
            while not self._lagging and (left := until - time.monotonic()) > 0:
                self._change.wait(left)
                if self._has_room(event):
                    return self._add(event)
            return self._drop(event)

    def end(self, event: Event | None, failure: Problem | None = None) -> None:
        """Add the last event, however full it is, or what the client is told instead."""
        with self._change:
            self._failure = failure
            if event is not None:
                self._waiting.append(event)
            self._change.notify_all()

    def take(self, wait: float) -> dict[str, Any] | None:
        """The next message; None when there was none for ``wait`` seconds. Raises the Problem it ended with."""
        with self._change:
            if not self._waiting and self._failure is None:
                self._change.wait(wait)
            self._taken_at = time.monotonic()
            if self._waiting:
                event = self._waiting.popleft()
                self._size -= event.size
                self._change.notify_all()
                return event.message
            if self._failure is not None:
                raise self._failure
            return None

    def close(self) -> None:
        """The client is gone."""
        with self._change:
            self._closed = True
            self._waiting.clear()
            self._change.notify_all()

    def _has_room(self, event: Event) -> bool:
        return self._closed or self._size + event.size <= _MOST_BYTES

    def _add(self, event: Event) -> bool:
        self._lagging = False
        self._full_since = None
        if not self._closed:
            self._waiting.append(event)
            self._size += event.size
            self._change.notify_all()
        return True

    def _drop(self, event: Event) -> bool:
        still_since = max(self._taken_at, self._full_since or 0.0)
        if not self._lagging and time.monotonic() - still_since < PATIENCE_SECONDS:
            return False
        self._lagging = True
        self.lost += event.size
        return True
