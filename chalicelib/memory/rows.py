"""The rows of a memory store. One partition holds the store (HEAD), its memories (M#), an index of their paths (P#),
the versions in the order of their making (V#), the versions' contents (C#), a pointer to each version below its memory
(N#), and what search reads of each memory (E#)."""

import hashlib
from typing import Any

from chalicelib.memory.model import Actor, Memory, Store, Version
from chalicelib.storage.keys import BY_DUE, Key, Space, system_partition
from chalicelib.storage.marshal import Row

NOUN = "memory_store"
HEAD, MEMORY, PATH, VERSION, CONTENT, POINTER, FACETS = "HEAD", "M#", "P#", "V#", "C#", "N#", "E#"
REMOVING = system_partition("memory", "removing")
EMBEDDING = system_partition("memory", "embedding")
DUE_INDEX = BY_DUE
ARCHIVE = "archived"
_LONGEST_PART = 900
"""Storage bounds a sort key to 1024 bytes, and a path may have so many on its own."""
_STORE_FACTS = ("id", "created_at", "updated_at", "archived_at", "revision", "count")
_MEMORY_FACTS = ("id", "path", "sha256", "size", "version", "created_at", "updated_at", "bare")
_VERSION_FACTS = ("id", "memory_id", "operation", "created_at", "path", "sha256", "size", "bare", "redacted_at")


def key(space: Space, store_id: str, sk: str = HEAD) -> Key:
    """A row of a store."""
    return space.key(NOUN, store_id, sk=sk)


def pointer_sk(memory_id: str, version_id: str) -> str:
    """Where a memory's version is pointed at."""
    return f"{POINTER}{memory_id}#{version_id}"


def path_sk(path: str) -> str:
    """Where a path stands, in the order of paths."""
    raw = path.encode()
    if len(raw) <= _LONGEST_PART:
        return PATH + path
    return f"{PATH}{raw[:_LONGEST_PART].decode(errors='ignore')}#{hashlib.sha256(raw).hexdigest()}"


def first_path_sk(prefix: str) -> str:
    """Where the paths with that prefix begin."""
    return PATH + prefix.encode()[:_LONGEST_PART].decode(errors="ignore")


def is_whole(path: str) -> bool:
    """Whether a path's place in the order is told by the path alone."""
    return len(path.encode()) <= _LONGEST_PART


def actor_listing(space: Space, store_id: str, actor: Actor) -> str:
    """The list of the versions an actor made."""
    return space.listing(NOUN, store_id, "by", actor.kind, actor.id)


def store_of(row: Row, document: dict[str, Any]) -> Store:
    """The store of a HEAD row."""
    return Store(**document, **{name: row[name] for name in _STORE_FACTS if name in row})


def store_facts(store: Store) -> Row:
    """A store as attributes; the count is kept by those who change it."""
    return {name: getattr(store, name) for name in _STORE_FACTS if name != "count"}


def memory_of(store_id: str, row: Row) -> Memory:
    """The memory of an M# row."""
    return Memory(store_id=store_id, **{name: row[name] for name in _MEMORY_FACTS if name in row})


def memory_row(space: Space, memory: Memory) -> Row:
    """A memory as a row."""
    place = key(space, memory.store_id, MEMORY + memory.id)
    return {"pk": place.pk, "sk": place.sk, **{name: getattr(memory, name) for name in _MEMORY_FACTS}}


def path_row(space: Space, memory: Memory) -> Row:
    """The row that keeps a path for a memory."""
    place = key(space, memory.store_id, path_sk(memory.path))
    return {"pk": place.pk, "sk": place.sk, "memory": memory.id, "path": memory.path}


def version_of(store_id: str, row: Row) -> Version:
    """The version of a V# row."""
    facts = {name: row[name] for name in _VERSION_FACTS if name in row}
    by = row.get("redacted_by")
    redacted_by = Actor.read(by) if by else None
    return Version(store_id=store_id, actor=Actor.read(row["actor"]), redacted_by=redacted_by, **facts)


def version_row(space: Space, version: Version) -> Row:
    """A new version as a row."""
    place = key(space, version.store_id, VERSION + version.id)
    facts = {name: getattr(version, name) for name in _VERSION_FACTS}
    listed = {"list_pk": actor_listing(space, version.store_id, version.actor), "list_sk": version.id}
    return {"pk": place.pk, "sk": place.sk, **facts, "actor": str(version.actor), **listed}


def owner_of(partition: str) -> tuple[Space, str]:
    """(tenant, store) of a partition."""
    _, tenant, _, store_id = partition.split("#")
    return Space(tenant), store_id
