"""An environment as it is stored."""

from typing import Literal

from pydantic import Field

from chalicelib.core.schema import Schema
from chalicelib.environments.config import Config, PackageList

Scope = Literal["organization", "account"]


class HostLists(Schema):
    """The flat way to name hosts; the allow list is also in ``config.networking``, the deny list only here."""

    allowlist: list[str] | None = None
    denylist: list[str] | None = None


class Flat(Schema):
    """The flat fields a client set, as it set them. ``base_image`` and ``env`` stand nowhere else."""

    base_image: str | None = None
    packages: dict[str, PackageList] | None = None
    network: HostLists | None = None
    env: dict[str, str] | None = None


class EnvironmentSpec(Schema):
    """What a client decides about an environment."""

    name: str
    description: str | None = None
    config: Config
    metadata: dict[str, str] = Field(default_factory=dict)
    scope: Scope | None = None
    flat: Flat = Field(default_factory=Flat)


class Environment(EnvironmentSpec):
    """A template of sandboxes; times are milliseconds. ``revision`` counts changes."""

    id: str
    created_at: int
    updated_at: int
    archived_at: int | None = None
    revision: int = 1
