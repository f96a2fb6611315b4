"""Files on the wire."""

from typing import Literal

from pydantic import AliasChoices, Field

from chalicelib.core.schema import Schema
from chalicelib.doors.managed.schemas.lists import ListQuery, Page


class FileScope(Schema):
    """What a file belongs to."""

    type: Literal["session"]
    id: str


class FileAnswer(Schema):
    """What is known of a file; ``mime_type`` equals ``media_type``, ``scope_id`` the scope's id."""

    id: str
    type: Literal["file"]
    filename: str
    mime_type: str
    media_type: str
    size_bytes: int
    downloadable: bool
    scope: FileScope | None
    scope_id: str | None
    created_at: str
    expires_at: str | None


class FilePage(Page[FileAnswer]):
    """A page of files."""


class JsonUpload(Schema):
    """A small file in JSON. Without ``encoding``, ``text/*`` is taken as text and anything else as base64."""

    filename: str
    content: str
    media_type: str | None = None
    encoding: Literal["utf8", "base64"] | None = None
    scope_id: str | None = Field(default=None, validation_alias=AliasChoices("scope_id", "session_id"))
    downloadable: bool | None = None
    expires_in_seconds: int | None = None


class FileForm(Schema):
    """The fields beside ``file`` in a form."""

    scope_id: str | None = Field(default=None, validation_alias=AliasChoices("scope_id", "session_id"))
    downloadable: bool | None = None
    expires_in_seconds: int | None = None


class FileListQuery(ListQuery):
    """Which files; ``ids`` excludes ``page`` and ``limit``."""

    scope_id: str | None = None
    ids: list[str] | None = Field(default=None, max_length=1000)
    after_id: str | None = None
    before_id: str | None = None
    order: Literal["asc", "desc"] | None = None


class FileQuery(Schema):
    """What of the file is wanted, where the request's kind does not tell."""

    metadata: bool | None = None
    download: bool | None = None
