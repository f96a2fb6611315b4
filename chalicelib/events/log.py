"""The log of a session: an append is one conditional write at the next number, so the log is its own lock."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from chalicelib.core.clock import now_ms
from chalicelib.core.ids import new_id
from chalicelib.events.event import Draft, Event, number
from chalicelib.storage import writes
from chalicelib.storage.documents import Documents
from chalicelib.storage.errors import ConditionFailed, TransactionRefused
from chalicelib.storage.keys import Key, Space
from chalicelib.storage.marshal import Row
from chalicelib.storage.table import Table
from chalicelib.storage.writes import Write

NOUN = "session"
SEGMENT = "L#"
_READ_SEGMENTS = 100


class LogMoved(Exception):
    """Somebody else appended first; read on from the number that was tried and decide anew."""


@dataclass(frozen=True, slots=True)
class SessionRef:
    """Which session, of which tenant."""

    space: Space
    id: str

    @property
    def pk(self) -> str:
        """The partition that holds everything of the session."""
        return self.space.partition(NOUN, self.id)

    @property
    def folder(self) -> tuple[str, str]:
        """The folder of the bucket for what is too large for a row."""
        return (NOUN, self.id)

    def key(self, sk: str) -> Key:
        """A row of the session."""
        return Key(self.pk, sk)


@dataclass(slots=True)
class Tail:
    """Where the log ends, as one writer knows it: the next number and the time of the last record."""

    next_seq: int = 1
    last_at: int = 0
    writer: str = field(default_factory=new_id)


def segment_sk(seq: int) -> str:
    """The range key of the segment that begins with this number."""
    return f"{SEGMENT}{seq:012d}"


Telling = Callable[[SessionRef, Sequence[Event]], list[Write]]
"""The writes that tell others of records, to be made together with them."""


def _nobody(_ref: SessionRef, _events: Sequence[Event]) -> list[Write]:
    return []


_LAST_SEQ = 10**12 - 1
_LAST = segment_sk(_LAST_SEQ)


class SessionLog:
    """Append to and read from the logs of sessions. Reads are strongly consistent."""

    def __init__(self, table: Table, documents: Documents, tell: Telling = _nobody) -> None:
        self._table = table
        self._documents = documents
        self.tell = tell

    def append(
        self, ref: SessionRef, tail: Tail, drafts: Sequence[Draft], together: Sequence[Write] = ()
    ) -> list[Event]:
        """Append all drafts at the tail, with other writes in one transaction if there are any; moves the tail.

        Raises LogMoved when the place is taken, TransactionRefused when only another write's condition failed.
        """
        at = max(now_ms(), tail.last_at)
        events = number(list(drafts), tail.next_seq, at)
        row = self._segment(ref, tail, events)
        try:
            self._commit(writes.put(row, writes.ABSENT), [*together, *self.tell(ref, events)])
        except ConditionFailed as error:
            if not _own(error.row, row):
                raise LogMoved from error
        except TransactionRefused as error:
            if 0 not in error.failed:
                raise
            if not _own(error.rows.get(0), row):
                raise LogMoved from error
        tail.next_seq += len(events)
        tail.last_at = at
        return events

    def segment_write(self, ref: SessionRef, tail: Tail, drafts: Sequence[Draft]) -> tuple[Write, list[Event]]:
        """The first segment of a new session, to be written together with the session itself."""
        events = number(list(drafts), tail.next_seq, now_ms())
        return writes.put(self._segment(ref, tail, events), writes.ABSENT), events

    def _segment(self, ref: SessionRef, tail: Tail, events: list[Event]) -> Row:
        packed = self._documents.pack(ref.space, [event.packed() for event in events], *ref.folder)
        return {
            "pk": ref.pk,
            "sk": segment_sk(tail.next_seq),
            "count": len(events),
            "writer": f"{tail.writer}/{tail.next_seq}/{events[0].id}",
            **packed,
        }

    def _commit(self, segment: Write, together: Sequence[Write]) -> None:
        if together:
            self._table.transact([segment, *together])
        else:
            self._table.write(segment)

    def unpack(self, rows: Iterable[Row]) -> Iterator[Event]:
        """The records of segments, in order."""
        for row in rows:
            first = int(row["sk"][len(SEGMENT) :])
            for offset, packed in enumerate(self._documents.unpack(row)):
                yield Event.unpacked(first + offset, packed)

    def read(self, ref: SessionRef, after: int, segments: int = _READ_SEGMENTS) -> list[Event]:
        """The records after a number, in order, up to so many segments; empty when there are none."""
        return self._read(ref, after, segments)[0]

    def _read(self, ref: SessionRef, after: int, segments: int) -> tuple[list[Event], bool]:
        found, more = self._page(ref, after, segments)
        if after == 0 or (found and found[0].seq == after + 1):
            return found, more
        before = self._table.query(ref.pk, low=segment_sk(1), high=segment_sk(after), descending=True, limit=1).rows
        return [event for event in self.unpack(before) if event.seq > after] + found, more

    def read_aligned(self, ref: SessionRef, after: int, segments: int = _READ_SEGMENTS) -> list[Event]:
        """As ``read``, where ``after`` is known to end a segment: one query, also at the end of the log."""
        if after >= _LAST_SEQ:
            return []
        return self._page(ref, after, segments)[0]

    def _page(self, ref: SessionRef, after: int, segments: int) -> tuple[list[Event], bool]:
        """The records after the end of a segment, and whether the log went on behind them."""
        page = self._table.query(ref.pk, low=segment_sk(after + 1), high=_LAST, limit=segments)
        return list(self.unpack(page.rows)), page.more is not None

    def read_back(self, ref: SessionRef, before: int, segments: int = _READ_SEGMENTS) -> list[Event]:
        """The records before a number, newest first."""
        if before <= 1:
            return []
        page = self._table.query(
            ref.pk, low=segment_sk(1), high=segment_sk(before - 1), descending=True, limit=segments
        )
        found = [event for row in page.rows for event in reversed(list(self.unpack([row])))]
        return [event for event in found if event.seq < before]

    def walk(self, ref: SessionRef, after: int = 0) -> Iterator[Event]:
        """All records after a number, page after page, up to the present end."""
        events, more = self._read(ref, after, _READ_SEGMENTS)
        yield from events
        while more:
            events, more = self._page(ref, events[-1].seq, _READ_SEGMENTS)
            yield from events


def _own(stored: Row | None, written: Row) -> bool:
    """Whether the row in our place is ours: a repeated request whose first answer was lost."""
    return stored is not None and stored.get("writer") == written["writer"]
