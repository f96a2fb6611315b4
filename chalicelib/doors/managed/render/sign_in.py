"""People and what they belong to, as this door prints them."""

from typing import Any

from chalicelib.core.clock import iso
from chalicelib.doors.managed.render.tenants import key_name, tenant_name, user_name
from chalicelib.signin.model import Member, Membership, User
from chalicelib.tenants.model import MintedKey, Tenant


def user(stored: User) -> dict[str, Any]:
    """A person."""
    return {"id": user_name(stored.id), "email": stored.email, "name": stored.name}


def membership(held: Membership, tenant: Tenant) -> dict[str, Any]:
    """A tenant as its member sees it."""
    return {"id": tenant_name(tenant.id), "name": tenant.name, "role": held.role}


def own_tenant(tenant: Tenant) -> dict[str, Any]:
    """A tenant to the user who had it made."""
    shown = {"id": tenant_name(tenant.id), "name": tenant.name, "role": "owner"}
    return shown | {"created_at": iso(tenant.created_at)}


def cli_token(minted: MintedKey) -> dict[str, Any]:
    """A user's new key with its secret."""
    key = minted.key
    return {
        "key_id": key_name(key.id),
        "token": minted.secret,
        "tenant_id": tenant_name(key.tenant),
        "user_id": user_name(key.user),
        "created_at": iso(key.created_at),
    }


def member(stored: Member) -> dict[str, Any]:
    """A member of a tenant."""
    return {
        "id": user_name(stored.user),
        "type": "tenant_member",
        "email": stored.email,
        "role": stored.role,
        "created_at": iso(stored.created_at),
    }
