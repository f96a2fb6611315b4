"""Vaults and credentials: what clients send and read. Of secrets nothing is ever read."""

from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, StringConstraints

from chalicelib.core.schema import Schema
from chalicelib.doors.openai.lists import ListQuery
from chalicelib.doors.openai.schemas.agents import Metadata
from chalicelib.vaults.draft import MOST_NAME, AuthChange, EnvironmentVariableInput, McpOauthInput, StaticBearerInput

Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=MOST_NAME)]
Auth = Annotated[StaticBearerInput | McpOauthInput | EnvironmentVariableInput, Field(discriminator="type")]


class NewVault(Schema):
    """A vault to be made."""

    name: Name | None = None
    metadata: Metadata | None = None


class VaultChange(Schema):
    """Changes to a vault; ``metadata`` replaces all of it."""

    name: Name | None = None
    metadata: Metadata | None = None


class NewCredential(Schema):
    """A credential for a vault."""

    name: Name
    auth: Auth
    metadata: Metadata | None = None


class CredentialChange(Schema):
    """New secrets of a credential; ``metadata`` replaces all of it."""

    auth: AuthChange | None = None
    metadata: Metadata | None = None


class VaultListQuery(ListQuery):
    """Which vaults or credentials."""

    status: list[Literal["active", "archived"]] | None = None


class VaultAnswer(Schema):
    """A vault."""

    id: str
    object: Literal["vault"]
    name: str | None
    metadata: Metadata
    created_at: int


class CredentialAnswer(Schema):
    """A credential."""

    model_config = ConfigDict(extra="allow")

    id: str
    object: Literal["vault.credential"]
    vault_id: str
    name: str
    auth: dict[str, Any]
    metadata: Metadata
    created_at: int
    updated_at: int
