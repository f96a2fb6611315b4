"""Does what is due: each row is handed to whoever put it there."""

import time
from collections.abc import Callable, Mapping

from chalicelib.core.clock import now_ms
from chalicelib.observability import logger
from chalicelib.schedules.due import due_keys
from chalicelib.storage.keys import SEPARATOR, Key, Space
from chalicelib.storage.table import Table

Handler = Callable[[Space, Key], None]
"""Carries out what the row asks for, if it is still due: another process may have been quicker."""

_PATIENCE_SECONDS = 30
_NOUN = 2


class Timers:
    """``handlers`` are found by the noun of a row's partition."""

    def __init__(self, table: Table, handlers: Mapping[str, Handler]) -> None:
        self._table = table
        self._handlers = handlers

    def concerns(self, pk: str) -> bool:
        """Whether rows of a partition may wait for a moment."""
        parts = pk.split(SEPARATOR)
        return len(parts) > _NOUN and parts[_NOUN] in self._handlers

    def sweep(self) -> int:
        """Do everything that is due, or as much as time allows; how many rows there were.

        What fails is logged, stands back for the others, and is tried again by the next sweep.
        """
        seen: set[tuple[Key, str]] = set()
        until = time.monotonic() + _PATIENCE_SECONDS
        while True:
            before = len(seen)
            for row in due_keys(self._table, now_ms()):
                if row not in seen:
                    seen.add(row)
                    self._handle(row[0])
                if time.monotonic() > until:
                    return len(seen)
            if len(seen) == before:
                return before

    def _handle(self, key: Key) -> None:
        parts = key.pk.split(SEPARATOR)
        try:
            self._handlers[parts[_NOUN]](Space(parts[1]), key)
        except Exception:  # noqa: BLE001 - whatever it was, others are due too
            logger("schedules").exception("what was due could not be done", extra={"tenant": parts[1]})
