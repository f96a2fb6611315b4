"""Where uploads are kept: a row each, which the clock finds when its time is over, whatever became of it."""

from dataclasses import asdict

from chalicelib.storage import writes
from chalicelib.storage.keys import BY_DUE, Key, Space, list_sk, system_partition
from chalicelib.storage.marshal import Row
from chalicelib.storage.table import Table
from chalicelib.storage.writes import Write
from chalicelib.uploads.model import FileUpload, Status

_NOUN = "file_upload"
_DUE = system_partition("files", "uploads")
_ATTRIBUTES = {"expires_at": "expires_at_ms"}
"""A row with ``expires_at`` would be removed by storage itself, and nobody would know of its bytes any more."""
_PENDING = writes.equals("status", "pending")


def _key(space: Space, upload_id: str) -> Key:
    return space.key(_NOUN, upload_id, sk="HEAD")


def _upload_of(row: Row) -> FileUpload:
    attributes = {name: _ATTRIBUTES.get(name, name) for name in FileUpload.__dataclass_fields__}
    return FileUpload(**{name: row[attribute] for name, attribute in attributes.items() if attribute in row})


class UploadStore:
    """Rows of uploads."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def find(self, space: Space, upload_id: str) -> FileUpload | None:
        """One upload, whatever became of it."""
        row = self._table.get(_key(space, upload_id))
        return None if row is None else _upload_of(row)

    def insert(self, space: Space, upload: FileUpload) -> bool:
        """Store an upload's row; False when its id is taken."""
        key = _key(space, upload.id)
        told = {_ATTRIBUTES.get(name, name): value for name, value in asdict(upload).items() if value is not None}
        due = {"due_pk": _DUE, "due_sk": list_sk(upload.expires_at, upload.id)}
        row: Row = {"pk": key.pk, "sk": key.sk, "tenant": space.tenant, **told, **due}
        return self._table.transacted([writes.put(row, writes.ABSENT)])

    def ending(self, space: Space, upload: FileUpload, status: Status) -> Write:
        """The write after which an upload is pending no more, refused when it is not."""
        return writes.update(_key(space, upload.id), {"status": status}, _PENDING)

    def end(self, space: Space, upload: FileUpload, status: Status) -> bool:
        """Carry out ``ending``; False when it was refused."""
        return self._table.transacted([self.ending(space, upload, status)])

    def remove(self, space: Space, upload: FileUpload) -> None:
        """Remove an upload's row."""
        self._table.delete_many([_key(space, upload.id)])

    def due(self, now_ms: int, limit: int) -> list[tuple[Space, FileUpload]]:
        """Uploads whose time is over, of all tenants, the longest over first."""
        high = list_sk(now_ms, "~")
        page = self._table.query_list(_DUE, high=high, descending=False, limit=limit, index=BY_DUE)
        rows = self._table.get_many([Key(row["pk"], row["sk"]) for row in page.rows])
        return [(Space(row["tenant"]), _upload_of(row)) for row in rows.values()]
