"""What is common to answers that go on for long."""

import time
from collections.abc import Callable, Iterator
from typing import Any

from .wire import Problem, Request

_SILENCE_SECONDS = 90.0
_TICK_SECONDS = 1.0
KEEPALIVE: dict[str, Any] = {"keepalive": {}}
Messages = Iterator[dict[str, Any] | None]


class Guarded:
    """Messages, and what to do when nobody wants more of them, even if nobody wanted the first."""

    def __init__(self, messages: Messages, close: Callable[[], None]) -> None:
        self._messages = messages
        self.close = close

    def __iter__(self) -> Messages:
        return self._messages

    def __next__(self) -> dict[str, Any] | None:
        return next(self._messages)


class Clock:
    """When a stream has to say something, and when its caller wants it to end."""

    def __init__(self, request: Request, *, limited: bool) -> None:
        self._interval = number(request, "keepalive-ping-interval", _SILENCE_SECONDS)
        limit = time_limit(request) if limited else None
        self._until = None if limit is None else time.monotonic() + limit
        self._spoke_at = time.monotonic()

    def spoke(self) -> None:
        """Something was said."""
        self._spoke_at = time.monotonic()

    def wait(self) -> float:
        """For how many seconds to wait for something to say. Raises Problem when the caller's time is over."""
        now = time.monotonic()
        if self._until is not None and now >= self._until:
            raise Problem("deadline_exceeded", "the time for the call is over")
        ends = [self._spoke_at + self._interval, now + _TICK_SECONDS]
        return max(0.0, min([*ends, self._until] if self._until is not None else ends) - now)

    def silent(self) -> bool:
        """Whether it is time for a sign of life; if so, it counts as given."""
        if time.monotonic() - self._spoke_at < self._interval:
            return False
        self.spoke()
        return True


def time_limit(request: Request) -> float | None:
    """The seconds a caller gives, None for any number. Raises Problem."""
    milliseconds = number(request, "connect-timeout-ms", 0.0)
    return milliseconds / 1000 or None


def number(request: Request, header: str, default: float) -> float:
    """A header that is a positive number. Raises Problem."""
    word = request.headers.get(header, "")
    if not word:
        return default
    if not (word.isascii() and word.isdigit() and len(word) <= 15):
        raise Problem("invalid_argument", f"{header} is not a number")
    return float(word) or default
