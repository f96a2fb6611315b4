"""Copies the beginning of a log, page by page; what lies in the bucket is copied there."""

from dataclasses import dataclass, field

from chalicelib.events.catalogue import INPUT_TYPES
from chalicelib.events.event import Event
from chalicelib.events.log import SessionRef, segment_sk
from chalicelib.sessions.errors import SessionNotFound
from chalicelib.sessions.store import mark_row
from chalicelib.storage.documents import Documents
from chalicelib.storage.marshal import Row
from chalicelib.storage.objects import Objects
from chalicelib.storage.table import Table

_SEGMENTS = 50


@dataclass(slots=True)
class Copied:
    """What a copy met: its last number and time, and from where the context is rebuilt."""

    seq: int = 0
    at: int = 0
    context_from: int = 0
    marks: list[Row] = field(default_factory=list)

    def meet(self, event: Event) -> None:
        """Take in the next record."""
        self.seq, self.at = event.seq, event.at
        if event.type == "agent.thread_context_compacted" and event.thread is None:
            self.context_from = (event.private or {}).get("kept_from", self.context_from)


class LogCopier:
    """The same source, target and end make the same rows however often they are copied."""

    def __init__(self, table: Table, documents: Documents, objects: Objects) -> None:
        self._table = table
        self._documents = documents
        self._objects = objects

    def copy(self, source: SessionRef, target: SessionRef, upto: int) -> Copied:
        """Copy the records up to a number. Raises SessionNotFound when the source is removed meanwhile."""
        met = Copied()
        while met.seq < upto:
            low, high = segment_sk(met.seq + 1), segment_sk(upto)
            rows = self._table.query(source.pk, low=low, high=high, limit=_SEGMENTS).rows
            if not rows or rows[0]["sk"] != low:
                raise SessionNotFound("session not found")
            self._table.put_many([self._segment(row, target, upto, met) for row in rows])
            self._table.put_many(met.marks)
            met.marks = []
        return met

    def _segment(self, row: Row, target: SessionRef, upto: int, met: Copied) -> Row:
        first = met.seq + 1
        packed = self._documents.unpack(row)
        kept = packed[: upto - met.seq]
        for offset, record in enumerate(kept):
            event = Event.unpacked(first + offset, record)
            met.meet(event)
            if event.type in INPUT_TYPES:
                met.marks.append(mark_row(self._documents, target, event.id, event.type, event.data))
        made: Row = {"pk": target.pk, "sk": row["sk"], "count": len(kept), "writer": row["writer"]}
        if len(kept) < len(packed):
            return made | self._documents.pack(target.space, kept, *target.folder)
        return made | self._content(row, target)

    def _content(self, row: Row, target: SessionRef) -> Row:
        if "docref" not in row:
            return {name: row[name] for name in ("doc", "docz") if name in row}
        key = target.space.object_key(*target.folder, row["docref"].rpartition("/")[2])
        self._objects.copy(row["docref"], key)
        return {"docref": key}
