"""Vaults and credentials on the wire; requests are the core's own drafts. No answer holds a secret."""

from typing import Annotated, Literal

from pydantic import Field

from chalicelib.core.schema import Schema
from chalicelib.doors.managed.schemas.lists import Page
from chalicelib.vaults.model import ClientAuth, Reach


class VaultAnswer(Schema):
    """A vault; ``name`` repeats ``display_name``. ``has_secret`` tells whether it has an active credential."""

    id: str
    type: Literal["vault"]
    display_name: str
    name: str
    metadata: dict[str, str]
    has_secret: bool
    created_at: str
    updated_at: str
    archived_at: str | None


class VaultPage(Page[VaultAnswer]):
    """A page of vaults."""


class StaticBearerAnswer(Schema):
    """A bearer token; the address is empty when the token is for none."""

    type: Literal["static_bearer"]
    mcp_server_url: str


class ClientAuthAnswer(Schema):
    """How the token endpoint knows the client."""

    type: ClientAuth


class RefreshAnswer(Schema):
    """How a new access token is got."""

    client_id: str
    token_endpoint: str
    token_endpoint_auth: ClientAuthAnswer
    scope: str | None
    resource: str | None


class McpOauthAnswer(Schema):
    """An OAuth access token; the last three fields repeat what is known outside of ``refresh``."""

    type: Literal["mcp_oauth"]
    mcp_server_url: str
    expires_at: str | None
    refresh: RefreshAnswer | None
    client_id: str | None
    token_endpoint: str | None
    authorization_server: str | None


class CapCliAnswer(Schema):
    """A token for a program; of ``extras`` only the names are shown."""

    type: Literal["cap_cli"]
    cli_id: str
    extras: dict[str, None]


class PlacesAnswer(Schema):
    """Where a placeholder is replaced."""

    header: bool
    body: bool


class EnvironmentVariableAnswer(Schema):
    """A secret for commands in a sandbox."""

    type: Literal["environment_variable"]
    secret_name: str
    networking: Reach
    injection_location: PlacesAnswer


AuthAnswer = Annotated[
    StaticBearerAnswer | McpOauthAnswer | CapCliAnswer | EnvironmentVariableAnswer, Field(discriminator="type")
]


class CredentialAnswer(Schema):
    """A credential."""

    id: str
    type: Literal["vault_credential"]
    vault_id: str
    display_name: str | None
    auth: AuthAnswer
    metadata: dict[str, str]
    created_at: str
    updated_at: str
    archived_at: str | None


class CredentialPage(Page[CredentialAnswer]):
    """A page of credentials."""
