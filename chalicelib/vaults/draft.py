"""What a client may ask of vaults and credentials. In an update a field that was not sent stays as it is."""

import re
from datetime import datetime
from typing import Annotated, Literal

from pydantic import AfterValidator, AliasChoices, ConfigDict, Field, SecretStr, StringConstraints, model_validator

from chalicelib.core.schema import Schema
from chalicelib.vaults.model import ClientAuth, Reach, server_key

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


def _printable(secret: SecretStr) -> SecretStr:
    # A secret goes into header lines, where a line break would begin another header.
    if _CONTROL.search(secret.get_secret_value()):
        raise ValueError("control characters are not possible in a secret")
    return secret


def _address(url: str) -> str:
    server_key(url)
    return url


MOST_NAME = 255
Secret = Annotated[SecretStr, Field(min_length=1, max_length=32_768), AfterValidator(_printable)]
Address = Annotated[str, StringConstraints(max_length=4096), AfterValidator(_address)]
Name = Annotated[str, StringConstraints(min_length=1, max_length=MOST_NAME)]
Word = Annotated[str, StringConstraints(min_length=1, max_length=2048)]
VariableName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$", max_length=256)]
ProgramName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", max_length=128)]
Extras = Annotated[dict[ProgramName, SecretStr], Field(max_length=32)]


class PlacesInput(Schema):
    """Where a placeholder is replaced; what is not named is off, or stays in an update."""

    header: bool | None = None
    body: bool | None = None


class ClientAuthInput(Schema):
    """How the token endpoint knows the client."""

    type: ClientAuth
    client_secret: Secret | None = None


class RefreshInput(Schema):
    """How to get a new access token."""

    client_id: Word
    refresh_token: Secret
    token_endpoint: Address
    token_endpoint_auth: ClientAuthInput
    scope: str | None = Field(default=None, max_length=2048)
    resource: str | None = Field(default=None, max_length=2048)

    @model_validator(mode="after")
    def _has_client_secret(self) -> "RefreshInput":
        given = self.token_endpoint_auth
        if given.type != "none" and given.client_secret is None:
            raise ValueError(f"token_endpoint_auth.client_secret is required with {given.type}")
        return self


class StaticBearerInput(Schema):
    """A bearer token for a server."""

    type: Literal["static_bearer"]
    mcp_server_url: Address
    token: Secret


class McpOauthInput(Schema):
    """An OAuth access token for a server; how it is renewed stands in ``refresh`` or in the flat fields."""

    type: Literal["mcp_oauth"]
    mcp_server_url: Address
    access_token: Secret
    expires_at: datetime | None = None
    refresh: RefreshInput | None = None
    refresh_token: Secret | None = None
    token_endpoint: Address | None = None
    client_id: Word | None = None
    client_secret: Secret | None = None
    authorization_server: Address | None = None


class CapCliInput(Schema):
    """A token for a command-line program, and further values it needs."""

    type: Literal["cap_cli"]
    cli_id: ProgramName
    token: Secret
    extras: Extras | None = None


class EnvironmentVariableInput(Schema):
    """A secret for commands in a sandbox."""

    type: Literal["environment_variable"]
    secret_name: VariableName
    secret_value: Secret
    networking: Reach
    injection_location: PlacesInput = Field(default_factory=lambda: PlacesInput(header=True, body=True))


AuthInput = Annotated[
    StaticBearerInput | McpOauthInput | CapCliInput | EnvironmentVariableInput, Field(discriminator="type")
]


class ClientAuthChange(Schema):
    """A new client secret; the way it is sent stays."""

    type: ClientAuth | None = None
    client_secret: Secret | None = None


class RefreshChange(Schema):
    """Changes to how an access token is renewed; ``scope`` "" clears it."""

    refresh_token: Secret | None = None
    scope: str | None = Field(default=None, max_length=2048)
    token_endpoint_auth: ClientAuthChange | None = None
    client_id: str | None = None
    token_endpoint: str | None = None
    resource: str | None = None


class AuthChange(Schema):
    """New secrets of a credential. What it is for cannot change: such fields may be sent with their old values."""

    type: Literal["static_bearer", "mcp_oauth", "cap_cli", "environment_variable"] | None = None
    mcp_server_url: str | None = None
    secret_name: str | None = None
    cli_id: str | None = None
    token: Secret | None = None
    access_token: Secret | None = None
    expires_at: datetime | None = None
    refresh: RefreshChange | None = None
    refresh_token: Secret | None = None
    client_secret: Secret | None = None
    client_id: str | None = None
    token_endpoint: str | None = None
    authorization_server: str | None = None
    extras: Extras | None = None
    secret_value: Secret | None = None
    networking: Reach | None = None
    injection_location: PlacesInput = Field(default_factory=PlacesInput)


class CredentialCreate(Schema):
    """A new credential."""

    auth: AuthInput
    display_name: Name | None = None
    metadata: dict[str, str] | None = None


class CredentialUpdate(Schema):
    """Changes to a credential."""

    auth: AuthChange | None = None
    display_name: Name | None = None
    metadata: dict[str, str | None] | None = None


class InlineSecret(Schema):
    """A secret sent with a vault: text, bound to an address, or a whole ``auth``."""

    model_config = ConfigDict(populate_by_name=True)

    secret: Secret | AuthInput | None = None
    mcp_server_url: Address | None = None
    host: str | None = Field(default=None, max_length=253)

    @model_validator(mode="after")
    def _one_address(self) -> "InlineSecret":
        if self.host is not None:
            server_key(f"https://{self.host}")
        return self

    @property
    def address(self) -> str:
        """The address the secret is for, empty when none was named."""
        return self.mcp_server_url or (f"https://{self.host}" if self.host else "")


class VaultCreate(InlineSecret):
    """A new vault; ``name`` is another name of ``display_name``."""

    display_name: Name = Field(validation_alias=AliasChoices("display_name", "name"))
    metadata: dict[str, str] | None = None


class VaultUpdate(InlineSecret):
    """Changes to a vault."""

    display_name: Name | None = Field(default=None, validation_alias=AliasChoices("display_name", "name"))
    metadata: dict[str, str | None] | None = None
