"""Tenants and keys as this door prints them."""

from typing import Any

from chalicelib.core.clock import iso, optional_iso
from chalicelib.core.ids import dress
from chalicelib.tenants.model import LIMIT_NAMES, ApiKey, MintedKey, Tenant


def tenant_name(tenant_id: str) -> str:
    """A tenant's id as printed."""
    return dress("tn", tenant_id)


def user_name(user_id: str) -> str:
    """A user's id as printed."""
    return dress("user", user_id)


def tenant(stored: Tenant) -> dict[str, Any]:
    """A tenant."""
    return {
        "id": tenant_name(stored.id),
        "type": "tenant",
        "name": stored.name,
        "status": stored.status,
        "limits": {name: stored.limits.get(name) for name in LIMIT_NAMES},
        "created_at": iso(stored.created_at),
    }


def key_name(key_id: str) -> str:
    """A key's id as printed."""
    return dress("ak", key_id)


def key(stored: ApiKey) -> dict[str, Any]:
    """A key without its secret."""
    return {
        "id": key_name(stored.id),
        "type": "api_key",
        "name": stored.name,
        "prefix": stored.prefix,
        "scopes": list(stored.scopes),
        "created_at": iso(stored.created_at),
        "last_used_at": optional_iso(stored.last_used_at),
    }


def minted(made: MintedKey) -> dict[str, Any]:
    """A new key with its secret."""
    return key(made.key) | {"key": made.secret}
