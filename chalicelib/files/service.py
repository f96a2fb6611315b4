"""What may be done with files."""

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, replace

from chalicelib.core.clock import now_ms
from chalicelib.core.ids import new_id
from chalicelib.core.paging import Page
from chalicelib.files.errors import FileDiffers, FileExpired, FileNotDownloadable, FileNotFound, ScopeNotFound
from chalicelib.files.incoming import Incoming
from chalicelib.files.model import File, FileDraft
from chalicelib.files.store import FileStore, file_of, position_of
from chalicelib.observability import apart
from chalicelib.storage.errors import ObjectMissing
from chalicelib.storage.keys import Space
from chalicelib.storage.listing import Window
from chalicelib.storage.objects import Objects
from chalicelib.storage.writes import Write

_SWEEP = 100
SessionExists = Callable[[Space, str], bool]


@dataclass(frozen=True, slots=True)
class FileRules:
    """What the operator decided: the largest file in bytes, and whether clients may read what clients uploaded."""

    limit_bytes: int
    uploads_readable: bool


@dataclass(frozen=True, slots=True)
class Upload:
    """Content that is coming in for a file."""

    space: Space
    file_id: str
    object_key: str
    incoming: Incoming


class FileService:
    """Stores, lists, reads and removes files; an expired file is gone for every caller."""

    def __init__(self, store: FileStore, objects: Objects, rules: FileRules, session_exists: SessionExists) -> None:
        self._store = store
        self._objects = objects
        self._session_exists = session_exists
        self.rules = rules

    def begin(
        self, space: Space, media_type: str, file_id: str | None = None, folder: Sequence[str] | None = None
    ) -> Upload:
        """Start to store content; go on with ``incoming.write``, end with ``commit`` or ``abandon``.

        A ``folder`` of the bucket belongs to a session that is still being made: whoever removes what is left of it
        finds the content there, and a repeat stores it in the same place.
        """
        chosen = file_id or new_id()
        key = space.object_key("files", chosen, new_id()) if folder is None else space.object_key(*folder, chosen)
        incoming = Incoming(self._objects.writer(key, media_type), self.rules.limit_bytes)
        return Upload(space, chosen, key, incoming)

    def commit(self, upload: Upload, draft: FileDraft) -> File:
        """Make the file known. When its id is taken, that file is the answer if its content is the same.

        Raises InvalidRequest, ScopeNotFound, FileDiffers; ``abandon`` the upload then.
        """
        checked = draft.checked()
        self.demand_scope(upload.space, checked.session_id)
        return self._keep(upload.space, self._closed(upload, checked))

    def demand_scope(self, space: Space, session_id: str | None) -> None:
        """Raises ScopeNotFound for a session that a file cannot belong to."""
        if session_id is not None and not self._session_exists(space, session_id):
            raise ScopeNotFound("session_id: no such session", field="session_id")

    def adopt(self, space: Space, file: File, steps: list[Write]) -> bool:
        """Make content that is stored already known as a file, in one step with others; False when one was refused.

        Raises ScopeNotFound.
        """
        self.demand_scope(space, file.session_id)
        return self._store.insert(space, file, steps)

    def keeps(self, space: Space, file_id: str) -> bool:
        """Whether a file is there, expired or not."""
        return self._store.find(space, file_id) is not None

    def commit_writes(self, upload: Upload, draft: FileDraft) -> list[Write]:
        """As ``commit``, for a session that is still being made: the writes that make the file known."""
        return self._store.insert_writes(upload.space, self._closed(upload, draft.checked()))

    def _closed(self, upload: Upload, checked: FileDraft) -> File:
        upload.incoming.close()
        now = now_ms()
        return File(
            id=upload.file_id,
            filename=checked.filename,
            media_type=checked.media_type,
            size=upload.incoming.size,
            sha256=upload.incoming.sha256,
            created_at=now,
            object_key=upload.object_key,
            maker=checked.maker,
            downloadable=checked.downloadable,
            session_id=checked.session_id,
            expires_at=None if checked.lifetime is None else now + checked.lifetime * 1000,
        )

    def abandon(self, upload: Upload) -> None:
        """Leave nothing of an upload behind."""
        upload.incoming.abort()
        self._objects.delete(upload.object_key)

    def create_from_bytes(self, space: Space, draft: FileDraft, data: bytes, file_id: str | None = None) -> File:
        """Store a small file. Raises InvalidRequest, ScopeNotFound, TooLarge, FileDiffers."""
        upload = self.begin(space, draft.media_type, file_id)
        try:
            upload.incoming.write(data)
            return self.commit(upload, draft)
        except BaseException:
            self.abandon(upload)
            raise

    def copy_into_scope(self, space: Space, file_id: str, session_id: str, new_file_id: str | None = None) -> File:
        """A file of its own for a session, with the same content. Raises FileNotFound."""
        source = self.get(space, file_id)
        target_id = new_file_id or new_id()
        key = space.object_key("files", target_id, new_id())
        self._objects.copy(source.object_key, key)
        copied = replace(source, id=target_id, object_key=key, created_at=now_ms(), maker="client")
        return self._keep(space, replace(copied, session_id=session_id, expires_at=None))

    def copies(
        self, space: Space, files: Sequence[tuple[File, str]], session_id: str, folder: Sequence[str]
    ) -> list[list[Write]]:
        """Copy the content of files for a session that is still being made, into its ``folder`` as ``begin`` does.

        Gives for each the writes that make it known under the id given.
        """
        made = []
        for file, file_id in files:
            key = space.object_key(*folder, file_id)
            self._objects.copy(file.object_key, key)
            copied = replace(file, id=file_id, object_key=key, session_id=session_id, expires_at=None)
            made.append(self._store.insert_writes(space, copied))
        return made

    def of_session(self, space: Space, session_id: str) -> list[File]:
        """Every file of a session that has not expired."""
        now = now_ms()
        found = self._store.of_session(space, session_id)
        return [file for file in found if file.expires_at is None or file.expires_at > now]

    def get(self, space: Space, file_id: str) -> File:
        """One file. Raises FileNotFound, FileExpired."""
        file = self._store.find(space, file_id)
        if file is None:
            raise FileNotFound
        if file.expires_at is not None and file.expires_at <= now_ms():
            self._discard_content(file)
            raise FileExpired
        return file

    def content(self, space: Space, file_id: str, *, even_held_back: bool = False) -> tuple[File, Iterator[bytes]]:
        """A file and its content for a client. Raises FileNotFound, FileExpired, FileNotDownloadable."""
        file = self.get(space, file_id)
        if not even_held_back and not file.may_be_read(uploads_readable=self.rules.uploads_readable):
            raise FileNotDownloadable
        return file, self._stream(file)

    def read(self, space: Space, file_id: str) -> tuple[str, bytes]:
        """Media type and content, for use inside the server. Raises FileNotFound, FileExpired."""
        file = self.get(space, file_id)
        return file.media_type, b"".join(self._stream(file))

    def reader(self, space: Space, file_id: str) -> tuple[File, Callable[[], Iterator[bytes]]]:
        """A file and what reads it from its beginning, for use inside the server. Raises FileNotFound, FileExpired."""
        file = self.get(space, file_id)
        return file, lambda: self._stream(file)

    def delete(self, space: Space, file_id: str) -> None:
        """Remove a file, its bytes first. Raises FileNotFound."""
        file = self._store.find(space, file_id)
        if file is None or not self._remove(space, file):
            raise FileNotFound

    def delete_scope(self, space: Space, session_id: str) -> None:
        """Remove every file of a session."""
        for file in self._store.of_session(space, session_id):
            self._remove(space, file)

    def page(self, space: Space, window: Window, session_id: str | None = None) -> Page[File]:
        """Files by creation, of one session or of all; ``next`` is the position to go on after."""
        found = self._store.page(space, window, session_id, now_ms())
        files = [file_of(row) for row in found.rows]
        return Page(files, position_of(files[-1]) if found.more else None)

    def find_many(self, space: Space, file_ids: list[str]) -> list[File]:
        """Those of the files that exist."""
        now = now_ms()
        found = self._store.find_many(space, file_ids)
        return [file for file in found if file.expires_at is None or file.expires_at > now]

    def sent_to(self, space: Space, session_id: str, known: Collection[str] = ()) -> list[File]:
        """What clients sent to a session, but for those ``known``: copies of attached files, and what was uploaded."""
        wanted = [file_id for file_id in self._store.sent_to(space, session_id) if file_id not in known]
        return [file for file in self.find_many(space, wanted) if file.maker == "client"]

    def position(self, space: Space, file_id: str) -> str | None:
        """Where a file stands in lists; None when there is no such file."""
        file = self._store.find(space, file_id)
        return None if file is None else position_of(file)

    def sweep(self) -> int:
        """Remove some files whose time is over, of all tenants; how many there were."""
        expired = self._store.expired(now_ms(), _SWEEP)
        for space, file in expired:
            with apart("files", "a file whose time is over could not be removed"):
                self._remove(space, file)
        return len(expired)

    def _keep(self, space: Space, file: File) -> File:
        if self._store.insert(space, file):
            return file
        self._discard_content(file)
        first = self.get(space, file.id)
        if first.sha256 != file.sha256:
            raise FileDiffers("another file was stored under this key before", code="idempotency_key_reused")
        return first

    def _stream(self, file: File) -> Iterator[bytes]:
        try:
            return self._objects.stream(file.object_key)
        except ObjectMissing as missing:
            raise FileNotFound from missing

    def _remove(self, space: Space, file: File) -> bool:
        self._discard_content(file)
        return self._store.remove(space, file)

    def _discard_content(self, file: File) -> None:
        self._objects.delete(file.object_key)
