"""Vaults and credentials as this door prints them."""

from typing import Any

from chalicelib.core.clock import iso, optional_iso
from chalicelib.core.ids import dress
from chalicelib.vaults.model import Auth, CapCli, Credential, McpOauth, Vault


def name(vault_id: str) -> str:
    """A vault's id as printed."""
    return dress("vlt", vault_id)


def credential_name(credential_id: str) -> str:
    """A credential's id as printed."""
    return dress("vcrd", credential_id)


def vault(stored: Vault) -> dict[str, Any]:
    """A vault."""
    return {
        "id": name(stored.id),
        "type": "vault",
        "display_name": stored.display_name,
        "name": stored.display_name,
        "metadata": stored.metadata,
        "has_secret": stored.active > 0,
        "created_at": iso(stored.created_at),
        "updated_at": iso(stored.updated_at),
        "archived_at": optional_iso(stored.archived_at),
    }


def credential(stored: Credential) -> dict[str, Any]:
    """A credential without its secrets."""
    return {
        "id": credential_name(stored.id),
        "type": "vault_credential",
        "vault_id": name(stored.vault_id),
        "display_name": stored.display_name,
        "auth": _auth(stored.auth),
        "metadata": stored.metadata,
        "created_at": iso(stored.created_at),
        "updated_at": iso(stored.updated_at),
        "archived_at": optional_iso(stored.archived_at),
    }


def _auth(auth: Auth) -> dict[str, Any]:
    if isinstance(auth, McpOauth):
        return _oauth(auth)
    if isinstance(auth, CapCli):
        return {"type": auth.type, "cli_id": auth.cli_id, "extras": dict.fromkeys(auth.extras)}
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
        "client_id": auth.client_id,
        "token_endpoint": auth.token_endpoint,
        "authorization_server": auth.authorization_server,
    }
