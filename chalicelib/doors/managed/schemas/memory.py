"""Memory stores on the wire; requests are the core's own drafts."""

from typing import Annotated, Literal

from pydantic import AliasChoices, ConfigDict, Field

from chalicelib.core.schema import Schema
from chalicelib.doors.managed.schemas.lists import ArchiveQuery, ListQuery, Page

View = Literal["basic", "full"]


class StoreQuery(ArchiveQuery):
    """Which stores; ``agent_id`` is the agent they were made for."""

    agent_id: str | None = None


class ViewQuery(Schema):
    """Whether answers hold contents."""

    view: View | None = None


class MemoryQuery(ListQuery):
    """Which memories; ``prefix`` means ``path_prefix``. With ``depth`` 1 folders stand for what is in them."""

    path_prefix: str | None = Field(default=None, validation_alias=AliasChoices("path_prefix", "prefix"))
    depth: int | None = Field(default=None, ge=0, le=1)
    view: View | None = None


class DeleteQuery(Schema):
    """What the memory must hold to be removed."""

    expected_content_sha256: str | None = None


class VersionQuery(ListQuery):
    """Which versions."""

    memory_id: str | None = None
    operation: Literal["created", "modified", "deleted"] | None = None
    session_id: str | None = None
    api_key_id: str | None = None
    service_account_id: str | None = None
    view: View | None = None


class MemoryStore(Schema):
    """A store. ``embedding_model`` tells what ranks searches: ``lexical`` goes by words alone."""

    model_config = ConfigDict(extra="allow")

    id: str
    type: Literal["memory_store"]
    name: str
    description: str = ""
    metadata: dict[str, str]
    agent_id: str | None = None
    embedding_model: str
    vector_index: str
    created_at: str
    updated_at: str
    archived_at: str | None = None


class Memory(Schema):
    """A text at a path; names that differ between kinds of clients stand side by side."""

    id: str
    type: Literal["memory"]
    memory_store_id: str
    store_id: str
    memory_version_id: str
    path: str
    content: str | None = None
    content_sha256: str
    content_size_bytes: int
    size_bytes: int
    etag: str
    created_at: str
    updated_at: str


class MemoryPrefix(Schema):
    """Stands for the memories below a path."""

    type: Literal["memory_prefix"]
    path: str


class MemoryVersion(Schema):
    """One change of a memory."""

    id: str
    type: Literal["memory_version"]
    memory_store_id: str
    store_id: str
    memory_id: str
    operation: Literal["created", "modified", "deleted"]
    path: str | None = None
    content: str | None = None
    content_sha256: str | None = None
    content_size_bytes: int | None = None
    size_bytes: int | None = None
    created_at: str
    created_by: dict[str, str]
    actor: dict[str, str]
    redacted: bool | None = None
    redacted_at: str | None = None
    redacted_by: dict[str, str] | None = None


class Entry(Schema):
    """A memory among the latest changes."""

    id: str
    path: str
    content: str
    created_at: str
    updated_at: str


class Hit(Schema):
    """A result of a search; ``score`` lies between 0 and 1."""

    id: str
    path: str
    content: str
    score: float


class Hits(Schema):
    """The results of a search, best first."""

    data: list[Hit]


StorePage = Page[MemoryStore]
MemoryPage = Page[Annotated[Memory | MemoryPrefix, Field(discriminator="type")]]
VersionPage = Page[MemoryVersion]
EntryPage = Page[Entry]
