"""Memory stores in the computer of a session: put there, kept up to date, and what commands change there stored."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from chalicelib.memory.carrying import AT_ONCE, LARGE, NO_FILE, Carrying, Changes
from chalicelib.memory.errors import MemoryStoreNotFound
from chalicelib.memory.memories import MemoryService
from chalicelib.memory.model import MOST_BYTES, Memory
from chalicelib.memory.mounts import Base, Mount, MountRows
from chalicelib.memory.paths import MOUNT
from chalicelib.sandbox import frames
from chalicelib.sandbox.computers import Live
from chalicelib.sandbox.errors import SandboxContended
from chalicelib.sandbox.frames import IncomingEntry
from chalicelib.sandbox.sending import send_tree
from chalicelib.storage.keys import Space
from chalicelib.workspaces.gathering import Finish
from chalicelib.workspaces.model import Entry

_TRIES = 5
_MOST_AT_ONCE = 64 << 20
_BATCH = 100
_FILE_MODES = {True: 0o644, False: 0o444}
_FOLDER_MODES = {True: 0o755, False: 0o555}
_NOTES_KEPT = 100


@dataclass(slots=True)
class Intake:
    """What a scan found below the mounts, taken out of it on the way to the workspace."""

    found: defaultdict[str, Changes] = field(default_factory=lambda: defaultdict(Changes))
    _room: int = _MOST_AT_ONCE

    def divert(self, incoming: Iterable[IncomingEntry], finish: Finish) -> Iterator[IncomingEntry]:
        """All other entries."""
        for entry in incoming:
            if not entry.path.startswith(f"{MOUNT}/"):
                yield entry
                continue
            folder, path = _parted(entry.path)
            if path and entry.header["type"] != "dir":
                self._take(self.found[folder], path, entry)
        mine = {path for path in finish.removed if path.startswith(f"{MOUNT}/")}
        for folder, path in map(_parted, sorted(mine)):
            if path:
                self.found[folder].removed.append(path)
        finish.removed = [path for path in finish.removed if path not in mine]

    def __bool__(self) -> bool:
        return bool(self.found)

    def _take(self, changes: Changes, path: str, entry: IncomingEntry) -> None:
        if entry.header["type"] != "file":
            changes.refused[path] = NO_FILE
        elif entry.header["size"] > MOST_BYTES:
            changes.refused[path] = LARGE
        elif entry.header["size"] > self._room:
            changes.refused[path] = AT_ONCE
        else:
            changes.written[path] = b"".join(entry.pieces())
            self._room -= len(changes.written[path])


def _parted(path: str) -> tuple[str, str]:
    """(folder of the store, path of the memory); the latter is empty for the folder itself."""
    name, slash, rest = path[len(MOUNT) + 1 :].partition("/")
    return f"{MOUNT}/{name}", slash + rest


class MemoryMounts:
    """Knows which computers have stores. Sessions without any cost nothing."""

    def __init__(self, rows: MountRows, memories: MemoryService) -> None:
        self._rows = rows
        self._memories = memories
        self._boots: set[str] = set()
        # Sessions with notes: without it every sync would read the rows. One that another process wrote is found when
        # the next run begins.
        self._untold: set[str] = set()

    def intake(self, live: Live) -> Intake | None:
        """Where a scan of that computer leaves what changed; None for a computer without stores."""
        computer = live.sandbox.computer
        mounted = live.boot in self._boots or (computer is not None and computer.memory)
        return Intake() if mounted else None

    def store(self, space: Space, live: Live, intake: Intake) -> None:
        """Make versions of what a scan found. Raises SandboxContended, StorageBusy."""
        session_id, carrying = live.sandbox.id, Carrying(self._memories, space, live.sandbox.id)
        for folder, changes in intake.found.items():
            for _ in range(_TRIES):
                mounts = {one.path: one for one in self._rows.find(space, session_id, live.boot)}
                if (mount := mounts.get(folder)) is None:
                    break
                told = carrying.carry(mount, changes)
                noted = replace(mount, notes=(*mount.notes, *told)[-_NOTES_KEPT:])
                if self._rows.save(space, session_id, noted):
                    self._count(session_id, [noted])
                    break
            else:
                raise SandboxContended("the mounts were changed by others again and again")

    def _count(self, session_id: str, mounts: Iterable[Mount]) -> None:
        if any(one.notes for one in mounts):
            self._untold.add(session_id)

    def notes(self, space: Space, session_id: str) -> list[str]:
        """Take what the agent has to know since it was last told."""
        if session_id not in self._untold:
            return []
        self._untold.discard(session_id)
        noted = [one for one in self._rows.all(space, session_id) if one.notes]
        taken = [one for one in noted if self._rows.save(space, session_id, replace(one, notes=()))]
        # Somebody else noted more meanwhile: it is told the next time.
        self._count(session_id, [one for one in noted if one not in taken])
        return [text for one in taken for text in one.notes]

    def refresh(self, space: Space, live: Live, wanted: Sequence[Mapping[str, Any]], *, again: bool) -> list[str]:
        """Bring a computer's mounts up to the stores as they are; tells what could not be.

        Without ``again`` only a computer that has none yet gets them. Raises GuestGone, GuestProblem, SandboxContended.
        """
        rows = self._rows.all(space, live.sandbox.id)
        known = {one.store_id: one for one in rows if one.boot == live.boot}
        notes = {one.store_id: one.notes for one in rows}
        self._boots.add(live.boot)
        self._count(live.sandbox.id, rows)
        if known and not again:
            return []
        problems: list[str] = []
        for resource in wanted:
            store_id = str(resource["memory_store_id"])
            before = known.get(store_id) or _unmounted(resource, live.boot, notes.get(store_id, ()))
            problems += self._bring(space, live, before)
        attached = {str(resource["memory_store_id"]) for resource in wanted}
        gone = [one for one in known.values() if one.store_id not in attached]
        for one in gone:
            send_tree(live.client, frames.sent([], [one.path + path for path in one.files]), baseline=True, links=False)
        if gone:
            problems += [text for one in gone for text in one.notes]
            self._rows.forget(space, live.sandbox.id, [one.store_id for one in gone])
        return problems

    def _bring(self, space: Space, live: Live, mount: Mount) -> list[str]:
        try:
            memories = {one.path: one for one in self._memories.all(space, mount.store_id)}
        except MemoryStoreNotFound:
            return [] if mount.rev else [f"The memory store for {mount.path} is gone."]
        known = mount.files
        news = [one for path, one in memories.items() if path not in known or known[path].sha256 != one.sha256]
        gone = [path for path in known if path not in memories]
        files = {path: Base(one.id, one.sha256) for path, one in memories.items()}
        if mount.rev and files == known:
            return []
        problems: list[str] = []
        if news or gone or not mount.rev:
            sent = frames.sent(self._entries(space, mount, news), [mount.path + path for path in gone])
            problems = send_tree(live.client, sent, baseline=True, links=False)
        if not self._rows.save(space, live.sandbox.id, replace(mount, files=files)):
            raise SandboxContended("the mounts were changed by others meanwhile")
        return problems

    def _entries(
        self, space: Space, mount: Mount, memories: Sequence[Memory]
    ) -> Iterator[tuple[str, Entry, Iterable[bytes]]]:
        """Folders before what is in them; they are closed last."""
        folder = Entry("dir", _FOLDER_MODES[mount.writable])
        yield from ((mount.path + one, folder, ()) for one in _folders(memories))
        for start in range(0, len(memories), _BATCH):
            batch = memories[start : start + _BATCH]
            contents = self._memories.contents(space, batch)
            for memory in batch:
                if memory.id in contents:
                    raw = contents[memory.id].encode()
                    mtime = memory.updated_at * 1_000_000
                    yield mount.path + memory.path, Entry("file", _FILE_MODES[mount.writable], mtime, len(raw)), [raw]

    def forget(self, space: Space, session_id: str) -> None:
        """The session is gone."""
        self._untold.discard(session_id)
        self._rows.forget(space, session_id)


@dataclass(frozen=True, slots=True)
class MountedMemory:
    """The stores of one session."""

    mounts: MemoryMounts
    wanted: Sequence[Mapping[str, Any]]

    def refresh(self, space: Space, live: Live, *, again: bool) -> list[str]:
        """See ``MemoryMounts.refresh``."""
        return self.mounts.refresh(space, live, self.wanted, again=again)

    def notes(self, space: Space, session_id: str) -> list[str]:
        """See ``MemoryMounts.notes``."""
        return self.mounts.notes(space, session_id)


def _unmounted(resource: Mapping[str, Any], boot: str, notes: tuple[str, ...]) -> Mount:
    store_id, path, name = (str(resource[key]) for key in ("memory_store_id", "mount_path", "name"))
    return Mount(store_id, boot, path, name, resource["access"] == "read_write", notes=notes)


def _folders(memories: Iterable[Memory]) -> list[str]:
    """The folders of memories, the store's own first, the outer before the inner ones."""
    found = {""}
    for memory in memories:
        parts = memory.path.split("/")[:-1]
        found |= {"/".join(parts[:depth]) for depth in range(2, len(parts) + 1)}
    return sorted(found)
