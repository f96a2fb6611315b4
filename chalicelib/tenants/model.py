"""Tenants and their keys."""

import hashlib
import secrets
import string
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from chalicelib.core.principal import SCOPES
from chalicelib.tenants.errors import UnknownScope

Status = Literal["active", "suspended", "closed"]
LIMIT_NAMES = ("read", "write", "upload")
FIRST_KEY_SCOPES = ("read", "write", "keys")
SECRET_PREFIX = "lmb_"
_ALPHABET = string.ascii_letters + string.digits
_RANDOM_CHARACTERS = 40
_SHOWN_CHARACTERS = 8


@dataclass(frozen=True, slots=True)
class Tenant:
    """An owner of data. ``limits`` holds requests per minute where they differ from the server's."""

    id: str
    name: str
    status: Status
    created_at: int
    limits: Mapping[str, int] = field(default_factory=dict)

    @property
    def active(self) -> bool:
        """Whether its keys open anything."""
        return self.status == "active"


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key as it may be shown; ``digest`` is the SHA-256 of the secret, ``user`` whose own key it is, if anybody's."""

    id: str
    tenant: str
    name: str
    prefix: str
    scopes: tuple[str, ...]
    created_at: int
    digest: str
    last_used_at: int | None = None
    user: str = ""


@dataclass(frozen=True, slots=True)
class MintedKey:
    """A new key with its secret: the only time the secret exists outside the client."""

    key: ApiKey
    secret: str


def new_secret() -> str:
    """A fresh secret, about 238 bits."""
    return SECRET_PREFIX + "".join(secrets.choice(_ALPHABET) for _ in range(_RANDOM_CHARACTERS))


def digest_of(secret: str) -> str:
    """How a secret is known to the server."""
    return hashlib.sha256(secret.encode()).hexdigest()


def shown_part(secret: str) -> str:
    """The part by which a person tells keys apart."""
    return secret[:_SHOWN_CHARACTERS]


def checked_scopes(wanted: Iterable[str]) -> tuple[str, ...]:
    """The scopes once each in their usual order. Raises UnknownScope."""
    asked = set(wanted)
    if unknown := asked.difference(SCOPES):
        raise UnknownScope(f"scopes: unknown scope {min(unknown)!r}; there are {', '.join(SCOPES)}", field="scopes")
    if not asked:
        raise UnknownScope("scopes: a key needs at least one", field="scopes")
    return tuple(scope for scope in SCOPES if scope in asked)
