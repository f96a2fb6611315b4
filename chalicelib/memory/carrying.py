"""Makes versions of what a session's computer changed in a memory store.

Every step looks at the store as it is now, so that the same changes carried twice have one effect. Where somebody else
changed the same memory meanwhile, the last writer's text is the next version and the other's stays in the history.
"""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from chalicelib.memory import paths
from chalicelib.memory.draft import Precondition
from chalicelib.memory.errors import (
    MemoryNotFound,
    MemoryPathTaken,
    MemoryStoreArchived,
    MemoryStoreNotFound,
    PreconditionMissed,
    StoreIsFull,
)
from chalicelib.memory.memories import MemoryService, Place
from chalicelib.memory.model import MOST_BYTES, MOST_MEMORIES, Actor, Memory, digest_of
from chalicelib.memory.mounts import UNKNOWN, Base, Mount
from chalicelib.storage.errors import StorageBusy
from chalicelib.storage.keys import Space

_TRIES = 8
_MOST_TOLD = 20
LARGE = "is larger than 100KB"
NO_FILE = "is not a plain file"
AT_ONCE = "came with too many others at once"


@dataclass(slots=True)
class Changes:
    """What a computer changed in a mount, by paths of memories. ``refused`` tells why a path cannot be stored."""

    written: dict[str, bytes] = field(default_factory=dict)
    removed: list[str] = field(default_factory=list)
    refused: dict[str, str] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.written or self.removed or self.refused)


class Carrying:
    """Carries changes into a store for one session."""

    def __init__(self, memories: MemoryService, space: Space, session_id: str) -> None:
        self._memories = memories
        self._space = space
        self._actor = Actor("session", session_id)

    def carry(self, mount: Mount, changes: Changes) -> list[str]:
        """Store what can be stored and note it in ``mount.files``; tells the agent what went otherwise.

        Raises StorageBusy.
        """
        if not mount.writable:
            return _undone(mount, changes, "is for reading only")
        one = _Carried(self._memories, self._space, self._actor, mount)
        try:
            self._memories.writable(self._space, mount.store_id)
            one.run(changes)
        except MemoryStoreArchived:
            return _undone(mount, changes, "is archived")
        except MemoryStoreNotFound:
            return [f"The memory store {mount.path} is gone: what is changed there stays in this sandbox alone."]
        return one.told()


def _undone(mount: Mount, changes: Changes, why: str) -> list[str]:
    """Have everything be put back as it is in the store."""
    touched = [*changes.written, *changes.refused, *(path for path in changes.removed if path in mount.files)]
    for path in touched:
        before = mount.files.get(path)
        mount.files[path] = Base(before.memory_id if before else UNKNOWN, UNKNOWN)
    if not touched:
        return []
    names = _named(mount, touched)
    return [f"The memory store {mount.path} {why}: what was changed there is not stored and will be put back: {names}."]


def _named(mount: Mount, touched: Sequence[str]) -> str:
    names = [mount.path + path for path in touched[:_MOST_TOLD]]
    more = f" and {len(touched) - _MOST_TOLD} more" if len(touched) > _MOST_TOLD else ""
    return ", ".join(names) + more


