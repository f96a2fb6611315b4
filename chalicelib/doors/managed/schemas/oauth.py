"""Authorizing, renewing and checking OAuth credentials on the wire."""

from typing import Annotated, Literal

from pydantic import Field, SecretStr

from chalicelib.core.schema import Schema
from chalicelib.vaults.draft import Address, Secret, Word


class AuthorizeQuery(Schema):
    """``redirect_uri`` is where the person is sent in the end, to a page of ours when it is left out."""

    mcp_server_url: Address
    vault_id: str
    credential_id: str | None = None
    redirect_uri: Address | None = None
    client_id: Word | None = None
    client_secret: Secret | None = None


class CallbackQuery(Schema):
    """What the authorization server sends a person back with."""

    state: Annotated[str, Field(min_length=1, max_length=512)]
    code: Annotated[SecretStr | None, Field(max_length=8192)] = None
    error: str | None = Field(default=None, max_length=2048)
    error_description: str | None = Field(default=None, max_length=8192)
    iss: str | None = Field(default=None, max_length=4096)


class RefreshBody(Schema):
    """Which credential to renew."""

    vault_id: str
    credential_id: str


class RefreshedAnswer(Schema):
    """A renewed credential; ``expires_in`` in seconds."""

    type: Literal["mcp_oauth_refresh"]
    vault_id: str
    credential_id: str
    expires_at: str | None
    expires_in: int | None


class HttpAnswer(Schema):
    """The beginning of somebody's answer, without secrets."""

    status_code: int
    content_type: str
    body: str
    body_truncated: bool


class Probe(Schema):
    """The step at which the MCP server failed; without an answer, none came."""

    method: str
    http_response: HttpAnswer | None


class Refresh(Schema):
    """What came of asking for a new token; the answer is there when it was a refusal."""

    status: Literal["succeeded", "failed", "connect_error", "no_refresh_token"]
    http_response: HttpAnswer | None


class ValidationAnswer(Schema):
    """The verdict on a credential. ``mcp_probe`` is null when the server took it, ``refresh`` when none was tried."""

    type: Literal["vault_credential_validation", "mcp_oauth_validation"]
    credential_id: str
    vault_id: str
    status: Literal["valid", "invalid", "unknown"]
    validated: bool
    has_refresh_token: bool
    validated_at: str
    expires_in: int | None
    mcp_probe: Probe | None
    refresh: Refresh | None
