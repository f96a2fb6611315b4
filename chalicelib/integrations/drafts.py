"""What clients may ask of integrations."""

from typing import Annotated, Any

from pydantic import AliasChoices, BaseModel, Field, SecretStr

from chalicelib.core.schema import Schema
from chalicelib.integrations.model import Granularity

Name = Annotated[str, Field(max_length=200)]
Secret = Annotated[SecretStr, Field(min_length=1, max_length=20_000)]
Capabilities = Annotated[list[Annotated[str, Field(min_length=1, max_length=64)]], Field(max_length=64)]


class Persona(Schema):
    """How the agent is called at the provider."""

    name: Name = ""
    avatar_url: str | None = Field(
        default=None, max_length=2048, validation_alias=AliasChoices("avatarUrl", "avatar_url")
    )


class PublicationCreate(Schema):
    """An agent to be talked to at a provider."""

    agent_id: str = Field(min_length=1, max_length=200)
    environment_id: str = Field(min_length=1, max_length=200)
    installation_id: str | None = Field(default=None, max_length=200)
    persona: Persona | None = None
    capabilities: Capabilities | None = None
    mode: str = Field(default="full", min_length=1, max_length=64)
    session_granularity: Granularity | None = None


class PublicationUpdate(Schema):
    """What to change; what is absent stays."""

    persona: Persona | None = None
    capabilities: Capabilities | None = None


class PublicationNamed(Schema):
    """The publication a step of the set-up is about."""

    publication_id: str = Field(min_length=1, max_length=200)


class AppCredentials(Schema):
    """An app of the tenant's own. GitHub needs ``app_id``, ``app_slug`` and ``private_key`` besides."""

    client_id: str = Field(min_length=1, max_length=200)
    client_secret: Secret
    webhook_secret: Secret = Field(validation_alias=AliasChoices("webhook_secret", "signing_secret"))
    app_id: str = Field(default="", max_length=200)
    app_slug: str = Field(default="", max_length=200)
    private_key: SecretStr = Field(default=SecretStr(""), max_length=20_000)


class PublicationCredentials(PublicationNamed, AppCredentials):
    """The app of one publication."""


class PersonalToken(PublicationNamed):
    """A token that a person made, in the place of an installation."""

    token: Secret


class RuleCreate(Schema):
    """Which issues are taken up; at least one filter. Names of a label, a state; ids of a project, an assignee; the key
    of a team."""

    name: Name = ""
    label: str | None = Field(default=None, min_length=1, max_length=200)
    state: str | None = Field(default=None, min_length=1, max_length=200)
    team: str | None = Field(default=None, min_length=1, max_length=200)
    project_id: str | None = Field(default=None, min_length=1, max_length=200)
    assignee_id: str | None = Field(default=None, min_length=1, max_length=200)
    enabled: bool = True
    max_concurrent: int = Field(default=5, ge=1, le=100)
    poll_interval_seconds: int = Field(default=600, ge=60, le=86_400)


class RuleUpdate(Schema):
    """What to change; what is absent stays. A filter that is null is taken away."""

    name: Name | None = None
    label: str | None = Field(default=None, min_length=1, max_length=200)
    state: str | None = Field(default=None, min_length=1, max_length=200)
    team: str | None = Field(default=None, min_length=1, max_length=200)
    project_id: str | None = Field(default=None, min_length=1, max_length=200)
    assignee_id: str | None = Field(default=None, min_length=1, max_length=200)
    enabled: bool | None = None
    max_concurrent: int | None = Field(default=None, ge=1, le=100)
    poll_interval_seconds: int | None = Field(default=None, ge=60, le=86_400)


FILTERS = ("label", "state", "team", "project_id", "assignee_id")


def filters_of(sent: BaseModel) -> dict[str, Any]:
    """The filters a body names."""
    return {name: getattr(sent, name) for name in FILTERS if name in sent.model_fields_set}
