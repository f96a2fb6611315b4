"""Rows of workspaces: a head each, and for trees that share their objects a list of who holds them."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from chalicelib.core.jsonio import dumps, loads
from chalicelib.storage import writes
from chalicelib.storage.errors import ConditionFailed
from chalicelib.storage.keys import Key, Space
from chalicelib.storage.marshal import Row
from chalicelib.storage.table import Table
from chalicelib.workspaces.errors import SnapshotNotFound, WorkspaceNotFound
from chalicelib.workspaces.model import Head, Layer, State

_NOUN, _LINEAGE, _SNAPSHOT = "workspace", "workspace_lineage", "workspace_snapshot"
_HEAD = "HEAD"
_WORKSPACE_HOLDS, _SNAPSHOT_HOLDS = "W-", "S-"
_FACTS = ("id", "lineage", "version", "boot", "seq", "shared", "created_at", "run", "at")


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A tree as it was."""

    id: str
    lineage: str
    layers: tuple[Layer, ...]
    created_at: int


def _key(space: Space, workspace_id: str) -> Key:
    return space.key(_NOUN, workspace_id, sk=_HEAD)


def _snapshot_key(space: Space, snapshot_id: str) -> Key:
    return space.key(_SNAPSHOT, snapshot_id, sk=_HEAD)


def _holder(space: Space, lineage: str, sk: str) -> writes.Write:
    key = space.key(_LINEAGE, lineage, sk=sk)
    return writes.put({"pk": key.pk, "sk": key.sk})


def _layers(row: Row) -> tuple[Layer, ...]:
    return tuple(Layer(*fields) for fields in loads(row["layers"]))


def _packed(layers: Iterable[Layer]) -> str:
    return dumps([[layer.id, layer.count, layer.offset, layer.size] for layer in layers])


def _row(space: Space, head: Head) -> Row:
    key = _key(space, head.id)
    facts = {name: getattr(head, name) for name in _FACTS}
    return {"pk": key.pk, "sk": key.sk, **facts, "layers": _packed(head.layers), **_packed_past(head.past)}


def _packed_past(past: tuple[State, ...]) -> Row:
    """States have most of their layers in common: each layer is written once, states name them by number."""
    numbers = {layer: number for number, layer in enumerate(dict.fromkeys(one for was in past for one in was.layers))}
    states = [[state.at, *(numbers[layer] for layer in state.layers)] for state in past]
    return {"past_layers": _packed(numbers), "past": dumps(states)} if past else {}


def _past(row: Row) -> tuple[State, ...]:
    if "past" not in row:
        return ()
    layers = [Layer(*fields) for fields in loads(row["past_layers"])]
    return tuple(State(tuple(layers[number] for number in numbers), at) for at, *numbers in loads(row["past"]))


def _needed(row: Row) -> Iterator[Layer]:
    yield from _layers(row)
    for state in _past(row):
        yield from state.layers


def _head(row: Row) -> Head:
    return Head(**{name: row[name] for name in _FACTS if name in row}, layers=_layers(row), past=_past(row))


