"""The line of a tenant's runs that wait for a seat: whoever leaves a seat rings for the one that stands there longest.

It is only about time: the clock finds those in line too, should the one who was to ring for them die.
"""

from botocore.exceptions import BotoCoreError, ClientError

from chalicelib.core.clock import now_ms
from chalicelib.events.log import SessionRef
from chalicelib.observability import count, logger
from chalicelib.sessions.inbox import Inbox
from chalicelib.sessions.model import Head
from chalicelib.sessions.seats import Seats
from chalicelib.sessions.store import SessionStore
from chalicelib.storage import writes
from chalicelib.storage.errors import ConditionFailed, StorageError
from chalicelib.storage.keys import SEPARATOR, Key, Space
from chalicelib.storage.marshal import Row
from chalicelib.storage.table import Table

_NOUN = "line"
_MOST_CALLED = 25
CLOCK_LOOKS_MS = 300_000
"""After this long the clock rings for a run in line: nobody may have been left to ring."""


class Line:
    """Lets runs join the line, and calls them in."""

    def __init__(self, table: Table, seats: Seats, store: SessionStore, inbox: Inbox) -> None:
        self._table = table
        self._seats = seats
        self._store = store
        self._inbox = inbox

    def join(self, ref: SessionRef, head: Head) -> None:
        """Let a run that was refused a seat wait for one; a repeat keeps its place."""
        count("RunWaitsInLine")
        sk = f"{head.active_since or 0:013d}{SEPARATOR}{ref.id}"
        self._table.write(writes.put({"pk": ref.space.partition(_NOUN), "sk": sk}))
        self._put_off(ref, head)
        self._stand(ref.space)

    def _put_off(self, ref: SessionRef, head: Head) -> None:
        try:
            self._table.write(self._store.due_write(ref, head, now_ms() + CLOCK_LOOKS_MS))
        except ConditionFailed:
            logger("runs").debug("somebody wrote to the session, and rings for it")

    def _stand(self, space: Space) -> None:
        """See to it that whoever leaves a seat from now on is told, and that none has been left unseen before."""
        seen = self._seats.look(space)
        if seen.unmarked:
            self._seats.mark(space, seen.unmarked)
            seen = self._seats.look(space)
        if seen.room:
            self._call(space)

    def call(self, space: Space) -> None:
        """Seats were left: ring for as many as there are. A failure is only logged, for the clock rings too."""
        try:
            self._call(space)
        except (StorageError, BotoCoreError, ClientError):
            logger("runs").warning("those in line were not called; the clock will ring", exc_info=True)

    def _call(self, space: Space) -> None:
        room = min(self._seats.look(space).room, _MOST_CALLED)
        while room > 0:
            first = self._table.query(space.partition(_NOUN), limit=room).rows
            if not first:
                self._close(space)
                return
            called = self._waiting(space, [row for row in first if self._taken_out(row)])
            for ref in called:
                self._inbox.ring(ref, called=True)
            room -= len(called)

    def _taken_out(self, row: Row) -> bool:
        """Whether it was this process that took it out of the line."""
        try:
            self._table.write(writes.delete(Key(row["pk"], row["sk"]), writes.PRESENT))
        except ConditionFailed:
            return False
        return True

    def _waiting(self, space: Space, rows: list[Row]) -> list[SessionRef]:
        """Those that still wait; one that was interrupted or deleted meanwhile would let its seat be empty."""
        refs = [SessionRef(space, row["sk"].partition(SEPARATOR)[2]) for row in rows]
        return [ref for ref, head in self._store.heads(refs) if head.run is not None and head.run.state == "queued"]

    def _close(self, space: Space) -> None:
        """The line is empty; unless somebody has joined it at this moment."""
        self._seats.unmark(space)
        if self._table.query(space.partition(_NOUN), limit=1).rows:
            self._stand(space)
