"""Does what is due: each row is handed to whoever put it there."""

import time
from collections import Counter
from collections.abc import Callable, Mapping

from chalicelib.core.clock import now_ms
from chalicelib.observability import logger
from chalicelib.schedules.due import due_keys
from chalicelib.storage.keys import SEPARATOR, Key, Space
from chalicelib.storage.table import Table

Handler = Callable[[Space, Key], None]
"""Carries out what the row asks for, if it is still due: another process may have been quicker."""

_PATIENCE_SECONDS = 30
_TENANT, _NOUN = 1, 2
_AT_A_TIME = 10
"""So many rows of one tenant before those of the others have their turn."""
_MOST_REMEMBERED = 10_000
Row = tuple[Key, str]


class Timers:
    """``handlers`` are found by the noun of a row's partition."""

    def __init__(self, table: Table, handlers: Mapping[str, Handler]) -> None:
        self._table = table
        self._handlers = handlers
        self._failed: set[Key] = set()

    def concerns(self, pk: str) -> bool:
        """Whether rows of a partition may wait for a moment."""
        parts = pk.split(SEPARATOR)
        return len(parts) > _NOUN and parts[_NOUN] in self._handlers

    def sweep(self) -> int:
        """Do everything that is due, or as much as time allows; how many rows there were.

        Tenants take turns. What fails is logged, and tried again by the next sweep behind all that did not fail.
        """
        seen: set[Row] = set()
        until = time.monotonic() + _PATIENCE_SECONDS
        while time.monotonic() <= until and self._round(seen, until):
            continue
        return len(seen)

    def _round(self, seen: set[Row], until: float) -> bool:
        """Do some of what is due for each tenant; whether there was anything."""
        before, turns, late = len(seen), Counter[str](), list[Row]()
        for row in due_keys(self._table, now_ms()):
            tenant = row[0].pk.split(SEPARATOR)[_TENANT]
            if row in seen or turns[tenant] == _AT_A_TIME:
                continue
            turns[tenant] += 1
            if row[0] in self._failed:
                late.append(row)
            elif not self._done(row, seen, until):
                return True
        for row in late:
            if not self._done(row, seen, until):
                return True
        return len(seen) > before

    def _done(self, row: Row, seen: set[Row], until: float) -> bool:
        """Handle a row; whether there is time for more."""
        seen.add(row)
        self._handle(row[0])
        return time.monotonic() <= until

    def _handle(self, key: Key) -> None:
        parts = key.pk.split(SEPARATOR)
        self._failed.discard(key)
        try:
            self._handlers[parts[_NOUN]](Space(parts[_TENANT]), key)
        except Exception:  # noqa: BLE001 - whatever it was, others are due too
            logger("schedules").exception("what was due could not be done", extra={"tenant": parts[_TENANT]})
            if len(self._failed) == _MOST_REMEMBERED:
                self._failed.clear()
            self._failed.add(key)
