"""What may be done with memory stores."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from chalicelib.core.clock import now_ms
from chalicelib.core.ids import new_id
from chalicelib.core.metadata import patched
from chalicelib.core.paging import Page
from chalicelib.memory import holding, rows
from chalicelib.memory.draft import StoreCreate, StoreUpdate
from chalicelib.memory.errors import MemoryStoreArchived, MemoryStoreInUse, MemoryStoreNotFound
from chalicelib.memory.model import Store
from chalicelib.memory.removal import Removal
from chalicelib.memory.store import MemoryRows
from chalicelib.storage.errors import StorageBusy
from chalicelib.storage.keys import Space
from chalicelib.storage.listing import Window
from chalicelib.storage.marshal import Row
from chalicelib.webhooks.happening import SILENT, Announcer, Happening

_TRIES = 10
Change = Callable[[Store], Store]


@dataclass(frozen=True, slots=True)
class StoreFilter:
    """Which stores a list shows; ``name_part`` is compared without case."""

    active: bool = True
    archived: bool = False
    name_part: str = ""
    agent_id: str | None = None


class MemoryStoreService:
    """Creates, changes, archives and removes stores."""

    def __init__(self, store: MemoryRows, removal: Removal, announcer: Announcer = SILENT) -> None:
        self._store = store
        self._removal = removal
        self._announcer = announcer

    def create(self, space: Space, sent: StoreCreate, store_id: str | None = None) -> Store:
        """A new store; with an id that exists already, the store that has it. Raises InvalidRequest."""
        now = now_ms()
        made = Store(
            id=store_id or new_id(),
            name=sent.name or f"Memory of {sent.agent_id}",
            description=sent.description or "",
            metadata=patched({}, sent.metadata or {}, blank_removes=False),
            agent_id=sent.agent_id or None,
            created_at=now,
            updated_at=now,
        )
        told = self._announcer.tell(space, Happening("memory_store.created", made.id))
        return made if self._store.committed([self._store.insert(space, made), *told]) else self.get(space, made.id)

    def get(self, space: Space, store_id: str) -> Store:
        """One store, also an archived one. Raises MemoryStoreNotFound."""
        found = self._store.find_stores(space, [store_id]).get(store_id)
        if found is None:
            raise MemoryStoreNotFound
        return found

    def find(self, space: Space, store_ids: Sequence[str]) -> dict[str, Store]:
        """Those of the stores that exist, by id."""
        return self._store.find_stores(space, store_ids) if store_ids else {}

    def update(self, space: Space, store_id: str, sent: StoreUpdate, *, blank_removes: bool) -> Store:
        """The store after the change. Raises MemoryStoreNotFound, MemoryStoreArchived, InvalidRequest."""

        def changed(current: Store) -> Store:
            if current.archived_at is not None:
                raise MemoryStoreArchived
            description = sent.description if "description" in sent.model_fields_set else current.description
            return replace(
                current,
                name=sent.name or current.name,
                description=description or "",
                metadata=patched(current.metadata, sent.metadata or {}, blank_removes=blank_removes),
            )

        return self._changed(space, store_id, changed)

    def archive(self, space: Space, store_id: str) -> Store:
        """Close a store for changes, for good; a second call changes nothing.

        Raises MemoryStoreNotFound, MemoryStoreInUse.
        """
        self._demand_free(space, store_id)
        news = [Happening("memory_store.archived", store_id)]
        return self._changed(space, store_id, lambda now: replace(now, archived_at=now.archived_at or now_ms()), news)

    def _changed(self, space: Space, store_id: str, change: Change, news: Sequence[Happening] = ()) -> Store:
        for _ in range(_TRIES):
            current = self.get(space, store_id)
            after = change(current)
            if after == current:
                return current
            after = replace(after, revision=current.revision + 1, updated_at=now_ms())
            free = [] if after.archived_at is None else [holding.free(space, store_id)]
            if self._store.committed([self._store.change(space, after), *free, *self._announcer.tell(space, *news)]):
                return after
            if free:
                self._demand_free(space, store_id)
        raise StorageBusy("the memory store is changed by too many at once")

    def delete(self, space: Space, store_id: str) -> None:
        """Remove a store with all that is in it, at once for everybody who asks.

        Raises MemoryStoreNotFound, MemoryStoreInUse.
        """
        told = self._announcer.tell(space, Happening("memory_store.deleted", store_id))
        self._demand_free(space, store_id)
        self._removal.begin(space, store_id, [holding.free(space, store_id), *told])

    def _demand_free(self, space: Space, store_id: str) -> None:
        if self._store.held(space, store_id):
            raise MemoryStoreInUse

    def page(self, space: Space, window: Window, wanted: StoreFilter) -> Page[Store]:
        """Stores by creation; ``next`` is the position to go on after."""
        states = [""] * wanted.active + [rows.ARCHIVE] * wanted.archived
        part = wanted.name_part.lower()

        def keep(row: Row) -> bool:
            if "deleted_at" in row:
                return False
            if not part and wanted.agent_id is None:
                return True
            store = self._store.store(row)
            return part in store.name.lower() and wanted.agent_id in (None, store.agent_id)

        found = self._store.page(space, window, states, keep)
        following = found.rows[-1]["list_sk"] if found.more else None
        return Page([self._store.store(row) for row in found.rows], following)
