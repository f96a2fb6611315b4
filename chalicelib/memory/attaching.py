"""Stores attached to a session: what its spec holds of them, and where they stand in its sandbox."""

from collections.abc import Iterable, Sequence
from typing import Any, Literal

from chalicelib.core.clock import now_ms
from chalicelib.core.ids import undress
from chalicelib.memory.errors import MemoryStoreArchived, MemoryStoreNotFound, TooManyMemoryStores
from chalicelib.memory.model import Store
from chalicelib.memory.paths import MOUNT, slug
from chalicelib.memory.service import MemoryStoreService
from chalicelib.storage.keys import Space

MEMORY_STORE = "memory_store"
MOST_STORES = 8
LONGEST_INSTRUCTIONS = 4096
Access = Literal["read_write", "read_only"]
Resource = dict[str, Any]


class StoreAttaching:
    """Makes the resource of a store; name and description are those of this moment."""

    def __init__(self, stores: MemoryStoreService) -> None:
        self._stores = stores

    def attach(
        self,
        space: Space,
        resource_id: str,
        store: str,
        *,
        access: Access = "read_write",
        instructions: str | None = None,
        field: str,
    ) -> Resource:
        """The resource for a store named in any dress, not placed yet.

        Raises MemoryStoreNotFound, MemoryStoreArchived.
        """
        found = self._found(space, store, f"{field}.memory_store_id" if field else "memory_store_id")
        now = now_ms()
        return {
            "id": resource_id,
            "type": MEMORY_STORE,
            "memory_store_id": found.id,
            "access": access,
            "instructions": (instructions or "")[:LONGEST_INSTRUCTIONS] or None,
            "name": found.name,
            "description": found.description,
            "mount_path": f"{MOUNT}/{slug(found.name)}",
            "created_at": now,
            "updated_at": now,
        }

    def _found(self, space: Space, named: str, field: str) -> Store:
        store_id = undress("memstore", named)
        found = self._stores.find(space, [store_id] if store_id else [])
        if store_id is None or store_id not in found:
            raise MemoryStoreNotFound(field)
        if found[store_id].archived_at is not None:
            raise MemoryStoreArchived(field)
        return found[store_id]


def of(resources: Iterable[Resource]) -> list[Resource]:
    """The stores among a session's resources."""
    return [one for one in resources if one["type"] == MEMORY_STORE]


def store_ids(resources: Iterable[Resource]) -> list[str]:
    """Their ids."""
    return [str(one["memory_store_id"]) for one in of(resources)]


def placed(others: Sequence[Resource], made: Resource, place: str) -> Resource:
    """A store with a folder that no other of the session has; any other resource as it is.

    Raises TooManyMemoryStores.
    """
    if made["type"] != MEMORY_STORE:
        return made
    stores = [one for one in of(others) if one["id"] != made["id"]]
    if any(one["memory_store_id"] == made["memory_store_id"] for one in stores):
        raise TooManyMemoryStores(f"{place}: the memory store is attached already", field=place)
    if len(stores) >= MOST_STORES:
        raise TooManyMemoryStores(f"{place}: a session has at most {MOST_STORES} memory stores", field=place)
    taken = {one["mount_path"] for one in stores}
    wanted, number = str(made["mount_path"]), 1
    path = wanted
    while path in taken:
        number += 1
        path = f"{wanted}-{number}"
    return made | {"mount_path": path}
