"""Callbacks that cost next to nothing while nobody listens."""

import logging
from collections.abc import Callable

logger = logging.getLogger(__name__)


class Signal:
    """Callbacks with one argument, called on the thread that emits."""

    def __init__(self) -> None:
        self._callbacks: tuple[Callable[[str], None], ...] = ()

    def connect(self, callback: Callable[[str], None]) -> Callable[[], None]:
        """Adds a callback; answers what takes it out again."""
        self._callbacks = (*self._callbacks, callback)

        def disconnect() -> None:
            self._callbacks = tuple(kept for kept in self._callbacks if kept is not callback)

        return disconnect

    def emit(self, name: str) -> None:
        """Calls every callback. The write is done already, so one that fails is logged, not raised."""
        for callback in self._callbacks:
            try:
                callback(name)
            except Exception:
                logger.exception("a callback failed for %s", name)
