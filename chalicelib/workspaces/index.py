"""Indexes as bytes, and how two become one."""

import zlib
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from threading import Lock

from chalicelib.core.jsonio import dump_bytes, loads
from chalicelib.storage.keys import Space
from chalicelib.storage.objects import Objects
from chalicelib.workspaces.model import Changes, Entry, Index, Layer

_FORMAT = 1
_REMEMBERED = 256


def encode(index: Index) -> bytes:
    """An index as it is stored."""
    entries = {path: entry.packed() if entry else 0 for path, entry in index.changes.items()}
    return zlib.compress(dump_bytes({"v": _FORMAT, "owned": index.owned, "entries": entries}), 1)


def decode(data: bytes) -> Index:
    """The index behind ``encode``."""
    stored = loads(zlib.decompress(data))
    changes = {path: Entry.unpacked(fields) if fields else None for path, fields in stored["entries"].items()}
    return Index(changes, tuple(stored["owned"]))


def merge(older: Index, newer: Index, *, bottom: bool) -> tuple[Index, set[str]]:
    """One index for both, and the objects that nothing in it needs any more.

    At the ``bottom`` of a tree removals need not be remembered.
    """
    changes: Changes = {**older.changes, **newer.changes}
    if bottom:
        changes = {path: entry for path, entry in changes.items() if entry is not None}
    owned = dict.fromkeys((*older.owned, *newer.owned))
    needed = packs_of(changes)
    kept = tuple(pack for pack in owned if pack in needed)
    return Index(changes, kept), set(owned) - needed


def packs_of(changes: Mapping[str, Entry | None]) -> set[str]:
    """The objects that hold the content of these entries."""
    return {entry.pack for entry in changes.values() if entry is not None and entry.pack}


def flat(indexes: Iterable[Index]) -> dict[str, Entry]:
    """The tree that layers of changes amount to, oldest first."""
    tree: dict[str, Entry | None] = {}
    for index in indexes:
        tree.update(index.changes)
    return {path: entry for path, entry in tree.items() if entry is not None}


class Indexes:
    """Indexes by their place in the bucket; they never change, so the latest are remembered."""

    def __init__(self, objects: Objects) -> None:
        self._objects = objects
        self._latest: OrderedDict[str, Index] = OrderedDict()
        self._lock = Lock()

    def read(self, space: Space, lineage: str, layer: Layer) -> Index:
        """One layer's index. Raises ObjectMissing when it was merged away."""
        key = object_key(space, lineage, layer.id)
        with self._lock:
            found = self._latest.get(key)
        if found is None:
            found = decode(self._objects.read(key, layer.offset, layer.size))
            self.remember(key, found)
        return found

    def remember(self, key: str, index: Index) -> None:
        """Keep an index that was just written or read."""
        with self._lock:
            self._latest[key] = index
            self._latest.move_to_end(key)
            while len(self._latest) > _REMEMBERED:
                self._latest.popitem(last=False)


def object_key(space: Space, lineage: str, object_id: str) -> str:
    """Where an object of a workspace lies."""
    return space.object_key("workspaces", lineage, object_id)
