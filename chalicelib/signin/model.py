"""Users, their memberships and what each role may do."""

from dataclasses import dataclass
from typing import Literal

Role = Literal["owner", "member"]

SCOPES_OF: dict[Role, frozenset[str]] = {
    "owner": frozenset({"read", "write", "keys"}),
    "member": frozenset({"read", "write"}),
}


@dataclass(frozen=True, slots=True)
class Profile:
    """What a provider tells of a person; ``email`` is one it has verified."""

    subject: str
    email: str
    name: str


@dataclass(frozen=True, slots=True)
class User:
    """A person, known by a provider and the name the provider has for them."""

    id: str
    provider: str
    subject: str
    email: str
    name: str
    created_at: int


@dataclass(frozen=True, slots=True)
class Membership:
    """A tenant a user belongs to."""

    tenant: str
    role: Role
    created_at: int


@dataclass(frozen=True, slots=True)
class Member:
    """A user as a tenant sees them."""

    user: str
    email: str
    role: Role
    created_at: int


@dataclass(frozen=True, slots=True)
class WebSession:
    """What a session cookie stands for; times in milliseconds."""

    digest: str
    user: str
    email: str
    created_at: int
    seen_at: int
