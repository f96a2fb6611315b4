"""Integrations on the wire; requests are the core's own drafts."""

from typing import Literal

from chalicelib.core.schema import Schema
from chalicelib.doors.managed.schemas.lists import Page
from chalicelib.integrations.model import Granularity, Status

Provider = Literal["linear", "github", "slack"]


class InstallationAnswer(Schema):
    """An account at a provider that lets the app in."""

    id: str
    type: Literal["integration_installation"]
    provider: Provider
    workspace_id: str
    workspace_name: str
    status: Literal["active", "needs_reauth"]
    created_at: str
    updated_at: str


class IntegrationAnswer(Schema):
    """A provider. ``configured``: the operator has an app there; ``installed``: it is let in."""

    id: Provider
    type: Literal["integration"]
    name: str
    configured: bool
    installed: bool
    installations: list[InstallationAnswer]


class IntegrationPage(Page[IntegrationAnswer]):
    """All providers."""


class InstallationPage(Page[InstallationAnswer]):
    """All installations at a provider."""


class InstallAnswer(Schema):
    """Where a person lets the app in, within ten minutes, once."""

    redirect_url: str
    url: str


class Uninstalled(Schema):
    """Nothing is installed any more."""

    type: Literal["integration_uninstalled"]
    id: Provider


class PersonaAnswer(Schema):
    """How the agent is called."""

    name: str
    avatarUrl: str | None  # noqa: N815 - its name on the wire


class PublicationAnswer(Schema):
    """An agent that can be talked to at a provider. ``user_id`` is the person, or the key, that made it."""

    id: str
    type: Literal["integration_publication"]
    provider: Provider
    user_id: str
    agent_id: str
    environment_id: str
    installation_id: str | None
    mode: str
    status: Status
    persona: PersonaAnswer
    capabilities: list[str]
    session_granularity: Granularity
    created_at: str
    unpublished_at: str | None


class PublicationPage(Page[PublicationAnswer]):
    """All publications at a provider."""


class PublicationQuery(Schema):
    """Which publications; without a status all."""

    status: Literal["pending"] | None = None


class SetUpAnswer(PublicationAnswer):
    """A publication with the addresses that its app has to be told at the provider."""

    callback_url: str
    webhook_url: str


class Unpublished(Schema):
    """The publication is over."""

    id: str
    status: Literal["unpublished"]


class FormToken(Schema):
    """A page on which somebody without a key fills in the app, within ten minutes, once."""

    token: str
    url: str
    expires_at: str


class RuleAnswer(Schema):
    """Issues a publication takes up by itself: those that fit all filters that are set."""

    id: str
    type: Literal["integration_dispatch_rule"]
    publication_id: str
    name: str
    label: str | None
    state: str | None
    team: str | None
    project_id: str | None
    assignee_id: str | None
    enabled: bool
    max_concurrent: int
    poll_interval_seconds: int
    created_at: str


class RulePage(Page[RuleAnswer]):
    """All rules of a publication."""
