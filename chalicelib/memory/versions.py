"""The history of a store's memories."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from chalicelib.core.clock import now_ms
from chalicelib.core.paging import Page
from chalicelib.memory import rows
from chalicelib.memory.errors import MemoryStoreNotFound, MemoryVersionNotFound, VersionIsCurrent
from chalicelib.memory.model import Actor, Operation, Version, first_version_id
from chalicelib.memory.store import MemoryRows
from chalicelib.storage.errors import TransactionRefused
from chalicelib.storage.keys import Space
from chalicelib.storage.marshal import Row
from chalicelib.storage.table import Slice

_BATCH = 100
_HIGHEST = "g"
"""Behind every id."""


@dataclass(frozen=True, slots=True)
class Past:
    """A version with what it holds."""

    version: Version
    content: str | None


@dataclass(frozen=True, slots=True)
class VersionFilter:
    """Which versions a list shows; the bounds are milliseconds, both inclusive."""

    memory_id: str | None = None
    operation: Operation | None = None
    actor: Actor | None = None
    created_from: int | None = None
    created_to: int | None = None

    def takes(self, version: Version) -> bool:
        """Whether a version is shown."""
        return (
            self.memory_id in (None, version.memory_id)
            and self.operation in (None, version.operation)
            and self.actor in (None, version.actor)
        )


class VersionService:
    """Reads the history, and blanks parts of it."""

    def __init__(self, store: MemoryRows) -> None:
        self._store = store

    def get(self, space: Space, store_id: str, version_id: str) -> Version:
        """One version. Raises MemoryStoreNotFound, MemoryVersionNotFound."""
        self._demand(space, store_id)
        found = self._store.version(space, store_id, version_id)
        if found is None:
            raise MemoryVersionNotFound
        return found

    def content(self, space: Space, version: Version) -> str | None:
        """What a version holds; None for a removal, and when it was redacted."""
        return self._store.contents(space, version.store_id, [version.id]).get(version.id)

    def page(
        self, space: Space, store_id: str, limit: int, after: str | None, wanted: VersionFilter, *, full: bool
    ) -> Page[Past]:
        """Versions, newest first; ``next`` is the id to go on after. Raises MemoryStoreNotFound."""
        self._demand(space, store_id)
        low = first_version_id(wanted.created_from or 0)
        high = _HIGHEST if wanted.created_to is None else first_version_id(wanted.created_to + 1)
        found: list[Version] = []
        for version in self._walk(space, store_id, low, min(high, after or high), wanted):
            if wanted.takes(version):
                found.append(version)
            if len(found) > limit:
                break
        shown = found[:limit]
        contents = self._store.contents(space, store_id, [one.id for one in shown]) if full else {}
        past = [Past(one, contents.get(one.id)) for one in shown]
        return Page(past, shown[-1].id if len(found) > limit else None)

    def _walk(self, space: Space, store_id: str, low: str, high: str, wanted: VersionFilter) -> Iterator[Version]:
        """Versions with ``low`` ≤ id < ``high``, downwards, out of the shortest list that has all that are wanted."""
        query, named = self._source(space, store_id, wanted)
        start: dict[str, Any] | None = None
        while low < high:
            page = query(low, high, start)
            ids = [one for one in (named(row) for row in page.rows) if one < high]
            yield from self._many(space, store_id, ids)
            start = page.more
            if start is None:
                return

    def _source(
        self, space: Space, store_id: str, wanted: VersionFilter
    ) -> tuple[Callable[[str, str, dict[str, Any] | None], Slice], Callable[[Row], str]]:
        """How to read a list downwards, and how its rows name versions."""
        table, partition = self._store.table, space.partition(rows.NOUN, store_id)
        if wanted.memory_id is None and wanted.actor is not None:
            listing = rows.actor_listing(space, store_id, wanted.actor)
            return (
                lambda low, high, start: table.query_list(listing, low=low, high=high, limit=_BATCH, start=start),
                lambda row: str(row["list_sk"]),
            )
        before = rows.VERSION if wanted.memory_id is None else rows.pointer_sk(wanted.memory_id, "")
        return (
            lambda low, high, start: table.query(
                partition, low=before + low, high=before + high, descending=True, limit=_BATCH, start=start
            ),
            lambda row: str(row["sk"])[len(before) :],
        )

    def _many(self, space: Space, store_id: str, version_ids: list[str]) -> Iterator[Version]:
        keys = [rows.key(space, store_id, rows.VERSION + one) for one in version_ids]
        found = self._store.table.get_many(keys) if keys else {}
        return (rows.version_of(store_id, found[place]) for place in keys if place in found)

    def redact(self, space: Space, store_id: str, version_id: str, actor: Actor) -> Version:
        """The version without path, hash and content; a second call changes nothing.

        Raises MemoryStoreNotFound, MemoryVersionNotFound, VersionIsCurrent.
        """
        version = self.get(space, store_id, version_id)
        if version.redacted_at is not None:
            return version
        try:
            self._store.commit(self._store.redact(space, version, now_ms(), str(actor)))
        except TransactionRefused as refused:
            if 0 in refused.failed:
                raise VersionIsCurrent from refused
        return self.get(space, store_id, version_id)

    def _demand(self, space: Space, store_id: str) -> None:
        if not self._store.find_stores(space, [store_id]):
            raise MemoryStoreNotFound
