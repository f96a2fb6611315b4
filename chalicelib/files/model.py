"""A file as it is known, and rules about its name, type and life."""

import mimetypes
import re
from dataclasses import dataclass, replace
from typing import Literal

from chalicelib.files.errors import invalid

Maker = Literal["client", "agent"]
SHORTEST_LIFE = 3600
LONGEST_LIFE = 7_776_000
MOST_NAME_BYTES = 255
_BINARY = "application/octet-stream"
_MEDIA_TYPE = re.compile(r"[\w.+-]+/[\w.+-]+(\s*;[\x20-\x7e]*)?", re.ASCII)
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


@dataclass(frozen=True, slots=True)
class File:
    """A stored file. ``downloadable`` is what the uploader said (None: nothing). Times are milliseconds."""

    id: str
    filename: str
    media_type: str
    size: int
    sha256: str
    created_at: int
    object_key: str
    maker: Maker = "client"
    downloadable: bool | None = None
    session_id: str | None = None
    expires_at: int | None = None

    def shown_downloadable(self) -> bool:
        """What clients are told: what agents made can be downloaded, what was uploaded only if its uploader said so."""
        return self.maker == "agent" if self.downloadable is None else self.downloadable

    def may_be_read(self, *, uploads_readable: bool) -> bool:
        """Whether clients get the content; ``uploads_readable`` is the server's setting."""
        if self.maker == "agent":
            return self.downloadable is not False
        return self.downloadable or (self.downloadable is None and uploads_readable)


@dataclass(frozen=True, slots=True)
class FileDraft:
    """What is known of a file before its content is stored. ``lifetime`` is in seconds."""

    filename: str
    media_type: str
    maker: Maker = "client"
    downloadable: bool | None = None
    session_id: str | None = None
    lifetime: int | None = None

    def checked(self) -> "FileDraft":
        """With a usable name and type. Raises InvalidRequest."""
        media_type = self.media_type.strip() or guessed_type(self.filename)
        if len(media_type) > MOST_NAME_BYTES or not _MEDIA_TYPE.fullmatch(media_type):
            raise invalid("media_type", f"{media_type[:80]!r} is not a media type")
        if self.lifetime is not None and not SHORTEST_LIFE <= self.lifetime <= LONGEST_LIFE:
            raise invalid("expires_in_seconds", f"must be from {SHORTEST_LIFE} to {LONGEST_LIFE}")
        return replace(self, filename=_checked_name(self.filename, media_type), media_type=media_type)


def guessed_type(filename: str) -> str:
    """The media type a name suggests."""
    return mimetypes.guess_type(filename)[0] or _BINARY


def _checked_name(given: str, media_type: str) -> str:
    """The last component of a path. Raises InvalidRequest when it cannot name a file."""
    name = given.replace("\\", "/").rsplit("/", 1)[-1].strip()
    if name in ("", ".", ".."):
        return "unnamed" + (mimetypes.guess_extension(media_type.partition(";")[0].strip()) or "")
    if _CONTROL.search(name) or len(name.encode()) > MOST_NAME_BYTES:
        raise invalid("filename", f"at most {MOST_NAME_BYTES} bytes and no control characters")
    return name
