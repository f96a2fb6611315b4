"""Signing in, who one is, and members of tenants, on the wire."""

from typing import Annotated, Literal

from pydantic import Field, SecretStr, StringConstraints

from chalicelib.core.schema import Schema
from chalicelib.doors.managed.schemas.lists import Page
from chalicelib.doors.managed.schemas.tenants import KeyName, Membership, Name, TenantName

RoleName = Literal["owner", "member"]
TenantText = Annotated[str, StringConstraints(min_length=1, max_length=10_000, strip_whitespace=True)]


class BeginQuery(Schema):
    """``return_to`` is a path of the console."""

    return_to: str | None = None


class ReturnQuery(Schema):
    """What the provider sends a person back with."""

    state: Annotated[SecretStr | None, Field(max_length=512)] = None
    code: Annotated[SecretStr | None, Field(max_length=8192)] = None
    error: str | None = Field(default=None, max_length=2048)


class ProviderAnswer(Schema):
    """A provider people can sign in with, and where that begins."""

    name: str
    authorize_url: str


class AuthInfo(Schema):
    """The ways in."""

    methods: list[str]
    providers: list[ProviderAnswer]


class SignedOut(Schema):
    """The session is over."""

    type: Literal["signed_out"]


class UserAnswer(Schema):
    """A person."""

    id: str
    email: str
    name: str


class Me(Schema):
    """Who calls: a person with a session cookie, or whoever has the key."""

    user: UserAnswer | None
    tenant: TenantName
    tenants: list[Membership]
    api_key: KeyName | None


class Memberships(Schema):
    """The tenants of the caller."""

    data: list[Membership]


class CliTokenCreate(Schema):
    """A key for a command line; without ``tenant_id`` for the tenant that is active."""

    name: Name = "CLI"
    tenant_id: str | None = None


class CliTokenAnswer(Schema):
    """A new key, whose secret ``token`` is shown this once."""

    key_id: str
    token: str
    tenant_id: str
    user_id: str
    created_at: str


class OwnTenantCreate(Schema):
    """A tenant of one's own; a name is cut at 80 characters."""

    name: TenantText


class OwnTenantAnswer(Schema):
    """A new tenant."""

    id: str
    name: str
    role: RoleName
    created_at: str


class MemberInvite(Schema):
    """Who may join."""

    email: Annotated[str, StringConstraints(min_length=3, max_length=320, strip_whitespace=True)]
    role: RoleName = "member"


class Invitation(Schema):
    """An invitation; it is taken up by signing in within a week."""

    type: Literal["tenant_invitation"]
    tenant_id: str
    email: str
    role: RoleName


class MemberAnswer(Schema):
    """A member of a tenant; ``id`` is the user's."""

    id: str
    type: Literal["tenant_member"]
    email: str
    role: RoleName
    created_at: str


class MemberPage(Page[MemberAnswer]):
    """All members of a tenant."""
