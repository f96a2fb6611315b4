"""What may be done with uploads: begun, completed once their content is there, given up."""

import hashlib

from chalicelib.core.clock import now_ms
from chalicelib.core.ids import derive_id, new_id
from chalicelib.files.errors import invalid
from chalicelib.files.model import File
from chalicelib.files.service import FileService
from chalicelib.observability import apart
from chalicelib.storage.errors import ObjectMissing, StorageBusy
from chalicelib.storage.keys import Space
from chalicelib.storage.objects import Objects
from chalicelib.uploads.errors import NothingUploaded, UploadCompleted, UploadExpired, UploadNotFound
from chalicelib.uploads.model import LIFE_MS, FileUpload, UploadDraft, demand_size
from chalicelib.uploads.store import UploadStore

_SWEEP = 100
_TRIES = 3


class UploadService:
    """Uploads are rows until their content is known to be what was announced; only then there is a file."""

    def __init__(self, store: UploadStore, files: FileService, objects: Objects) -> None:
        self._store = store
        self._files = files
        self._objects = objects

    def begin(self, space: Space, draft: UploadDraft, seed: str | None = None) -> FileUpload:
        """A new upload; what the same ``seed`` began before.

        Raises InvalidRequest, TooLarge, ScopeNotFound.
        """
        checked = draft.checked(self._files.rules.limit_bytes)
        self._files.demand_scope(space, checked.file.session_id)
        upload_id, now = new_id() if seed is None else derive_id("file_upload", space.tenant, seed), now_ms()
        upload = FileUpload(
            id=upload_id,
            filename=checked.file.filename,
            media_type=checked.file.media_type,
            size=checked.size,
            object_key=space.object_key("files", upload_id, new_id()),
            created_at=now,
            expires_at=now + LIFE_MS,
            sha256=checked.sha256,
            downloadable=checked.file.downloadable,
            session_id=checked.file.session_id,
            lifetime=checked.file.lifetime,
        )
        return upload if self._store.insert(space, upload) else self.get(space, upload_id)

    def get(self, space: Space, upload_id: str) -> FileUpload:
        """One upload. Raises UploadNotFound, UploadExpired."""
        upload = self._store.find(space, upload_id)
        if upload is None or upload.status == "deleted":
            raise UploadNotFound
        if upload.status != "completed" and (upload.status == "expired" or upload.expires_at <= now_ms()):
            raise UploadExpired
        return upload

    def complete(self, space: Space, upload_id: str) -> File:
        """The file that an upload has become, now or before.

        Raises UploadNotFound, UploadExpired, NothingUploaded, InvalidRequest where the content is not what was
        announced, TooLarge, ScopeNotFound, FileNotFound when the file was removed since.
        """
        for _ in range(_TRIES):
            upload = self.get(space, upload_id)
            if upload.status == "completed":
                return self._files.get(space, upload.id)
            file = upload.file(self._digest_of(upload), now_ms())
            if self._files.adopt(space, file, [self._store.ending(space, upload, "completed")]):
                return file
        raise StorageBusy("the upload is changed by too many at once")

    def _digest_of(self, upload: FileUpload) -> str:
        """The checksum of what came, which is what was announced. Read is only what storage cannot vouch for."""
        demand_size(upload.size, self._files.rules.limit_bytes)
        try:
            found = self._objects.describe(upload.object_key)
            if found.size != upload.size:
                raise invalid("size_bytes", f"{upload.size} were announced, {found.size} came")
            digest = found.sha256 or self._read(upload.object_key)
        except ObjectMissing as missing:
            raise NothingUploaded from missing
        if upload.sha256 not in (None, digest):
            raise invalid("sha256", f"the content that came has {digest}")
        return digest

    def _read(self, object_key: str) -> str:
        digest = hashlib.sha256()
        for piece in self._objects.stream(object_key):
            digest.update(piece)
        return digest.hexdigest()

    def delete(self, space: Space, upload_id: str) -> None:
        """Give an upload up. What still comes under its URL is removed when its time is over.

        Raises UploadNotFound, UploadExpired, UploadCompleted.
        """
        upload = self.get(space, upload_id)
        if upload.status == "completed" or not self._store.end(space, upload, "deleted"):
            self.get(space, upload_id)
            raise UploadCompleted
        self._objects.delete(upload.object_key)

    def sweep(self) -> int:
        """Clear away some uploads whose time is over, of all tenants; how many there were."""
        due = self._store.due(now_ms(), _SWEEP)
        for space, upload in due:
            with apart("uploads", "an upload whose time is over could not be cleared away"):
                self._clear(space, upload)
        return len(due)

    def _clear(self, space: Space, upload: FileUpload) -> None:
        if upload.status == "pending" and not self._store.end(space, upload, "expired"):
            return
        # A file that was removed may have left a URL behind under which its content came once more.
        if upload.status != "completed" or not self._files.keeps(space, upload.id):
            self._objects.delete(upload.object_key)
        self._store.remove(space, upload)
