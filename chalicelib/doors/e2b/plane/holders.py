"""Which sandbox's token made or is something, for requests that name no sandbox."""

import time
from collections.abc import Callable
from itertools import islice
from threading import Lock
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from chalicelib.storage.keys import Space

if TYPE_CHECKING:
    from chalicelib.sandbox.service import SandboxService

_MOST = 2000

Fits = Callable[[str], bool]


class Holders:
    """The newest sandboxes of all tenants with their tokens, read again when one is looked for that is not among them.

    However many look at the same time, there is one reading at a time, and everybody sees one that began after they
    asked.
    """

    def __init__(self, sandboxes: "SandboxService") -> None:
        self._read = sandboxes.directory
        self._lock = Lock()
        self._begun = 0.0
        self._known: list[tuple[Space, str, str]] = []

    def find(self, fits: Fits) -> tuple[Space, str] | None:
        """The newest sandbox whose token fits."""
        asked = time.monotonic()
        found = self._among_known(fits)
        if found is not None:
            return found
        with self._lock:
            if self._begun < asked:
                self._begun = time.monotonic()
                self._known = list(islice(self._read(), _MOST))
        return self._among_known(fits)

    def _among_known(self, fits: Fits) -> tuple[Space, str] | None:
        return next(((space, sandbox_id) for space, sandbox_id, token in self._known if fits(token)), None)


_holders: "WeakKeyDictionary[SandboxService, Holders]" = WeakKeyDictionary()


def holder(sandboxes: "SandboxService", fits: Fits) -> tuple[Space, str] | None:
    """As :meth:`Holders.find`, over the sandboxes of a service."""
    known = _holders.get(sandboxes)
    if known is None:
        known = _holders.setdefault(sandboxes, Holders(sandboxes))
    return known.find(fits)
