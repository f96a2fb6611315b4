"""Tenants and API keys on the wire."""

from typing import Annotated, Literal

from pydantic import ConfigDict, Field, StringConstraints

from chalicelib.core.schema import Schema
from chalicelib.doors.managed.schemas.lists import Page

Name = Annotated[str, StringConstraints(min_length=1, max_length=256, strip_whitespace=True)]
PerMinute = Annotated[int, Field(ge=0, le=1_000_000_000)]


class Limits(Schema):
    """Requests per minute; 0 means no limit, null the server's own."""

    model_config = ConfigDict(extra="forbid")

    read: PerMinute | None = None
    write: PerMinute | None = None
    upload: PerMinute | None = None


class TenantCreate(Schema):
    """A new tenant."""

    name: Name
    limits: Limits | None = None


class TenantUpdate(Schema):
    """Changes to a tenant; what is not sent stays."""

    name: Name | None = None
    status: Literal["active", "suspended"] | None = None
    limits: Limits | None = None


class KeyCreate(Schema):
    """A new key; without ``scopes`` it gets what its maker has, ``internal`` left out."""

    name: Name = "Untitled key"
    scopes: list[str] | None = None


class KeyAnswer(Schema):
    """A key as it may be shown."""

    id: str
    type: Literal["api_key"]
    name: str
    prefix: str
    scopes: list[str]
    created_at: str
    last_used_at: str | None


class NewKeyAnswer(KeyAnswer):
    """A new key with its secret, which is shown this once."""

    key: str


class KeyPage(Page[KeyAnswer]):
    """All keys of a tenant."""


class TenantAnswer(Schema):
    """A tenant; ``limits`` shows what differs from the server's."""

    id: str
    type: Literal["tenant"]
    name: str
    status: Literal["active", "suspended", "closed"]
    limits: Limits
    created_at: str


class NewTenantAnswer(TenantAnswer):
    """A new tenant with its first key."""

    api_key: NewKeyAnswer


class TenantPage(Page[TenantAnswer]):
    """A page of tenants."""


class Membership(Schema):
    """A tenant the caller may act for."""

    id: str
    name: str
    role: str


class TenantName(Schema):
    """A tenant by id and name."""

    id: str
    name: str


class KeyName(Schema):
    """The key a request was made with."""

    id: str
    scopes: list[str]
