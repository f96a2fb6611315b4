"""What a sandbox is made from, in normal form: everything filled in."""

import re
from typing import Annotated, Literal

from pydantic import Field, StringConstraints, field_validator

from chalicelib.core.schema import Schema

MANAGERS = ("apt", "cargo", "gem", "go", "npm", "pip")
MOST_PACKAGES = 100
_HOST = re.compile(r"(\*\.)?([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)*[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?", re.IGNORECASE)
_INSTRUCTION = re.compile(r"(RUN|COPY|ENV)\s+\S", re.IGNORECASE)

PackageName = Annotated[str, StringConstraints(min_length=1, max_length=256, pattern=r"^[^\s\x00-\x1f][^\x00-\x1f]*$")]
PackageList = Annotated[list[PackageName], Field(max_length=MOST_PACKAGES)]


def checked_host(host: str) -> str:
    """A bare host name, or ``*.`` and one. Raises ValueError."""
    if len(host) > 253 or not _HOST.fullmatch(host):
        raise ValueError(f"{host!r} is not a host name (no scheme, port or path; '*.' may stand in front)")
    return host.lower()


def checked_dockerfile(text: str) -> str:
    """Lines that may be added to an image. Raises ValueError."""
    continues = False
    for number, line in enumerate(text.splitlines(), 1):
        bare = line.strip()
        if not bare or bare.startswith("#"):
            continue
        if not continues and not _INSTRUCTION.match(bare):
            raise ValueError(f"line {number}: only RUN, COPY and ENV are possible")
        continues = bare.endswith("\\")
    return text


class Packages(Schema):
    """What is installed before the first command, by package manager."""

    type: Literal["packages"] = "packages"
    apt: PackageList = Field(default_factory=list)
    cargo: PackageList = Field(default_factory=list)
    gem: PackageList = Field(default_factory=list)
    go: PackageList = Field(default_factory=list)
    npm: PackageList = Field(default_factory=list)
    pip: PackageList = Field(default_factory=list)

    def any(self) -> bool:
        """Whether there is anything to install."""
        return any(getattr(self, manager) for manager in MANAGERS)


class Unrestricted(Schema):
    """Every host can be reached."""

    type: Literal["unrestricted"] = "unrestricted"


class Limited(Schema):
    """Only these hosts can be reached; ``*.x`` covers the subdomains of x at any depth, not x."""

    type: Literal["limited"] = "limited"
    allowed_hosts: list[str] = Field(default_factory=list, max_length=1000)
    allow_mcp_servers: bool = False
    allow_package_managers: bool = False

    @field_validator("allowed_hosts")
    @classmethod
    def _hosts(cls, hosts: list[str]) -> list[str]:
        return [checked_host(host) for host in hosts]


Networking = Annotated[Unrestricted | Limited, Field(discriminator="type")]


class CloudConfig(Schema):
    """A sandbox the server runs."""

    type: Literal["cloud"] = "cloud"
    networking: Networking = Field(default_factory=Unrestricted)
    packages: Packages = Field(default_factory=Packages)
    dockerfile: str | None = Field(default=None, max_length=100_000)

    @field_validator("dockerfile")
    @classmethod
    def _lines(cls, text: str | None) -> str | None:
        return None if text is None else checked_dockerfile(text)


class SelfHostedConfig(Schema):
    """A sandbox a worker of the customer runs."""

    type: Literal["self_hosted"] = "self_hosted"


Config = Annotated[CloudConfig | SelfHostedConfig, Field(discriminator="type")]
