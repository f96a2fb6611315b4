"""What may be done with workspaces."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

from chalicelib.core.clock import now_ms
from chalicelib.core.ids import new_id
from chalicelib.storage.errors import ObjectMissing
from chalicelib.storage.keys import Space
from chalicelib.storage.objects import Objects
from chalicelib.storage.writes import Write
from chalicelib.workspaces import gathering, history
from chalicelib.workspaces.errors import ComputerReplaced, WorkspaceNotFound
from chalicelib.workspaces.index import Indexes, flat, merge, object_key, packs_of
from chalicelib.workspaces.litter import Litter
from chalicelib.workspaces.model import Changes, Entry, Head, Index, Layer
from chalicelib.workspaces.packing import Incoming, Packer
from chalicelib.workspaces.recent import Recent
from chalicelib.workspaces.store import Snapshot, WorkspaceStore
from chalicelib.workspaces.tree import Tree

_TRIES = 8
_MERGE_RATIO = 2
# An object bears the time at which its upload began, which takes no longer than a computer lives.
_SETTLED_MS = 9 * 3_600_000
# A tree that shares its objects cannot tell by itself what nobody needs any more, and the dead leave what nobody knows.
_COLLECT_EVERY = 64
_REMOVED = "removed"
"""The computer of a workspace that is being removed: there is none of that name."""


class Moved(Exception):
    """Somebody else wrote the head meanwhile; look again."""


@dataclass(frozen=True, slots=True)
class Taken:
    """What a scan brought: its changes, and what stood at their paths before."""

    changes: Changes
    before: dict[str, Entry]


class WorkspaceService:
    """Keeps trees: each change is a layer, layers of like size become one, so that the cost of a change depends on
    the change and not on the tree."""

    def __init__(self, store: WorkspaceStore, objects: Objects, rests: int = 0) -> None:
        """``rests`` is of how many runs the files are kept as they were at their ends."""
        self._store = store
        self._objects = objects
        self._rests = rests
        self._indexes = Indexes(objects)
        self._recent = Recent()
        self._litter = Litter(objects)

    def ensure(self, space: Space, workspace_id: str) -> Head:
        """The workspace, made empty if there is none."""
        with suppress(WorkspaceNotFound):
            return self._store.head(space, workspace_id)
        now = now_ms()
        head = Head(workspace_id, lineage=workspace_id, created_at=now, at=now)
        return head if self._store.insert(space, head) else self._store.head(space, workspace_id)

    def head(self, space: Space, workspace_id: str) -> Head:
        """The workspace as it stands. Raises WorkspaceNotFound."""
        return self._store.head(space, workspace_id)

    def tree(self, space: Space, workspace_id: str) -> Tree:
        """The tree as it stands. Raises WorkspaceNotFound."""
        for _ in range(_TRIES):
            head = self._store.head(space, workspace_id)
            # A merge may take an index away between the look at the head and the reading.
            with suppress(ObjectMissing):
                return self._recent.copied(self._tree(space, head))
        raise ObjectMissing(workspace_id)

    def _tree(self, space: Space, head: Head) -> Tree:
        known = self._recent.find(space, head.id)
        if known is not None and known[1].version == head.version:
            return known[1]
        indexes = [self._indexes.read(space, head.lineage, layer) for layer in head.layers]
        tree = Tree(head.version, flat(indexes))
        self._recent.keep(space, head, tree)
        return tree

    def _written_by(self, space: Space, workspace_id: str, boot: str) -> tuple[Head, Tree]:
        """The workspace as that computer may write it, without asking storage where it was seen before."""
        known = self._recent.find(space, workspace_id)
        if known is not None and known[0].boot == boot:
            return known
        head = self._store.head(space, workspace_id)
        if head.boot != boot:
            raise ComputerReplaced("another computer works on this workspace by now")
        return head, self._tree(space, head)

    def begin(self, space: Space, workspace_id: str, boot: str) -> Tree:
        """From now on the computer ``boot`` alone may write; gives the tree to start from. Raises WorkspaceNotFound."""
        for _ in range(_TRIES):
            head = self.ensure(space, workspace_id)
            if self._store.replace(space, head, replace(head, boot=boot, seq=0)):
                return self.tree(space, workspace_id)
        raise Moved

    def end(self, space: Space, workspace_id: str, boot: str) -> None:
        """That computer is gone: whoever asks may write."""
        for _ in range(_TRIES):
            head = self._store.head(space, workspace_id)
            if head.boot != boot or self._store.replace(space, head, replace(head, boot="", seq=0)):
                self._recent.forget(space, workspace_id)
                return

    def take(
        self,
        space: Space,
        workspace_id: str,
        boot: str,
        incoming: Iterable[Incoming],
        finish: "gathering.Finish",
        run: str = "",
        first: Callable[[Changes], None] | None = None,
    ) -> Taken:
        """Store what a scan of the computer ``boot`` sends; durable when this returns.

        ``finish`` tells, when all has come in, which paths are gone and the scan's number; ``run`` in whose course
        this is. ``first`` is told of the changes before they count, when their content can be read already.
        Raises ComputerReplaced, WorkspaceFull, and Moved when the scan has to be made anew.
        """
        head, tree = self._written_by(space, workspace_id, boot)
        with self._packer(space, head, tree) as packer:
            changes = gathering.gather(packer, incoming, finish)
            if finish.seq <= head.seq and boot:
                # A later scan was stored first, and it held all that this one does.
                return Taken({}, {})
            if not changes:
                return Taken({}, {})
            gathering.check_room(tree.entries, changes)
            before = {path: tree.entries[path] for path in changes if path in tree.entries}
            self._commit(space, head, packer, changes, replace(head, seq=finish.seq, run=run), first)
        return Taken(changes, before)

    def _packer(self, space: Space, head: Head, tree: Tree) -> Packer:
        object_id = new_id()
        key = object_key(space, head.lineage, object_id)
        writer = self._objects.writer(key, "application/octet-stream")
        return Packer(object_id, writer, tree.twin, lambda: self._objects.delete(key))

    def _commit(
        self,
        space: Space,
        head: Head,
        packer: Packer,
        changes: Changes,
        now: Head,
        first: Callable[[Changes], None] | None,
    ) -> None:
        layers, index, dropped = self._merged(space, head, packer, changes)
        layer = packer.close(index)
        if first is not None:
            first(changes)
        self._indexes.remember(object_key(space, head.lineage, layer.id), index)
        past = history.after(head, now.run, self._rests)
        now = replace(now, layers=(*layers, layer), at=now_ms(), past=past)
        if not self._store.replace(space, head, now):
            self._recent.forget(space, head.id)
            raise Moved
        packer.kept = True
        now = replace(now, version=head.version + 1)
        self._recent.advance(space, head, now, changes)
        if not head.shared and not now.past:
            self._litter.drop(object_key(space, head.lineage, gone) for gone in sorted(dropped))
        if now.version % _COLLECT_EVERY == 0:
            self._collect(space, head.lineage)

    def _merged(
        self, space: Space, head: Head, packer: Packer, changes: Changes
    ) -> tuple[tuple[Layer, ...], Index, set[str]]:
        """The layers that stay, the index on top of them, and what nobody needs any more."""
        index = Index(changes, (packer.id,) if packer.has_content else ())
        layers, dropped = head.layers, set[str]()
        while layers and layers[-1].count <= _MERGE_RATIO * len(index.changes):
            older = self._indexes.read(space, head.lineage, layers[-1])
            index, gone = merge(older, index, bottom=len(layers) == 1)
            dropped |= gone
            if layers[-1].id not in packs_of(index.changes):
                dropped.add(layers[-1].id)
            layers = layers[:-1]
        return layers, index, dropped - {packer.id}

    def content(self, space: Space, workspace_id: str, entry: Entry) -> Iterator[bytes]:
        """A file's bytes, in pieces. Raises ObjectMissing when it was replaced meanwhile."""
        if not entry.size:
            return iter(())
        head = self._store.head(space, workspace_id)
        return self._objects.stream(object_key(space, head.lineage, entry.pack), entry.offset, entry.size)

    def contents(
        self, space: Space, workspace_id: str, entries: list[tuple[str, Entry]]
    ) -> Iterator[tuple[str, Entry, Iterable[bytes]]]:
        """Many entries with their bytes, in the order given, read in as few calls as their places allow."""
        lineage = self._store.head(space, workspace_id).lineage
        return gathering.read_all(self._objects, lambda pack: object_key(space, lineage, pack), entries)

    def snapshot(self, space: Space, workspace_id: str, snapshot_id: str | None = None) -> Snapshot:
        """Keep the tree as it is now: a few writes, however large it is. Raises WorkspaceNotFound."""
        for _ in range(_TRIES):
            head = self._store.head(space, workspace_id)
            made = Snapshot(snapshot_id or new_id(), head.lineage, head.layers, now_ms())
            if self._store.snapshot(space, head, made):
                self._recent.forget(space, workspace_id)
                return made
        raise Moved

    def find_snapshot(self, space: Space, snapshot_id: str) -> Snapshot:
        """One snapshot. Raises SnapshotNotFound."""
        return self._store.find_snapshot(space, snapshot_id)

    def fork(
        self, space: Space, workspace_id: str, fork_id: str, at: int | None = None, also: Sequence[Write] = ()
    ) -> Head:
        """A new workspace with the same tree, or with the one of that moment (milliseconds) and what was before.

        What is ``also`` to be written, about whom it is for, is written in the same step.
        Where that moment is not kept any more, the tree is today's, and the fork's ``at`` is later than asked.
        Raises WorkspaceNotFound.
        """
        for _ in range(_TRIES):
            head = self._store.head(space, workspace_id)
            wanted = head if at is None else history.back_to(head, at)
            made = replace(wanted, id=fork_id, version=0, boot="", seq=0, shared=True, run="")
            if self._store.fork(space, head, made, also):
                self._recent.forget(space, workspace_id)
                return made
        raise Moved

    def from_snapshot(self, space: Space, snapshot_id: str, workspace_id: str, also: Sequence[Write] = ()) -> bool:
        """A new workspace with the tree of a snapshot, ``also`` as in ``fork``; False when an id is taken.

        Raises SnapshotNotFound.
        """
        found = self._store.find_snapshot(space, snapshot_id)
        made = Head(
            workspace_id, found.lineage, layers=found.layers, shared=True, created_at=now_ms(), at=found.created_at
        )
        if self._store.fork_snapshot(space, found, made, also):
            return True
        self._store.head(space, workspace_id)
        return False

    def restore(self, space: Space, workspace_id: str, snapshot_id: str) -> None:
        """Put a workspace back to one of its snapshots. Raises WorkspaceNotFound, SnapshotNotFound."""
        found = self._store.find_snapshot(space, snapshot_id)
        for _ in range(_TRIES):
            head = self._store.head(space, workspace_id)
            if head.lineage != found.lineage:
                raise WorkspaceNotFound("the snapshot is of another workspace")
            past = history.after(head, "", self._rests)
            now = replace(head, layers=found.layers, boot="", seq=0, run="", at=now_ms(), past=past)
            if self._store.replace(space, head, now):
                self._recent.forget(space, workspace_id)
                return
        raise Moved

    def delete(self, space: Space, workspace_id: str) -> None:
        """Remove a workspace and what only it needs; a missing one is no error.

        Its row goes last: a repeat goes on where somebody died over it.
        """
        try:
            head = self._emptied(space, workspace_id)
        except WorkspaceNotFound:
            return
        self._recent.forget(space, workspace_id)
        self._collect(space, head.lineage, without=workspace_id)
        self._store.remove(space, head)

    def _emptied(self, space: Space, workspace_id: str) -> Head:
        """The workspace, which nobody can write or fork with its files any more."""
        for _ in range(_TRIES):
            head = self._store.head(space, workspace_id)
            if self._store.replace(space, head, replace(head, layers=(), past=(), boot=_REMOVED)):
                return head
        raise Moved

    def delete_snapshot(self, space: Space, snapshot_id: str) -> None:
        """Remove a snapshot and what only it needs. Raises SnapshotNotFound."""
        found = self._store.find_snapshot(space, snapshot_id)
        self._store.remove_snapshot(space, found)
        self._collect(space, found.lineage)

    def _collect(self, space: Space, lineage: str, without: str = "") -> None:
        """Remove the objects of a lineage that nobody holds, ``without`` a workspace that is being removed."""
        held = self._store.held(space, lineage, without)
        folder = object_key(space, lineage, "")
        if held is None:
            self._objects.delete_prefix(folder)
            return
        needed = {name for layer in held for name in self._needed(space, lineage, layer)}
        settled = self._objects.keys(folder, now_ms() - _SETTLED_MS)
        self._objects.delete_many([key for key in settled if key[len(folder) :] not in needed])

    def _needed(self, space: Space, lineage: str, layer: Layer) -> set[str]:
        return {layer.id} | packs_of(self._indexes.read(space, lineage, layer).changes)
