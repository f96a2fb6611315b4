"""Content that comes to this server under an upload's URL: admitted, and stored as the bucket itself would store it."""

from collections.abc import Mapping

from chalicelib.files.errors import invalid
from chalicelib.files.incoming import Incoming
from chalicelib.storage.errors import ObjectMissing, ObjectThere
from chalicelib.storage.objects import Objects
from chalicelib.uploads.errors import AlreadyUploaded, NotAdmitted, UploadNotFound
from chalicelib.uploads.model import FileUpload
from chalicelib.uploads.places import Tokens
from chalicelib.uploads.store import UploadStore


class Receiving:
    """One content coming in. Write, then ``close``; or ``abort``."""

    def __init__(self, upload: FileUpload, incoming: Incoming) -> None:
        self._upload = upload
        self._incoming = incoming

    def write(self, data: bytes) -> None:
        """Take bytes. Raises TooLarge."""
        self._incoming.write(data)

    def close(self) -> None:
        """Store what came. Raises InvalidRequest when it is not what was announced, AlreadyUploaded."""
        upload, came = self._upload, self._incoming
        if came.size != upload.size:
            raise invalid("size_bytes", f"{upload.size} were announced, {came.size} came")
        if upload.sha256 not in (None, came.sha256):
            raise invalid("sha256", f"the content that came has {came.sha256}")
        try:
            came.close()
        except ObjectThere as there:
            raise AlreadyUploaded from there

    def abort(self) -> None:
        """Leave nothing behind."""
        self._incoming.abort()


class Reception:
    """Lets in what bears a token and keeps to the terms of its upload."""

    def __init__(self, store: UploadStore, objects: Objects, tokens: Tokens) -> None:
        self._store = store
        self._objects = objects
        self._tokens = tokens

    def receive(self, upload_id: str, token: str, headers: Mapping[str, str]) -> Receiving:
        """Begin to take content. Raises NotAdmitted, UploadNotFound, AlreadyUploaded."""
        space = self._tokens.opened(upload_id, token)
        upload = self._store.find(space, upload_id)
        if upload is None or upload.status in ("deleted", "expired"):
            raise UploadNotFound
        for name, value in upload.terms.headers().items():
            if headers.get(name) != value:
                raise NotAdmitted(f"{name}: must be {value!r}, as the upload says", field=name)
        if upload.status == "completed" or self._is_there(upload):
            raise AlreadyUploaded
        writer = self._objects.writer(upload.object_key, upload.media_type, anew=True)
        return Receiving(upload, Incoming(writer, upload.size))

    def _is_there(self, upload: FileUpload) -> bool:
        try:
            self._objects.describe(upload.object_key)
        except ObjectMissing:
            return False
        return True
