"""What the proxy of one box decided, for the log: hosts and counts, no paths, no queries."""

import threading
from collections import Counter

from chalicelib.observability import count, logger

_MOST_LINES = 200


class Ledger:
    """Counts decisions; tells of each refused or unreachable host once, for the inside decides how often it asks."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._told: set[tuple[str, str]] = set()
        self.counts: Counter[str] = Counter()

    def note(self, decision: str, host: str = "") -> None:
        """One more decision, about a host when one could be read."""
        with self._lock:
            self.counts[decision] += 1
            line = (decision, host)
            fresh = decision != "allowed" and line not in self._told and len(self._told) < _MOST_LINES
            if fresh:
                self._told.add(line)
        if fresh:
            logger("sandbox.egress").info("%s: %s", decision, host or "-")

    def close(self) -> None:
        """Write the sums down."""
        with self._lock:
            sums = dict(self.counts)
        if sums:
            logger("sandbox.egress").info("closed after %s", sums)
        for decision, times in sums.items():
            count("EgressRequests", times, decision=decision)
