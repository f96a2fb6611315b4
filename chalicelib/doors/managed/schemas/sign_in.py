"""Signing in, who one is, and members of tenants, on the wire."""

from typing import Annotated, Literal

from pydantic import BaseModel, Field, SecretStr, StringConstraints

from chalicelib.doors.managed.schemas.lists import Page
from chalicelib.doors.managed.schemas.tenants import KeyName, Membership, Name, TenantName

RoleName = Literal["owner", "member"]
TenantText = Annotated[str, StringConstraints(min_length=1, max_length=10_000, strip_whitespace=True)]


class BeginQuery(BaseModel):
    """``return_to`` is a path of the console."""

    return_to: str | None = None


class ReturnQuery(BaseModel):
    """What the provider sends a person back with."""

    state: Annotated[SecretStr | None, Field(max_length=512)] = None
    code: Annotated[SecretStr | None, Field(max_length=8192)] = None
    error: str | None = Field(default=None, max_length=2048)


class ProviderAnswer(BaseModel):
    """A provider people can sign in with, and where that begins."""

    name: str
    authorize_url: str


class AuthInfo(BaseModel):
    """The ways in."""

    methods: list[str]
    providers: list[ProviderAnswer]


class SignedOut(BaseModel):
    """The session is over."""

    type: Literal["signed_out"]


class UserAnswer(BaseModel):
    """A person."""

    id: str
    email: str
    name: str


class Me(BaseModel):
    """Who calls: a person with a session cookie, or whoever has the key."""

    user: UserAnswer | None
    tenant: TenantName
    tenants: list[Membership]
    api_key: KeyName | None


class Memberships(BaseModel):
    """The tenants of the caller."""

    data: list[Membership]


class CliTokenCreate(BaseModel):
    """A key for a command line; without ``tenant_id`` for the tenant that is active."""

    name: Name = "CLI"
    tenant_id: str | None = None


class CliTokenAnswer(BaseModel):
    """A new key, whose secret ``token`` is shown this once."""

    key_id: str
    token: str
    tenant_id: str
    user_id: str
    created_at: str


class OwnTenantCreate(BaseModel):
    """A tenant of one's own; a name is cut at 80 characters."""

    name: TenantText


class OwnTenantAnswer(BaseModel):
    """A new tenant."""

    id: str
    name: str
    role: RoleName
    created_at: str


class MemberInvite(BaseModel):
    """Who may join."""

    email: Annotated[str, StringConstraints(min_length=3, max_length=320, strip_whitespace=True)]
    role: RoleName = "member"


class Invitation(BaseModel):
    """An invitation; it is taken up by signing in within a week."""

    type: Literal["tenant_invitation"]
    tenant_id: str
    email: str
    role: RoleName


class MemberAnswer(BaseModel):
    """A member of a tenant; ``id`` is the user's."""

    id: str
    type: Literal["tenant_member"]
    email: str
    role: RoleName
    created_at: str


class MemberPage(Page[MemberAnswer]):
    """All members of a tenant."""
