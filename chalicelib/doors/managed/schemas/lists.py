"""Queries and pages of lists."""

from typing import Generic, TypeVar

from pydantic import AliasChoices, ConfigDict, Field

from chalicelib.core.schema import Schema

T = TypeVar("T")


class CreatedRange(Schema):
    """Bounds on the creation, RFC 3339."""

    model_config = ConfigDict(populate_by_name=True)

    created_gt: str | None = Field(default=None, alias="created_at[gt]")
    created_gte: str | None = Field(default=None, alias="created_at[gte]")
    created_lt: str | None = Field(default=None, alias="created_at[lt]")
    created_lte: str | None = Field(default=None, alias="created_at[lte]")
    created_after: str | None = None
    created_before: str | None = None


class ListQuery(CreatedRange):
    """Size and place of a page; ``cursor`` is another name of ``page``."""

    limit: str | None = None
    page: str | None = Field(default=None, validation_alias=AliasChoices("page", "cursor"))


class ArchiveQuery(ListQuery):
    """Which objects by archive state; ``q`` is a part of the name in any case."""

    status: str | None = Field(default=None, description="active, archived or any")
    archived: bool | None = None
    include_archived: bool | None = None
    q: str | None = None


class Page(Schema, Generic[T]):
    """One page. ``next_page`` and ``next_cursor`` are equal and null on the last one."""

    data: list[T]
    next_page: str | None
    next_cursor: str | None
    prev_page: str | None
    has_more: bool
    first_id: str | None
    last_id: str | None


class Deleted(Schema):
    """What was removed."""

    id: str
    type: str
