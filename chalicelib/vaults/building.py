"""Makes the readable part and the secrets of a credential out of what a client sent and of what was stored before."""

from datetime import UTC
from typing import Any

from pydantic import SecretStr

from chalicelib.core.clock import now_ms
from chalicelib.vaults.draft import (
    AuthChange,
    AuthInput,
    CapCliInput,
    ClientAuthChange,
    McpOauthInput,
    PlacesInput,
    RefreshChange,
    StaticBearerInput,
)
from chalicelib.vaults.errors import CredentialKeyFixed, invalid
from chalicelib.vaults.model import (
    Auth,
    CapCli,
    EnvironmentVariable,
    McpOauth,
    Places,
    Secrets,
    StaticBearer,
    server_key,
)

EXTRA = "extras."


def made(sent: AuthInput) -> tuple[Auth, Secrets]:
    """The parts of a new credential. Raises InvalidRequest."""
    if isinstance(sent, StaticBearerInput):
        return StaticBearer(mcp_server_url=sent.mcp_server_url), _opened({"token": sent.token})
    if isinstance(sent, McpOauthInput):
        return _oauth(sent)
    if isinstance(sent, CapCliInput):
        extras = sent.extras or {}
        return CapCli(cli_id=sent.cli_id, extras=sorted(extras)), _opened({"token": sent.token}) | _extras(extras)
    places = _places(sent.injection_location, Places())
    variable = EnvironmentVariable(secret_name=sent.secret_name, networking=sent.networking, injection_location=places)
    return variable, _opened({"secret_value": sent.secret_value})


def bearer(secret: SecretStr, address: str) -> tuple[Auth, Secrets]:
    """The parts of a credential made of a secret that was sent as text."""
    return StaticBearer(mcp_server_url=address), _opened({"token": secret})


def changed(before: Auth, sent: AuthChange) -> tuple[Auth, Secrets]:
    """The readable part after an update, and the secrets that are new; all others stay.

    Raises InvalidRequest, CredentialKeyFixed.
    """
    if sent.type is not None and sent.type != before.type:
        raise CredentialKeyFixed(f"auth.type: the credential is {before.type} and stays so", field="auth.type")
    if isinstance(before, StaticBearer):
        _same_server(before.mcp_server_url, sent)
        return before, _opened({"token": sent.token})
    if isinstance(before, McpOauth):
        return _changed_oauth(before, sent)
    if isinstance(before, CapCli):
        _same("auth.cli_id", before.cli_id, sent.cli_id)
        extras = sent.extras or {}
        after = before.model_copy(update={"extras": sorted({*before.extras, *extras})})
        return after, _opened({"token": sent.token}) | _extras(extras)
    return _changed_variable(before, sent)


def from_input(sent: AuthInput) -> AuthChange:
    """A whole ``auth`` read as an update of one that is there already."""
    fields = sent.model_dump(exclude_unset=True)
    return AuthChange.model_validate(fields)


def _oauth(sent: McpOauthInput) -> tuple[Auth, Secrets]:
    renewing, refresh = sent.refresh, sent.refresh_token
    client_secret = sent.client_secret
    auth: dict[str, Any] = {
        "client_id": sent.client_id,
        "token_endpoint": sent.token_endpoint,
        "client_auth": "none" if client_secret is None else "client_secret_post",
    }
    if renewing is not None:
        refresh, client_secret = renewing.refresh_token, renewing.token_endpoint_auth.client_secret
        auth = renewing.model_dump(include={"client_id", "token_endpoint", "resource"})
        auth |= {"client_auth": renewing.token_endpoint_auth.type, "scope": renewing.scope or None}
    oauth = McpOauth(
        mcp_server_url=sent.mcp_server_url,
        expires_at=_expiry(sent),
        authorization_server=sent.authorization_server,
        refreshable=refresh is not None,
        **auth,
    )
    secrets = {"access_token": sent.access_token, "refresh_token": refresh, "client_secret": client_secret}
    return oauth, _opened(secrets)


def _changed_oauth(before: McpOauth, sent: AuthChange) -> tuple[Auth, Secrets]:
    renewing = sent.refresh or RefreshChange()
    client = renewing.token_endpoint_auth
    _same_server(before.mcp_server_url, sent)
    _same("auth.refresh.client_id", before.client_id, renewing.client_id or sent.client_id)
    _same("auth.refresh.token_endpoint", before.token_endpoint, renewing.token_endpoint or sent.token_endpoint)
    _same("auth.refresh.resource", before.resource, renewing.resource)
    _same("auth.authorization_server", before.authorization_server, sent.authorization_server)
    client_auth = None if client is None or _takes_secret(before, client) else client.type
    _same("auth.refresh.token_endpoint_auth.type", before.client_auth, client_auth)
    refresh = renewing.refresh_token or sent.refresh_token
    client_secret = (client.client_secret if client else None) or sent.client_secret
    if client_secret is not None and before.client_auth == "none":
        field = "auth.refresh.token_endpoint_auth.client_secret"
        raise CredentialKeyFixed(f"{field}: the token endpoint takes no client secret", field=field)
    changes: dict[str, Any] = {}
    if "expires_at" in sent.model_fields_set:
        changes["expires_at"] = _expiry(sent)
    if renewing.scope is not None:
        changes["scope"] = renewing.scope or None
    if refresh is not None:
        changes["refreshable"] = True
    secrets = {"access_token": sent.access_token, "refresh_token": refresh, "client_secret": client_secret}
    return before.model_copy(update=changes), _opened(secrets)


def _takes_secret(before: McpOauth, sent: ClientAuthChange) -> bool:
    """Whether a secret is sent for an endpoint that takes one: it goes there as the one before, whatever its type."""
    return sent.client_secret is not None and sent.type != "none" and before.client_auth != "none"


def _changed_variable(before: EnvironmentVariable, sent: AuthChange) -> tuple[Auth, Secrets]:
    _same("auth.secret_name", before.secret_name, sent.secret_name)
    places = _places(sent.injection_location, before.injection_location)
    changes = {"networking": sent.networking or before.networking, "injection_location": places}
    return before.model_copy(update=changes), _opened({"secret_value": sent.secret_value})


def _places(sent: PlacesInput, before: Places) -> Places:
    after = before.model_copy(update=sent.model_dump(exclude_none=True))
    if not (after.header or after.body):
        raise invalid("auth.injection_location", "header or body must be true")
    return after


def _expiry(sent: McpOauthInput | AuthChange) -> int | None:
    if sent.expires_at is None:
        return None
    moment = sent.expires_at if sent.expires_at.tzinfo else sent.expires_at.replace(tzinfo=UTC)
    at = int(moment.timestamp() * 1000)
    if at <= now_ms():
        raise invalid("auth.expires_at", "must be in the future")
    return at


def _same_server(before: str, sent: AuthChange) -> None:
    if sent.mcp_server_url is None or sent.mcp_server_url == before:
        return
    try:
        same = bool(before) and server_key(sent.mcp_server_url) == server_key(before)
    except ValueError:
        same = False
    if not same:
        _fixed("auth.mcp_server_url")


def _same(field: str, before: str | None, sent: str | None) -> None:
    if sent is not None and sent != before:
        _fixed(field)


def _fixed(field: str) -> None:
    raise CredentialKeyFixed(f"{field}: cannot be changed; archive the credential and make a new one", field=field)


def _extras(extras: dict[str, SecretStr]) -> Secrets:
    return {EXTRA + name: value.get_secret_value() for name, value in extras.items()}


def _opened(fields: dict[str, SecretStr | None]) -> Secrets:
    return {name: value.get_secret_value() for name, value in fields.items() if value is not None}
