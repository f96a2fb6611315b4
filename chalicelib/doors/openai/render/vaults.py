"""Vaults and credentials as this family prints them."""

from typing import Any

from chalicelib.core.clock import optional_iso
from chalicelib.core.ids import dress
from chalicelib.vaults.model import CapCli, Credential, EnvironmentVariable, McpOauth, Vault

UNNAMED = "Unnamed vault"
"""What the core calls a vault that its client gave no name."""


def name(vault_id: str) -> str:
    """A vault's id as printed."""
    return dress("vault", vault_id)


def credential_name(credential_id: str) -> str:
    """A credential's id as printed."""
    return dress("cred", credential_id)


def vault(stored: Vault) -> dict[str, Any]:
    """A vault."""
    return {
        "id": name(stored.id),
        "object": "vault",
        "name": None if stored.display_name == UNNAMED else stored.display_name,
        "metadata": stored.metadata,
        "created_at": stored.created_at // 1000,
    }


def credential(stored: Credential) -> dict[str, Any]:
    """A credential."""
    return {
        "id": credential_name(stored.id),
        "object": "vault.credential",
        "vault_id": name(stored.vault_id),
        "name": stored.display_name or stored.auth.type,
        "auth": _auth(stored),
        "metadata": stored.metadata,
        "created_at": stored.created_at // 1000,
        "updated_at": stored.updated_at // 1000,
    }


def is_known(stored: Credential) -> bool:
    """Whether this family has a word for the kind of credential."""
    return not isinstance(stored.auth, CapCli)


def _auth(stored: Credential) -> dict[str, Any]:
    auth = stored.auth
    if isinstance(auth, McpOauth):
        return _oauth(auth)
    if isinstance(auth, EnvironmentVariable):
        return {"type": auth.type, "secret_name": auth.secret_name, "networking": auth.networking.model_dump()}
    return auth.model_dump(mode="json")


def _oauth(auth: McpOauth) -> dict[str, Any]:
    refresh = None
    if auth.refreshable and auth.client_id and auth.token_endpoint:
        refresh = auth.model_dump(include={"client_id", "token_endpoint", "scope", "resource"})
        refresh["token_endpoint_auth"] = {"type": auth.client_auth}
    return {
        "type": auth.type,
        "mcp_server_url": auth.mcp_server_url,
        "expires_at": optional_iso(auth.expires_at),
        "refresh": refresh,
    }
