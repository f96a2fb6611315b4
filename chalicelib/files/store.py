"""Where files are kept: a row each, and for those of a session a pointer in its scope."""

from collections.abc import Sequence
from dataclasses import asdict

from chalicelib.files.model import File
from chalicelib.storage import writes
from chalicelib.storage.keys import BY_DUE, Key, Space, list_sk, system_partition
from chalicelib.storage.listing import Found, Source, Window, index_source, partition_source, read
from chalicelib.storage.marshal import Row
from chalicelib.storage.table import Table
from chalicelib.storage.writes import Write

_NOUN = "file"
_SCOPE = "file_scope"
_DUE = system_partition("files", "expiring")
_ATTRIBUTES = {"expires_at": "expires_at_ms"}
"""A row with ``expires_at`` would be removed by storage itself, and nobody would know of its bytes any more."""


def _key(space: Space, file_id: str) -> Key:
    return space.key(_NOUN, file_id, sk="HEAD")


def _pointer_key(space: Space, file: File) -> Key | None:
    if file.session_id is None:
        return None
    return space.key(_SCOPE, file.session_id, sk=position_of(file))


def position_of(file: File) -> str:
    """Where a file stands in lists."""
    return list_sk(file.created_at, file.id)


def _due_sk(at_ms: int, file_id: str = "") -> str:
    return list_sk(at_ms, file_id or "~")


def file_of(row: Row) -> File:
    """The file of a row."""
    attributes = {name: _ATTRIBUTES.get(name, name) for name in File.__dataclass_fields__}
    return File(**{name: row[attribute] for name, attribute in attributes.items() if attribute in row})


class FileStore:
    """Rows of files."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def find(self, space: Space, file_id: str) -> File | None:
        """One file, expired or not."""
        row = self._table.get(_key(space, file_id))
        return None if row is None else file_of(row)

    def find_many(self, space: Space, file_ids: list[str]) -> list[File]:
        """Those of the files that exist, in the order asked for."""
        keys = [_key(space, file_id) for file_id in file_ids]
        rows = self._table.get_many(keys)
        return [file_of(rows[key]) for key in keys if key in rows]

    def insert(self, space: Space, file: File, steps: Sequence[Write] = ()) -> bool:
        """Store a file's row, in one step with others; False when its id is taken or one of them is refused."""
        return self._table.transacted([*self.insert_writes(space, file), *steps])

    def insert_writes(self, space: Space, file: File) -> list[Write]:
        """The writes that make a file known, refused when its id is taken."""
        key = _key(space, file.id)
        row: Row = {_ATTRIBUTES.get(name, name): value for name, value in asdict(file).items() if value is not None}
        row |= {"pk": key.pk, "sk": key.sk, "tenant": space.tenant}
        row |= {"list_pk": space.listing(_NOUN), "list_sk": position_of(file)}
        if file.expires_at is not None:
            row |= {"due_pk": _DUE, "due_sk": _due_sk(file.expires_at, file.id)}
        steps = [writes.put(row, writes.ABSENT)]
        if pointer := _pointer_key(space, file):
            steps.append(writes.put({"pk": pointer.pk, "sk": pointer.sk, "file": file.id, "maker": file.maker}))
        return steps

    def remove(self, space: Space, file: File) -> bool:
        """Remove a file's rows; False when they were gone."""
        steps = [writes.delete(_key(space, file.id), writes.PRESENT)]
        if pointer := _pointer_key(space, file):
            steps.append(writes.delete(pointer))
        return self._table.transacted(steps)

    def page(self, space: Space, window: Window, session_id: str | None, now_ms: int) -> Found:
        """Rows of files that have not expired, of one session or of all scopes."""

        def keep(row: Row) -> bool:
            expires = row.get("expires_at_ms")
            return expires is None or expires > now_ms

        return read(self._table, [self._source(space, window, session_id)], window, keep)

    def _source(self, space: Space, window: Window, session_id: str | None) -> Source:
        if session_id is None:
            return index_source(self._table, space.listing(_NOUN), window)
        partition = space.partition(_SCOPE, session_id)
        return partition_source(self._table, partition, window, lambda row: _key(space, row["file"]))

    def of_session(self, space: Space, session_id: str) -> list[File]:
        """Every file of a session."""
        pointers = list(self._table.walk(space.partition(_SCOPE, session_id)))
        return self.find_many(space, [row["file"] for row in pointers])

    def sent_to(self, space: Space, session_id: str) -> list[str]:
        """Ids of a session's files, without most of those its agent made: pointers used not to tell who did."""
        pointers = self._table.walk(space.partition(_SCOPE, session_id))
        return [row["file"] for row in pointers if row.get("maker") != "agent"]

    def expired(self, now_ms: int, limit: int) -> list[tuple[Space, File]]:
        """Files whose time is over, of all tenants, the longest expired first."""
        page = self._table.query_list(_DUE, high=_due_sk(now_ms), descending=False, limit=limit, index=BY_DUE)
        rows = self._table.get_many([Key(row["pk"], row["sk"]) for row in page.rows])
        return [(Space(row["tenant"]), file_of(row)) for row in rows.values()]
