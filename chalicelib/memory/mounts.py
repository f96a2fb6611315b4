"""What a session's computer has of its memory stores: the ground on which its changes are told from others'."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from chalicelib.storage import writes
from chalicelib.storage.documents import Documents
from chalicelib.storage.errors import ConditionFailed
from chalicelib.storage.keys import Key, Space
from chalicelib.storage.marshal import Row
from chalicelib.storage.table import Table

_NOUN = "memory_mount"
UNKNOWN = ""
"""Stands for a hash: what the computer has there is not what the memory held, and is to be replaced."""


@dataclass(frozen=True, slots=True)
class Base:
    """A memory as the computer was given it, or as it was stored from there."""

    memory_id: str
    sha256: str


@dataclass(frozen=True, slots=True)
class Mount:
    """A store in the computer ``boot``, at ``path``; ``files`` go by their memory's path. ``rev`` counts its writes.

    ``notes`` are what the agent has to know and was not told yet.
    """

    store_id: str
    boot: str
    path: str
    name: str
    writable: bool
    files: dict[str, Base] = field(default_factory=dict)
    rev: int = 0
    notes: tuple[str, ...] = ()


class MountRows:
    """One row for each store of a session."""

    def __init__(self, table: Table, documents: Documents) -> None:
        self._table = table
        self._documents = documents

    def all(self, space: Space, session_id: str) -> list[Mount]:
        """The mounts of a session's computer, or of an earlier one of which only the notes still count."""
        return [self._mount(row) for row in self._table.walk(space.partition(_NOUN, session_id))]

    def find(self, space: Space, session_id: str, boot: str) -> list[Mount]:
        """The mounts of that computer."""
        return [one for one in self.all(space, session_id) if one.boot == boot]

    def save(self, space: Space, session_id: str, mount: Mount) -> bool:
        """Remember a mount in its next revision; False when somebody else did meanwhile."""
        key = _key(space, session_id, mount.store_id)
        document = {
            "path": mount.path,
            "name": mount.name,
            "writable": mount.writable,
            "files": {path: [base.memory_id, base.sha256] for path, base in mount.files.items()},
            "notes": list(mount.notes),
        }
        packed = self._documents.pack(space, document, _NOUN, session_id)
        row: Row = {"pk": key.pk, "sk": key.sk, "boot": mount.boot, "rev": mount.rev + 1, **packed}
        other_boot = writes.compare("boot", "<>", mount.boot)
        seen = writes.ABSENT | other_boot if mount.rev == 0 else writes.equals("rev", mount.rev)
        try:
            self._table.write(writes.put(row, seen))
        except ConditionFailed:
            return False
        return True

    def forget(self, space: Space, session_id: str, store_ids: Sequence[str] | None = None) -> None:
        """Remove what is known of some stores of a session, or of all."""
        if store_ids is None:
            rows = self._table.walk(space.partition(_NOUN, session_id))
            store_ids = [str(row["sk"]) for row in rows]
        self._table.delete_many([_key(space, session_id, store_id) for store_id in store_ids])

    def _mount(self, row: Row) -> Mount:
        document = self._documents.unpack(row)
        files = {path: Base(*pair) for path, pair in document.pop("files").items()}
        notes = tuple(document.pop("notes", ()))
        return Mount(row["sk"], row["boot"], files=files, rev=row["rev"], notes=notes, **document)


def _key(space: Space, session_id: str, store_id: str) -> Key:
    return space.key(_NOUN, session_id, sk=store_id)
