"""Renewed and checked credentials, and the page a person sees in the end, as this door prints them."""

from dataclasses import asdict
from html import escape
from typing import TYPE_CHECKING, Any

from chalicelib.core.clock import iso, now_ms, optional_iso
from chalicelib.doors.managed.render.vaults import credential_name, name
from chalicelib.vaults.model import Credential, McpOauth

if TYPE_CHECKING:
    from chalicelib.mcp.validation import Verdict

_PAGE = (
    '<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{title}</title></head>'
    "<body><h1>{title}</h1><p>{text}</p></body></html>\n"
)


def refreshed(credential: Credential) -> dict[str, Any]:
    """A credential that was renewed."""
    return {
        "type": "mcp_oauth_refresh",
        "vault_id": name(credential.vault_id),
        "credential_id": credential_name(credential.id),
        "expires_at": optional_iso(_expiry(credential)),
        "expires_in": _seconds_left(credential),
    }


def validation(verdict: "Verdict", *, sdk: bool) -> dict[str, Any]:
    """The verdict on a credential."""
    credential, auth = verdict.credential, verdict.credential.auth
    return {
        "type": "vault_credential_validation" if sdk else "mcp_oauth_validation",
        "credential_id": credential_name(credential.id),
        "vault_id": name(credential.vault_id),
        "status": verdict.status,
        "validated": verdict.status == "valid",
        "has_refresh_token": isinstance(auth, McpOauth) and auth.refreshable,
        "validated_at": iso(verdict.validated_at),
        "expires_in": _seconds_left(credential),
        "mcp_probe": None if verdict.probe is None else asdict(verdict.probe),
        "refresh": None if verdict.refresh is None else asdict(verdict.refresh),
    }


def connected_page(server_url: str) -> bytes:
    """What a person sees who allowed it."""
    host = server_url.partition("//")[2].partition("/")[0]
    text = f"The tools of {escape(host)} can be used now. You can close this page."
    return _PAGE.format(title="Connected", text=text).encode()


def _expiry(credential: Credential) -> int | None:
    return credential.auth.expires_at if isinstance(credential.auth, McpOauth) else None


def _seconds_left(credential: Credential) -> int | None:
    until = _expiry(credential)
    return None if until is None else max((until - now_ms()) // 1000, 0)
