"""A little memory of what was read a moment ago."""

import time
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")

_MOST_ENTRIES = 10_000


class Recent(Generic[T]):
    """Keeps found values for ``seconds``; absence is never kept. Safe for threads: each step is one dict operation."""

    def __init__(self, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._seconds = seconds
        self._clock = clock
        self._held: dict[str, tuple[float, T]] = {}

    def get(self, key: str, load: Callable[[], T | None]) -> T | None:
        """The value kept, else the one loaded."""
        held = self._held.get(key)
        if held is not None and held[0] > self._clock():
            return held[1]
        value = load()
        self.keep(key, value)
        return value

    def last(self, key: str) -> T | None:
        """What was found last, however long ago."""
        held = self._held.get(key)
        return None if held is None else held[1]

    def keep(self, key: str, value: T | None) -> None:
        """A value was found just now, or that there is none."""
        if value is None:
            self.drop(key)
            return
        if len(self._held) >= _MOST_ENTRIES:
            self._held.clear()
        self._held[key] = (self._clock() + self._seconds, value)

    def drop(self, key: str) -> None:
        """Forget one value."""
        self._held.pop(key, None)