class WorkspaceStore:
    """Reads and writes the rows of workspaces."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def head(self, space: Space, workspace_id: str) -> Head:
        """One workspace. Raises WorkspaceNotFound."""
        row = self._table.get(_key(space, workspace_id))
        if row is None:
            raise WorkspaceNotFound("there is no such workspace")
        return _head(row)

    def insert(self, space: Space, head: Head) -> bool:
        """A new workspace; False when the id is taken."""
        try:
            self._table.write(writes.put(_row(space, head), writes.ABSENT))
        except ConditionFailed:
            return False
        return True

    def replace(self, space: Space, was: Head, now: Head) -> bool:
        """The next version of a head; False when somebody else wrote one."""
        condition = writes.equals("version", was.version) & writes.equals("boot", was.boot)
        try:
            self._table.write(writes.put(_row(space, replace(now, version=was.version + 1)), condition))
        except ConditionFailed:
            return False
        return True

    def fork(self, space: Space, source: Head, fork: Head, also: Sequence[writes.Write]) -> bool:
        """A new workspace over the very layers of another, ``also`` with it; False when that one has moved on."""
        holders = [_holder(space, source.lineage, _WORKSPACE_HOLDS + head.id) for head in (source, fork)]
        made = writes.put(_row(space, fork), writes.ABSENT)
        return self._commit([self._share(space, source), made, *holders, *also])

    def snapshot(self, space: Space, source: Head, snapshot: Snapshot) -> bool:
        """Keep the layers of a workspace as they are; False when it has moved on."""
        key = _snapshot_key(space, snapshot.id)
        row: Row = {"pk": key.pk, "sk": key.sk, "id": snapshot.id, "lineage": snapshot.lineage}
        row |= {"layers": _packed(snapshot.layers), "created_at": snapshot.created_at}
        holders = [
            _holder(space, source.lineage, _WORKSPACE_HOLDS + source.id),
            _holder(space, source.lineage, _SNAPSHOT_HOLDS + snapshot.id),
        ]
        return self._commit([self._share(space, source), writes.put(row, writes.ABSENT), *holders])

    def fork_snapshot(self, space: Space, snapshot: Snapshot, fork: Head, also: Sequence[writes.Write]) -> bool:
        """As ``fork``, over a snapshot's layers; False when the snapshot is gone or an id is taken."""
        still = writes.check(_snapshot_key(space, snapshot.id), writes.PRESENT)
        holder = _holder(space, snapshot.lineage, _WORKSPACE_HOLDS + fork.id)
        return self._commit([still, writes.put(_row(space, fork), writes.ABSENT), holder, *also])

    def find_snapshot(self, space: Space, snapshot_id: str) -> Snapshot:
        """One snapshot. Raises SnapshotNotFound."""
        row = self._table.get(_snapshot_key(space, snapshot_id))
        if row is None:
            raise SnapshotNotFound("there is no such snapshot")
        return Snapshot(row["id"], row["lineage"], _layers(row), row["created_at"])

    def remove(self, space: Space, head: Head) -> None:
        """Remove a workspace's rows."""
        holder = space.key(_LINEAGE, head.lineage, sk=_WORKSPACE_HOLDS + head.id)
        self._table.delete_many([_key(space, head.id), holder])

    def remove_snapshot(self, space: Space, snapshot: Snapshot) -> None:
        """Remove a snapshot's rows."""
        holder = space.key(_LINEAGE, snapshot.lineage, sk=_SNAPSHOT_HOLDS + snapshot.id)
        self._table.delete_many([_snapshot_key(space, snapshot.id), holder])

    def held(self, space: Space, lineage: str, without: str = "") -> set[Layer] | None:
        """The layers that anybody needs who shares a lineage's objects; None when there is nobody left.

        The workspace ``without`` which it is reckoned does not count.
        """
        keys = self._holders(space, lineage)
        while True:
            known = self._table.get_many(keys)
            rows = [row for key, row in known.items() if not without or key != _key(space, without)]
            # Whoever joined while the rows were read may hold what its source has given up since.
            if (now := self._holders(space, lineage)) == keys:
                return {layer for row in rows for layer in _needed(row)} if rows else None
            keys = now

    def _holders(self, space: Space, lineage: str) -> list[Key]:
        shared = self._table.walk(space.partition(_LINEAGE, lineage))
        return [_key(space, lineage), *(_holder_key(space, row["sk"]) for row in shared)]

    def _share(self, space: Space, source: Head) -> writes.Write:
        # A new version, so that whoever writes meanwhile finds out that its objects are shared by now.
        unmoved = writes.equals("version", source.version)
        return writes.update(_key(space, source.id), {"shared": True}, unmoved, add={"version": 1})

    def _commit(self, steps: list[writes.Write]) -> bool:
        return self._table.transacted(steps)


def _holder_key(space: Space, sk: str) -> Key:
    thing = sk[len(_WORKSPACE_HOLDS) :]
    return _key(space, thing) if sk.startswith(_WORKSPACE_HOLDS) else _snapshot_key(space, thing)
