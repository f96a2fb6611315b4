"""The short-lived channel beside the log: fragments of text, thinking and tool input while a model speaks.

Fragments are written only while somebody watches, in batches, and vanish by themselves. Nothing depends on them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from chalicelib.core.clock import now_ms
from chalicelib.core.jsonio import dumps, loads
from chalicelib.events.log import SessionRef
from chalicelib.storage import writes
from chalicelib.storage.errors import ConditionFailed
from chalicelib.storage.table import Table

WATCH_SK = "W"
WATCH_MS = 60_000
_KEPT_SECONDS = 600
_START = "000000000000"

MESSAGE, THINKING, TOOL_INPUT = "message", "thinking", "tool_input"


@dataclass(frozen=True, slots=True)
class Fragment:
    """A piece of an event that will be stored later under ``event_id``.

    ``phase`` is ``start``, ``delta`` or ``end``; ``text`` is the piece, the tool's name at a tool's start, or the
    status at the end. ``after`` is the number of the last record before the event, ``thread`` the event's thread.
    """

    kind: str
    phase: str
    event_id: str
    text: str = ""
    after: int = 0
    thread: str | None = None

    def packed(self) -> list[str]:
        """The stored form."""
        return [self.kind, self.phase, self.event_id, self.text]


class LiveChannel:
    """Write and read fragments; register that somebody reads them."""

    def __init__(self, table: Table) -> None:
        self._table = table

    @staticmethod
    def partition(ref: SessionRef) -> str:
        """Where the fragments of a session stand."""
        return ref.space.partition("live", ref.id)

    def watch(self, ref: SessionRef) -> None:
        """Ask writers to send fragments for the next minute. Nothing happens for a session that is gone."""
        until = now_ms() + WATCH_MS
        row = {"pk": ref.pk, "sk": WATCH_SK, "until": until, "expires_at": until // 1000 + 60}
        self._table.write(writes.put(row))

    def write(
        self, ref: SessionRef, after: int, number: int, batch: Sequence[Fragment], thread: str | None = None
    ) -> None:
        """Store a batch of one thread; ``after`` and the growing ``number`` give its place.

        A batch already there is left alone.
        """
        row: dict[str, Any] = {
            "pk": self.partition(ref),
            "sk": f"{after:012d}#{number:06d}",
            "doc": dumps([fragment.packed() for fragment in batch]),
            "expires_at": now_ms() // 1000 + _KEPT_SECONDS,
        }
        if thread is not None:
            row["thread"] = thread
        try:
            self._table.write(writes.put(row, writes.ABSENT))
        except ConditionFailed:
            return

    def end(self, ref: SessionRef) -> str:
        """The present position: a reader that starts here sees only what comes later."""
        rows = self._table.query(self.partition(ref), descending=True, limit=1).rows
        return str(rows[0]["sk"]) if rows else _START

    def read(self, ref: SessionRef, position: str) -> tuple[list[Fragment], str]:
        """The fragments after a position, and the new position."""
        rows = self._table.query(self.partition(ref), low=position + "\x00", limit=50).rows
        found = [
            Fragment(kind, phase, event_id, text, int(row["sk"][:12]), row.get("thread"))
            for row in rows
            for kind, phase, event_id, text in loads(row["doc"])
        ]
        return found, str(rows[-1]["sk"]) if rows else position
