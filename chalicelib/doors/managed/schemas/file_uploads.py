"""Uploads of files on the wire, whose content does not come through the API."""

from typing import Literal

from pydantic import AliasChoices, Field

from chalicelib.core.schema import Schema
from chalicelib.doors.managed.schemas.files import FileScope


class FileUploadCreate(Schema):
    """A file that is to come. ``sha256`` is hexadecimal; what comes is held against it."""

    filename: str
    media_type: str | None = Field(default=None, validation_alias=AliasChoices("mime_type", "media_type"))
    size_bytes: int = Field(ge=0)
    sha256: str | None = None
    scope_id: str | None = Field(default=None, validation_alias=AliasChoices("scope_id", "session_id"))
    downloadable: bool | None = None
    expires_in_seconds: int | None = None


class UploadTarget(Schema):
    """The one request that brings the content: these headers, exactly, and the bytes as its body."""

    method: Literal["PUT"]
    url: str
    headers: dict[str, str]
    expires_at: str


class FileUploadAnswer(Schema):
    """An upload. ``upload`` is told at creation, and only while content may still begin to come; ``file_id`` once there
    is a file."""

    id: str
    type: Literal["file_upload"]
    status: Literal["pending", "completed"]
    filename: str
    mime_type: str
    media_type: str
    size_bytes: int
    sha256: str | None
    scope: FileScope | None
    scope_id: str | None
    created_at: str
    expires_at: str
    file_id: str | None
    upload: UploadTarget | None


class ContentQuery(Schema):
    """What lets content in."""

    token: str
