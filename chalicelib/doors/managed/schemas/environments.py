"""Environments on the wire; requests are the core's own drafts."""

from typing import Literal

from chalicelib.core.schema import Schema
from chalicelib.doors.managed.schemas.lists import Page
from chalicelib.environments.config import Config
from chalicelib.environments.model import HostLists


class EnvironmentAnswer(Schema):
    """An environment; the last four fields only where the client set them."""

    id: str
    type: Literal["environment"]
    name: str
    description: str | None
    config: Config
    metadata: dict[str, str]
    scope: Literal["organization", "account"] | None
    state: Literal["active", "archived"]
    created_at: str
    updated_at: str
    archived_at: str | None
    base_image: str | None = None
    packages: dict[str, list[str]] | None = None
    network: HostLists | None = None
    env: dict[str, str] | None = None


class EnvironmentPage(Page[EnvironmentAnswer]):
    """A page of environments."""
