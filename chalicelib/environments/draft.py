"""What a client may ask of an environment. In an update a field that was not sent stays as it is."""

from typing import Annotated, Literal

from pydantic import ConfigDict, Field, StringConstraints, field_validator

from chalicelib.core.schema import Schema
from chalicelib.environments.config import PackageList, checked_dockerfile, checked_host
from chalicelib.environments.model import Scope

Name = Annotated[str, StringConstraints(min_length=1, max_length=256)]
Hosts = Annotated[list[str], Field(max_length=1000)]


class NetworkingInput(Schema):
    """Network rules; what is left out is filled in, or kept by an update."""

    type: Literal["unrestricted", "limited"]
    allowed_hosts: Hosts | None = None
    allow_mcp_servers: bool | None = None
    allow_package_managers: bool | None = None

    @field_validator("allowed_hosts")
    @classmethod
    def _hosts(cls, hosts: Hosts | None) -> Hosts | None:
        return None if hosts is None else [checked_host(host) for host in hosts]


class PackagesInput(Schema):
    """Packages by manager."""

    apt: PackageList | None = None
    cargo: PackageList | None = None
    gem: PackageList | None = None
    go: PackageList | None = None
    npm: PackageList | None = None
    pip: PackageList | None = None


class ConfigInput(Schema):
    """The nested shape."""

    type: Literal["cloud", "self_hosted"] | None = None
    networking: NetworkingInput | None = None
    packages: PackagesInput | None = None
    dockerfile: str | None = Field(default=None, max_length=100_000)

    @field_validator("dockerfile")
    @classmethod
    def _lines(cls, text: str | None) -> str | None:
        return None if text is None else checked_dockerfile(text)


class NetworkInput(Schema):
    """The flat shape of network rules."""

    allowlist: Hosts | None = None
    denylist: Hosts | None = None

    @field_validator("allowlist", "denylist")
    @classmethod
    def _hosts(cls, hosts: Hosts | None) -> Hosts | None:
        return None if hosts is None else [checked_host(host) for host in hosts]


class EnvironmentFields(Schema):
    """The fields of create and update alike."""

    config: ConfigInput | None = None
    description: str | None = None
    metadata: dict[str, str | None] | None = None
    scope: Scope | None = None
    base_image: str | None = Field(default=None, max_length=512)
    packages: PackagesInput | None = None
    network: NetworkInput | None = None
    env: dict[str, str] | None = Field(default=None, max_length=200)

    def sent(self, name: str) -> bool:
        """Whether the client said anything about a field."""
        return name in self.model_fields_set


class EnvironmentCreate(EnvironmentFields):
    """A new environment."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"name": "Plain"}]})

    name: Name


class EnvironmentUpdate(EnvironmentFields):
    """Changes to an environment."""

    name: Name | None = None
