"""An upload on its way to become a file, and rules about what it may bring and how long it may take."""

import re
from dataclasses import dataclass
from typing import Literal

from chalicelib.core.errors import TooLarge
from chalicelib.files.errors import invalid
from chalicelib.files.model import File, FileDraft
from chalicelib.storage.direct import Terms

Status = Literal["pending", "completed", "deleted", "expired"]
URL_MS = 3_600_000
"""So long content may begin to come."""
LIFE_MS = 24 * URL_MS
"""So long an upload may take to complete. What began to come under its URL has ended by then, one way or another."""
MOST_AT_ONCE = 5 << 30
"""More than this storage does not take in one request."""
_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class UploadDraft:
    """A file as it is announced: what is known of it, its bytes, and its SHA-256 (hexadecimal) if that is known."""

    file: FileDraft
    size: int
    sha256: str | None = None

    def checked(self, limit_bytes: int) -> "UploadDraft":
        """With a usable name, type and checksum. Raises InvalidRequest, TooLarge."""
        demand_size(self.size, limit_bytes)
        digest = None if self.sha256 is None else self.sha256.lower()
        if digest is not None and not _SHA256.fullmatch(digest):
            raise invalid("sha256", "must be 64 hexadecimal digits")
        return UploadDraft(self.file.checked(), self.size, digest)


def demand_size(size: int, limit_bytes: int) -> None:
    """Raises InvalidRequest, TooLarge."""
    most = min(limit_bytes, MOST_AT_ONCE)
    if size < 0:
        raise invalid("size_bytes", "must be 0 or more")
    if size > most:
        message = f"size_bytes: a file may have at most {most} bytes"
        raise TooLarge(message, field="size_bytes", details={"limit_bytes": most})


@dataclass(frozen=True, slots=True)
class FileUpload:
    """A file whose content clients put into storage themselves. It becomes the file of the same id.

    ``lifetime`` is the file's, in seconds. Times are milliseconds.
    """

    id: str
    filename: str
    media_type: str
    size: int
    object_key: str
    created_at: int
    expires_at: int
    sha256: str | None = None
    downloadable: bool | None = None
    session_id: str | None = None
    lifetime: int | None = None
    status: Status = "pending"

    @property
    def url_until(self) -> int:
        """When its URL stops to take content."""
        return self.created_at + URL_MS

    @property
    def terms(self) -> Terms:
        """What may be put at its place."""
        return Terms(self.size, self.media_type, self.sha256)

    def file(self, sha256: str, now: int) -> File:
        """The file it becomes."""
        return File(
            id=self.id,
            filename=self.filename,
            media_type=self.media_type,
            size=self.size,
            sha256=sha256,
            created_at=now,
            object_key=self.object_key,
            downloadable=self.downloadable,
            session_id=self.session_id,
            expires_at=None if self.lifetime is None else now + self.lifetime * 1000,
        )