class _Carried:
    """One scan's changes on their way into one store."""

    def __init__(self, memories: MemoryService, space: Space, actor: Actor, mount: Mount) -> None:
        self._memories = memories
        self._space = space
        self._actor = actor
        self._mount = mount
        self._refused: dict[str, str] = {}
        self._met: list[str] = []

    def run(self, changes: Changes) -> None:
        """Moves first, then what makes room, then what needs it."""
        self._refused |= changes.refused
        texts = self._texts(changes.written)
        removed = set(changes.removed) & set(self._mount.files)
        for old, new in _moves(self._mount.files, removed, texts).items():
            if self._moved(old, new):
                removed.discard(old)
                del texts[new]
        for path in sorted(removed):
            self._remove(path)
        for path, text in sorted(texts.items()):
            self._write(path, text)

    def told(self) -> list[str]:
        """What the agent has to know."""
        told = list(self._met)
        for why in sorted(set(self._refused.values())):
            names = _named(self._mount, [path for path, reason in self._refused.items() if reason == why])
            told.append(f"Not stored as memory, because it {why}: {names}. It stays in this sandbox alone.")
        return told

    def _texts(self, written: dict[str, bytes]) -> dict[str, str]:
        """What can be a memory."""
        texts: dict[str, str] = {}
        for path, raw in written.items():
            if reason := paths.problem(path):
                self._refused[path] = f"has a path that no memory can have ({reason})"
            elif len(raw) > MOST_BYTES:
                self._refused[path] = LARGE
            else:
                try:
                    texts[path] = raw.decode()
                except UnicodeDecodeError:
                    self._refused[path] = "is not UTF-8 text"
        return texts

    def _moved(self, old: str, new: str) -> bool:
        base = self._mount.files[old]
        try:
            memory = self._memories.update(
                self._space,
                self._mount.store_id,
                base.memory_id,
                self._actor,
                place=Place(new),
                precondition=Precondition(type="content_sha256", content_sha256=base.sha256),
            )
        except (MemoryNotFound, MemoryPathTaken, PreconditionMissed):
            return False
        del self._mount.files[old]
        self._keep(memory)
        return True

    def _remove(self, path: str) -> None:
        base = self._mount.files[path]
        try:
            self._remove_as_seen(path, base)
        except PreconditionMissed:
            self._met.append(
                f"{self._mount.path}{path} was changed by somebody else while it was deleted here: it was kept, "
                "and will be put back."
            )
            self._mount.files[path] = Base(base.memory_id, UNKNOWN)
            return
        del self._mount.files[path]

    def _remove_as_seen(self, path: str, base: Base) -> None:
        """Remove a memory if it is as the computer had it; gone or moved elsewhere, there is nothing to do."""
        with suppress(MemoryNotFound):
            memory = self._memories.get(self._space, self._mount.store_id, base.memory_id)
            if memory.path == path:
                self._memories.delete(self._space, self._mount.store_id, memory.id, self._actor, base.sha256)

    def _write(self, path: str, text: str) -> None:
        base, digest = self._mount.files.get(path), digest_of(text.encode())
        for _ in range(_TRIES):
            current = self._memories.at(self._space, self._mount.store_id, path)
            if current is not None and current.sha256 == digest:
                self._keep(current)
                return
            try:
                self._keep(self._stored(path, text, current))
            except StoreIsFull:
                self._refused[path] = f"would be more than the {MOST_MEMORIES} memories a store holds"
                return
            except (MemoryNotFound, MemoryPathTaken, PreconditionMissed):
                # Somebody was faster: look again.
                continue
            self._note_meeting(path, base, current)
            return
        raise StorageBusy("the memory is changed by too many at once")

    def _stored(self, path: str, text: str, current: Memory | None) -> Memory:
        store, place = self._mount.store_id, Place(path)
        if current is None:
            absent = Precondition(type="not_exists")
            return self._memories.create(self._space, store, place, text, self._actor, precondition=absent)
        same = Precondition(type="content_sha256", content_sha256=current.sha256)
        return self._memories.update(self._space, store, current.id, self._actor, content=text, precondition=same)

    def _note_meeting(self, path: str, base: Base | None, current: Memory | None) -> None:
        """Tell when what was written over is not what the computer had."""
        place = self._mount.path + path
        if current is None and base is not None:
            self._met.append(f"{place} was deleted by somebody else meanwhile: it was stored as a new memory.")
        elif current is not None and (base is None or base.sha256 != current.sha256):
            self._met.append(
                f"{place} was changed by somebody else meanwhile: what was written here is its current version, "
                f"the other one stays in its history as version {current.version}."
            )

    def _keep(self, memory: Memory) -> None:
        self._mount.files[memory.path] = Base(memory.id, memory.sha256)


def _moves(files: dict[str, Base], removed: set[str], texts: dict[str, str]) -> dict[str, str]:
    """Files that are gone from one path and stand, unchanged, at another: new paths by old."""
    by_digest: dict[str, list[str]] = {}
    for path in sorted(removed):
        by_digest.setdefault(files[path].sha256, []).append(path)
    found: dict[str, str] = {}
    for path, text in sorted(texts.items()):
        if path not in files and (olds := by_digest.get(digest_of(text.encode()))):
            found[olds.pop(0)] = path
    return found
