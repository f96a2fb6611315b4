"""Where work items are kept: a row each in the partition of their environment; those unfinished stand in an index by
the moment they concern a poll. A session's partition has one row that names its unfinished item.
"""

import json
from collections.abc import Iterator
from dataclasses import fields
from typing import Any

from chalicelib.environments.work.model import Place, Work
from chalicelib.events.log import SessionRef
from chalicelib.storage import writes
from chalicelib.storage.errors import ConditionFailed
from chalicelib.storage.keys import BY_DUE, Key, Space, list_sk
from chalicelib.storage.listing import Window, read_lists
from chalicelib.storage.marshal import Row
from chalicelib.storage.table import Table
from chalicelib.storage.writes import Write

_NOUN = "work"
_ITEM, _WORKER = "I#", "P#"
_SLOT = "B"
_PAGE = 25
_KEPT_SECONDS = 30 * 86_400
_WORKER_SECONDS = 3600
_PLAIN = tuple(one.name for one in fields(Work) if one.name not in ("place", "metadata", "tokens"))


def partition(space: Space, environment: str) -> str:
    """The partition of an environment's work; a write in it may be of interest to a poll."""
    return space.partition(_NOUN, environment)


def _key(space: Space, environment: str, work_id: str) -> Key:
    return Key(partition(space, environment), _ITEM + work_id)


def _row(work: Work) -> Row:
    row: dict[str, Any] = {name: getattr(work, name) for name in _PLAIN}
    row |= {"metadata": json.dumps(work.metadata), "tokens": " ".join(work.tokens)}
    return row | {"due_sk": None if work.place is None else work.place.text()}


def _work(row: Row) -> Work:
    facts = {name: row[name] for name in _PLAIN if name in row}
    place = Place.read(row["due_sk"]) if "due_sk" in row else None
    return Work(**facts, place=place, metadata=json.loads(row["metadata"]), tokens=tuple(row["tokens"].split()))


def slot_key(ref: SessionRef) -> Key:
    """The row that names the session's unfinished item."""
    return ref.key(_SLOT)


class WorkStore:
    """Rows of work items. A change is made only to the item as it was read: its place tells."""

    def __init__(self, table: Table) -> None:
        self.table = table

    def find(self, space: Space, environment: str, work_id: str) -> Work | None:
        """One item."""
        row = self.table.get(_key(space, environment, work_id))
        return None if row is None else _work(row)

    def slot(self, ref: SessionRef) -> str | None:
        """The id of the session's unfinished item."""
        row = self.table.get(slot_key(ref))
        return None if row is None else str(row["work"])

    def waiting(self, space: Space, environment: str, until_ms: int | None) -> Iterator[tuple[str, Place]]:
        """(id, place) of unfinished items, those first whose moment came first, up to a moment or all."""
        high = None if until_ms is None else f"{until_ms:013d}#~"
        start: dict[str, Any] | None = None
        while True:
            page = self.table.query_list(
                partition(space, environment), high=high, descending=False, limit=_PAGE, start=start, index=BY_DUE
            )
            for row in page.rows:
                yield row["sk"].removeprefix(_ITEM), Place.read(row["due_sk"])
            start = page.more
            if start is None:
                return

    def insertion(self, space: Space, work: Work) -> list[Write]:
        """The writes that queue an item for a session that has none."""
        slot = slot_key(SessionRef(space, work.session))
        return [
            self._put(space, work),
            writes.put({"pk": slot.pk, "sk": slot.sk, "work": work.id}, writes.ABSENT),
        ]

    def replacement(self, space: Space, old: Work, new: Work) -> list[Write]:
        """The writes that queue an item in the place of the session's other one."""
        slot = slot_key(SessionRef(space, old.session))
        return [self._put(space, new), writes.update(slot, {"work": new.id}, writes.equals("work", old.id))]

    def _put(self, space: Space, work: Work) -> Write:
        key = _key(space, work.environment, work.id)
        places = {
            "due_pk": key.pk,
            "list_pk": space.listing(_NOUN, work.environment),
            "list_sk": list_sk(work.created_at, work.id),
        }
        return writes.put({"pk": key.pk, "sk": key.sk, **_row(work), **places}, writes.ABSENT)

    def change(self, space: Space, before: Work, after: Work) -> Write:
        """The write that replaces an item as it was read."""
        changes = _row(after)
        if after.place is None:
            expires = (after.stopped_at or 0) // 1000 + _KEPT_SECONDS
            changes |= {"due_pk": None, "expires_at": expires}
        same = writes.missing("due_sk") if before.place is None else writes.equals("due_sk", before.place.text())
        same = same & writes.equals("metadata", json.dumps(before.metadata))
        return writes.update(_key(space, before.environment, before.id), changes, writes.PRESENT & same)

    def release(self, ref: SessionRef, work: Work) -> Write:
        """The write after which the session has no unfinished item."""
        return writes.delete(slot_key(ref), writes.equals("work", work.id))

    def still_named(self, ref: SessionRef, work_id: str) -> Write:
        """The demand, for a transaction, that the session's unfinished item is this one."""
        return writes.check(slot_key(ref), writes.equals("work", work_id))

    def replace(self, space: Space, before: Work, after: Work) -> bool:
        """Carry out a change; False when somebody else changed the item first."""
        try:
            self.table.write(self.change(space, before, after))
        except ConditionFailed:
            return False
        return True

    def page(self, space: Space, environment: str, window: Window) -> tuple[list[Work], str | None]:
        """Items by creation, and the position to go on after."""
        found = read_lists(self.table, [space.listing(_NOUN, environment)], window)
        return [_work(row) for row in found.rows], found.rows[-1]["list_sk"] if found.more else None

    def note_worker(self, space: Space, environment: str, worker: str, at_ms: int) -> None:
        """Remember that a worker asked."""
        expires = at_ms // 1000 + _WORKER_SECONDS
        row = {"pk": partition(space, environment), "sk": _WORKER + worker, "at": at_ms, "expires_at": expires}
        self.table.write(writes.put(row))

    def workers_since(self, space: Space, environment: str, at_ms: int) -> int:
        """How many workers asked since a moment."""
        rows = self.table.walk(partition(space, environment), low=_WORKER, high=_WORKER + "~")
        return sum(row["at"] >= at_ms for row in rows)

    def purge(self, space: Space, environment: str) -> None:
        """Remove everything of an environment."""
        self.table.delete_many([Key(row["pk"], row["sk"]) for row in self.table.walk(partition(space, environment))])
