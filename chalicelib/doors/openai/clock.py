"""When a stream says that it lives, and when it ends by itself."""

import time

from chalicelib.http.route import Call


class Beat:
    """The pulse of one stream."""

    def __init__(self, call: Call) -> None:
        self._ping = call.services.settings.ping_seconds
        self._most = call.services.settings.stream_seconds
        self._start = self._last = time.monotonic()

    def spoke(self) -> None:
        """Something went out."""
        self._last = time.monotonic()

    def due(self) -> bool:
        """Whether it is time for a sign of life; reckons that it is then sent."""
        if time.monotonic() - self._last < self._ping:
            return False
        self._last = time.monotonic()
        return True

    def ended(self) -> bool:
        """Whether the stream's time is over."""
        return 0 < self._most <= time.monotonic() - self._start
