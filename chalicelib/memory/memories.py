"""What may be done with the memories of a store. Every change is one transaction: the memory, its path, its version."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Literal

from chalicelib.core.clock import now_ms
from chalicelib.core.ids import new_id
from chalicelib.memory.draft import Precondition
from chalicelib.memory.errors import (
    ContentTooLarge,
    MemoryNotFound,
    MemoryPathTaken,
    MemoryStoreArchived,
    MemoryStoreNotFound,
    PreconditionMissed,
    StoreIsFull,
)
from chalicelib.memory.facets import FacetRows
from chalicelib.memory.model import (
    MOST_BYTES,
    MOST_MEMORIES,
    Actor,
    Memory,
    Operation,
    Store,
    Version,
    digest_of,
    new_version_id,
)
from chalicelib.memory.store import MemoryRows
from chalicelib.storage import writes
from chalicelib.storage.errors import StorageBusy
from chalicelib.storage.keys import Space

_TRIES = 20
Taken = Literal["replace", "refuse"]


@dataclass(frozen=True, slots=True)
class Place:
    """Where a memory goes: a checked path; ``bare``: the client left out the slash in front."""

    path: str
    bare: bool = False


@dataclass(frozen=True, slots=True)
class Held:
    """A memory with what it holds."""

    memory: Memory
    content: str | None


class MemoryService:
    """Reads, writes, moves and removes memories. Writers that meet take their turns: each makes its own version."""

    def __init__(self, store: MemoryRows, facets: FacetRows) -> None:
        self._store = store
        self._facets = facets

    def get(self, space: Space, store_id: str, memory_id: str) -> Memory:
        """One memory without its content. Raises MemoryStoreNotFound, MemoryNotFound."""
        self._open(space, store_id)
        found = self._store.memory(space, store_id, memory_id)
        if found is None:
            raise MemoryNotFound
        return found

    def contents(self, space: Space, memories: Iterable[Memory]) -> dict[str, str]:
        """What memories of one store hold, by their ids."""
        wanted = list(memories)
        if not wanted:
            return {}
        found = self._store.contents(space, wanted[0].store_id, [memory.version for memory in wanted])
        return {memory.id: found[memory.version] for memory in wanted if memory.version in found}

    def all(self, space: Space, store_id: str) -> list[Memory]:
        """Every memory of a store. Raises MemoryStoreNotFound."""
        self._open(space, store_id)
        return self._store.all_memories(space, store_id)

    def at(self, space: Space, store_id: str, path: str) -> Memory | None:
        """The memory at a path."""
        owner = self._store.owner_of_path(space, store_id, path)
        found = None if owner is None else self._store.memory(space, store_id, owner)
        # It may have moved between the two looks.
        return found if found is not None and found.path == path else None

    def create(
        self,
        space: Space,
        store_id: str,
        place: Place,
        content: str,
        actor: Actor,
        *,
        taken: Taken = "replace",
        precondition: Precondition | None = None,
        memory_id: str | None = None,
    ) -> Memory:
        """A memory at a path; where there is one, its next version unless ``taken`` refuses that.

        With the id of a memory that exists already, that memory. Raises MemoryStoreNotFound, MemoryStoreArchived,
        ContentTooLarge, StoreIsFull, MemoryPathTaken, PreconditionMissed.
        """
        _measured(content)
        for _ in range(_TRIES):
            store = self.writable(space, store_id)
            if memory_id is not None and (made := self._store.memory(space, store_id, memory_id)) is not None:
                return made
            current = self.at(space, store_id, place.path)
            if current is None:
                _demand_absent(precondition)
                done = self._insert(space, store, place, content, actor, memory_id)
            else:
                _demand_replaceable(current, precondition, taken)
                done = self._modify(space, current, replace(current, bare=place.bare), content, actor)
            if done is not None:
                return done
        raise StorageBusy("the memory is changed by too many at once")

    def update(
        self,
        space: Space,
        store_id: str,
        memory_id: str,
        actor: Actor,
        *,
        place: Place | None = None,
        content: str | None = None,
        precondition: Precondition | None = None,
    ) -> Memory:
        """The memory with another content, at another path, or both; unchanged, no version is made.

        Raises MemoryStoreNotFound, MemoryStoreArchived, MemoryNotFound, ContentTooLarge, MemoryPathTaken,
        PreconditionMissed.
        """
        if content is not None:
            _measured(content)
        for _ in range(_TRIES):
            self.writable(space, store_id)
            current = self._store.memory(space, store_id, memory_id)
            if current is None:
                raise MemoryNotFound
            _demand_met(current, precondition)
            self._demand_free(space, current, place)
            moved = current if place is None else replace(current, path=place.path, bare=place.bare)
            if (done := self._modify(space, current, moved, content, actor)) is not None:
                return done
        raise StorageBusy("the memory is changed by too many at once")

    def delete(self, space: Space, store_id: str, memory_id: str, actor: Actor, sha256: str | None = None) -> None:
        """Remove a memory; its versions stay. With ``sha256`` only if it holds that.

        Raises MemoryStoreNotFound, MemoryNotFound, PreconditionMissed.
        """
        for _ in range(_TRIES):
            current = self.get(space, store_id, memory_id)
            if sha256 is not None and current.sha256 != sha256.lower():
                raise PreconditionMissed("the memory holds something else by now")
            at = _next_moment(current)
            version = Version(new_version_id(at), store_id, memory_id, "deleted", at, actor, current.path)
            if self._store.committed(
                [
                    self._store.leaving(space, store_id),
                    self._store.remove_memory(space, current),
                    self._store.free_path(space, current),
                    *self._store.add_version(space, replace(version, bare=current.bare), None),
                    self._facets.removal(space, current),
                ]
            ):
                return
        raise StorageBusy("the memory is changed by too many at once")

    def _open(self, space: Space, store_id: str) -> Store:
        found = self._store.find_stores(space, [store_id]).get(store_id)
        if found is None:
            raise MemoryStoreNotFound
        return found

    def writable(self, space: Space, store_id: str) -> Store:
        """The store, if it takes changes. Raises MemoryStoreNotFound, MemoryStoreArchived."""
        store = self._open(space, store_id)
        if store.archived_at is not None:
            raise MemoryStoreArchived
        return store

    def _demand_free(self, space: Space, current: Memory, place: Place | None) -> None:
        if place is None or place.path == current.path:
            return
        if self._store.owner_of_path(space, current.store_id, place.path) is not None:
            raise MemoryPathTaken(place.path)

    def _insert(
        self, space: Space, store: Store, place: Place, content: str, actor: Actor, memory_id: str | None
    ) -> Memory | None:
        if store.count >= MOST_MEMORIES:
            raise StoreIsFull(f"a memory store holds at most {MOST_MEMORIES} memories")
        now, raw = now_ms(), content.encode()
        version = new_version_id(now)
        memory = Memory(
            memory_id or new_id(), store.id, place.path, digest_of(raw), len(raw), version, now, now, place.bare
        )
        steps = [
            self._store.entering(space, store.id),
            self._store.put_memory(space, memory, writes.ABSENT),
            self._store.take_path(space, memory),
            *self._store.add_version(space, _version(memory, "created", actor), content),
            self._facets.write(space, memory, content),
        ]
        return memory if self._store.committed(steps) else None

    def _modify(self, space: Space, before: Memory, after: Memory, content: str | None, actor: Actor) -> Memory | None:
        """The memory after a change; None when somebody was faster."""
        raw = None if content is None else content.encode()
        if after.path == before.path and (raw is None or digest_of(raw) == before.sha256):
            return before
        if content is None:
            held = self._store.contents(space, before.store_id, [before.version])
            if before.version not in held:
                return None
            content = held[before.version]
        raw, at = content.encode(), _next_moment(before)
        changed = replace(after, sha256=digest_of(raw), size=len(raw), version=new_version_id(at), updated_at=at)
        steps = [
            self._store.changing(space, before.store_id),
            self._store.put_memory(space, changed, writes.equals("version", before.version)),
            *self._store.add_version(space, _version(changed, "modified", actor), content),
            self._facets.write(space, changed, content),
        ]
        if changed.path != before.path:
            steps += [self._store.free_path(space, before), self._store.take_path(space, changed)]
        return changed if self._store.committed(steps) else None


def _measured(content: str) -> None:
    if len(content.encode()) > MOST_BYTES:
        raise ContentTooLarge


def _next_moment(before: Memory) -> int:
    """Now, and after the version before even where clocks differ."""
    return max(now_ms(), before.updated_at + 1)


def _version(memory: Memory, operation: Operation, actor: Actor) -> Version:
    return Version(
        memory.version,
        memory.store_id,
        memory.id,
        operation,
        memory.updated_at,
        actor,
        memory.path,
        memory.sha256,
        memory.size,
        memory.bare,
    )


def _demand_absent(precondition: Precondition | None) -> None:
    if precondition is not None and precondition.type == "content_sha256":
        raise PreconditionMissed("there is no memory at this path")


def _demand_replaceable(current: Memory, precondition: Precondition | None, taken: Taken) -> None:
    if precondition is None and taken == "refuse":
        raise MemoryPathTaken(current.path)
    _demand_met(current, precondition)


def _demand_met(current: Memory, precondition: Precondition | None) -> None:
    if precondition is None:
        return
    if precondition.type == "not_exists":
        raise PreconditionMissed("there is a memory already")
    if precondition.content_sha256 != current.sha256:
        raise PreconditionMissed("the memory holds something else by now")
