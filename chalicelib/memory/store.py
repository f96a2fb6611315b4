"""Reads and writes the rows of memory stores; no rule about them is here."""

from collections.abc import Iterable, Sequence
from itertools import islice
from typing import Any

from chalicelib.memory import rows
from chalicelib.memory.holding import held_key
from chalicelib.memory.model import MOST_MEMORIES, Memory, Store, Version
from chalicelib.storage import writes
from chalicelib.storage.committing import Committing
from chalicelib.storage.documents import Documents
from chalicelib.storage.keys import Space, list_sk
from chalicelib.storage.listing import Found, Window, read_lists
from chalicelib.storage.marshal import Row
from chalicelib.storage.table import Table
from chalicelib.storage.writes import Condition, Write

_OPEN = writes.PRESENT & writes.missing("deleted_at")
_WRITABLE = _OPEN & writes.missing("archived_at")


class MemoryRows(Committing):
    """Stores, memories and their contents by key."""

    def __init__(self, table: Table, documents: Documents) -> None:
        self._table = table
        self._documents = documents

    @property
    def table(self) -> Table:
        """Where the rows stand."""
        return self._table

    def find_stores(self, space: Space, store_ids: Sequence[str]) -> dict[str, Store]:
        """Those of the stores that exist, by id."""
        found = self._table.get_many([rows.key(space, store_id) for store_id in store_ids])
        return {row["id"]: self.store(row) for row in found.values() if "deleted_at" not in row}

    def store(self, row: Row) -> Store:
        """The store of a HEAD row."""
        return rows.store_of(row, self._documents.unpack(row))

    def held(self, space: Space, store_id: str) -> bool:
        """Whether somebody writes the store anew."""
        return self._table.get(held_key(space, store_id)) is not None

    def page(self, space: Space, window: Window, states: Sequence[str], keep: Any) -> Found:
        """HEAD rows of a slice of the lists named: those of active stores (""), of archived ones, or both."""
        listings = [space.listing(rows.NOUN, *([state] if state else [])) for state in states]
        return read_lists(self._table, listings, window, keep)

    def insert(self, space: Space, store: Store) -> Write:
        """The write that makes a store."""
        place = rows.key(space, store.id)
        listed = {"list_pk": space.listing(rows.NOUN), "list_sk": list_sk(store.created_at, store.id)}
        row = {"pk": place.pk, "sk": place.sk, "count": 0, **rows.store_facts(store), **self._content(space, store)}
        return writes.put(row | listed, writes.ABSENT)

    def change(self, space: Space, store: Store) -> Write:
        """The write that replaces the revision before."""
        changes = {**rows.store_facts(store), **self._content(space, store)}
        changes |= {name: None for name in ("doc", "docz", "docref") if name not in changes}
        changes["list_pk"] = space.listing(rows.NOUN, *([] if store.archived_at is None else [rows.ARCHIVE]))
        still = _OPEN & writes.equals("revision", store.revision - 1)
        return writes.update(rows.key(space, store.id), changes, still)

    def _content(self, space: Space, store: Store) -> Row:
        document = {name: getattr(store, name) for name in ("name", "description", "metadata", "agent_id")}
        return self._documents.pack(space, document)

    def entering(self, space: Space, store_id: str) -> Write:
        """The write that counts one memory more, if the store takes one."""
        room = _WRITABLE & writes.compare("count", "<", MOST_MEMORIES)
        return writes.update(rows.key(space, store_id), {}, room, add={"count": 1})

    def changing(self, space: Space, store_id: str) -> Write:
        """The demand that the store takes changes."""
        return writes.check(rows.key(space, store_id), _WRITABLE)

    def leaving(self, space: Space, store_id: str) -> Write:
        """The write that counts one memory less."""
        return writes.update(rows.key(space, store_id), {}, _OPEN, add={"count": -1})

    def memory(self, space: Space, store_id: str, memory_id: str) -> Memory | None:
        """One memory."""
        return self.memories(space, store_id, [memory_id]).get(memory_id)

    def memories(self, space: Space, store_id: str, memory_ids: Sequence[str]) -> dict[str, Memory]:
        """Those of the memories that exist, by id."""
        found = self._table.get_many([rows.key(space, store_id, rows.MEMORY + one) for one in memory_ids])
        return {row["id"]: rows.memory_of(store_id, row) for row in found.values()}

    def all_memories(self, space: Space, store_id: str) -> list[Memory]:
        """Every memory of a store, in no order that means anything."""
        found = self._table.walk(space.partition(rows.NOUN, store_id), low=rows.MEMORY, high=rows.MEMORY + "~")
        return [rows.memory_of(store_id, row) for row in found]

    def owner_of_path(self, space: Space, store_id: str, path: str) -> str | None:
        """The id of the memory at a path."""
        row = self._table.get(rows.key(space, store_id, rows.path_sk(path)))
        return None if row is None else str(row["memory"])

    def paths(self, space: Space, store_id: str, low: str, high: str, most: int) -> list[Row]:
        """Rows of the index of paths, in its order."""
        found = self._table.walk(space.partition(rows.NOUN, store_id), low=low, high=high)
        return list(islice(found, most))

    def put_memory(self, space: Space, memory: Memory, condition: Condition) -> Write:
        """The write of a memory's row."""
        return writes.put(rows.memory_row(space, memory), condition)

    def remove_memory(self, space: Space, memory: Memory) -> Write:
        """The write that takes away a memory as it was seen."""
        place = rows.key(space, memory.store_id, rows.MEMORY + memory.id)
        return writes.delete(place, writes.equals("version", memory.version))

    def take_path(self, space: Space, memory: Memory) -> Write:
        """The write that keeps a memory's path for it."""
        return writes.put(rows.path_row(space, memory), writes.ABSENT)

    def free_path(self, space: Space, memory: Memory) -> Write:
        """The write that lets go of a memory's path."""
        return writes.delete(rows.key(space, memory.store_id, rows.path_sk(memory.path)))

    def add_version(self, space: Space, version: Version, content: str | None) -> list[Write]:
        """The writes of a new version."""
        pointer = rows.key(space, version.store_id, rows.pointer_sk(version.memory_id, version.id))
        steps = [
            writes.put(rows.version_row(space, version)),
            writes.put({"pk": pointer.pk, "sk": pointer.sk, "version": version.id}),
        ]
        if content is not None:
            place = rows.key(space, version.store_id, rows.CONTENT + version.id)
            packed = self._documents.pack(space, content, rows.NOUN, version.store_id)
            steps.append(writes.put({"pk": place.pk, "sk": place.sk, **packed}))
        return steps

    def contents(self, space: Space, store_id: str, version_ids: Iterable[str]) -> dict[str, str]:
        """The contents of versions that have one, by id."""
        keys = {rows.key(space, store_id, rows.CONTENT + one): one for one in version_ids}
        found = self._table.get_many(list(keys))
        return {keys[place]: self._documents.unpack(row) for place, row in found.items()}

    def version(self, space: Space, store_id: str, version_id: str) -> Version | None:
        """One version."""
        row = self._table.get(rows.key(space, store_id, rows.VERSION + version_id))
        return None if row is None else rows.version_of(store_id, row)

    def redact(self, space: Space, version: Version, at_ms: int, by: str) -> list[Write]:
        """The writes that blank a version, unless it is its memory's current one."""
        current = rows.key(space, version.store_id, rows.MEMORY + version.memory_id)
        gone: dict[str, Any] = dict.fromkeys(("path", "sha256", "size"))
        mark = gone | {"redacted_at": at_ms, "redacted_by": by}
        return [
            writes.check(current, writes.ABSENT | writes.compare("version", "<>", version.id)),
            writes.update(
                rows.key(space, version.store_id, rows.VERSION + version.id),
                mark,
                writes.PRESENT & writes.missing("redacted_at"),
            ),
            writes.delete(rows.key(space, version.store_id, rows.CONTENT + version.id)),
        ]
