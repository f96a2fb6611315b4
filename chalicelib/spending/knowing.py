"""What a process knows of the limits of tenants, so that calls need not ask for them each time."""

from collections import OrderedDict
from threading import Lock

from chalicelib.core.clock import now_ms
from chalicelib.spending.limit_store import LimitStore
from chalicelib.spending.limits import Limit
from chalicelib.storage.keys import Space

NONE_KNOWN_MS = 10_000
"""So long a process does not ask again for the limits of a tenant that had none, unless it makes one itself."""
SOME_KNOWN_MS = 1_000
_TENANTS = 4096


class KnownLimits:
    """The limits of tenants as they were a moment ago. Safe for threads."""

    def __init__(self, store: LimitStore) -> None:
        self._store = store
        self._lock = Lock()
        self._kept: OrderedDict[str, tuple[int, tuple[Limit, ...]]] = OrderedDict()
        self._changes = 0

    def of(self, space: Space) -> tuple[Limit, ...]:
        """The limits of a tenant."""
        kept = self._kept.get(space.tenant)
        if kept is not None and kept[0] > now_ms():
            return kept[1]
        asked, changes = now_ms(), self._changes
        found = tuple(self._store.all(space))
        with self._lock:
            if changes == self._changes:
                self._kept[space.tenant] = (asked + (SOME_KNOWN_MS if found else NONE_KNOWN_MS), found)
                while len(self._kept) > _TENANTS:
                    self._kept.popitem(last=False)
        return found

    def forget(self, space: Space) -> None:
        """This process changed them."""
        with self._lock:
            self._changes += 1
            self._kept.pop(space.tenant, None)
