"""Whose token made a signature, for URLs that name no sandbox."""

import time
from collections.abc import Callable
from threading import Lock
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from chalicelib.sandbox.tokens import Holder

if TYPE_CHECKING:
    from chalicelib.sandbox.service import SandboxService

_MOST_KNOWN = 4000
# An index tells of what is new with a delay, and clocks differ.
_OVERLAP_MS = 60_000

Fits = Callable[[str], bool]


class Holders:
    """The newest sandboxes of all tenants with their tokens. Who is not among them is looked for, in one read, among
    those made since.

    However many look at the same time, there is one reading at a time, and everybody sees one that began after they
    asked.
    """

    def __init__(self, sandboxes: "SandboxService") -> None:
        self._read = sandboxes.directory
        self._lock = Lock()
        self._begun = 0.0
        self._known: dict[str, Holder] = {}

    def find(self, fits: Fits) -> Holder | None:
        """The newest sandbox whose token fits."""
        asked = time.monotonic()
        found = self._among_known(fits)
        if found is not None:
            return found
        with self._lock:
            if self._begun < asked:
                self._begun = time.monotonic()
                self._known = self._renewed()
        return self._among_known(fits)

    def _renewed(self) -> dict[str, Holder]:
        """Newest first. Those that ended are among them until there are too many: then all are read anew."""
        known = self._known if len(self._known) <= _MOST_KNOWN else {}
        newest = max((one.created_at for one in known.values()), default=0)
        fresh, whole = self._read(newest - _OVERLAP_MS)
        kept = known.values() if whole else ()
        return {one.sandbox_id: one for one in (*fresh, *kept)}

    def _among_known(self, fits: Fits) -> Holder | None:
        return next((one for one in self._known.values() if fits(one.token)), None)


_holders: "WeakKeyDictionary[SandboxService, Holders]" = WeakKeyDictionary()


def holder(sandboxes: "SandboxService", fits: Fits) -> Holder | None:
    """As :meth:`Holders.find`, over the sandboxes of a service."""
    known = _holders.get(sandboxes)
    if known is None:
        known = _holders.setdefault(sandboxes, Holders(sandboxes))
    return known.find(fits)
