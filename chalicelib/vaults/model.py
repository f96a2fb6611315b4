"""Vaults and credentials as they are stored: the readable part of a credential, and its secrets sealed."""

from typing import Annotated, Literal

from pydantic import Field, field_validator

from chalicelib.core.schema import Schema
from chalicelib.environments.config import Unrestricted, checked_host
from chalicelib.outbound.errors import UrlRefused
from chalicelib.outbound.url import Url, parse

MOST_CREDENTIALS = 20
MOST_HOSTS = 16
ClientAuth = Literal["none", "client_secret_basic", "client_secret_post"]


def server_key(url: str) -> str:
    """What two spellings of one server's address have in common. Raises ValueError."""
    return str(_read(url)).rstrip("/")


def host_key(url: str) -> str:
    """The key of the whole host that an address is on. Raises ValueError."""
    read = _read(url)
    return f"{read.scheme}://{read.authority}"


def _read(url: str) -> Url:
    try:
        return parse(url)
    except UrlRefused as refused:
        raise ValueError(refused.message) from refused


class SomeHosts(Schema):
    """The secret goes to these hosts alone; ``*.x`` covers the subdomains of x, not x."""

    type: Literal["limited"] = "limited"
    allowed_hosts: list[str] = Field(max_length=MOST_HOSTS)

    @field_validator("allowed_hosts")
    @classmethod
    def _hosts(cls, hosts: list[str]) -> list[str]:
        return [checked_host(host) for host in hosts]


Reach = Annotated[Unrestricted | SomeHosts, Field(discriminator="type")]


class Places(Schema):
    """In which parts of a request the placeholder is replaced."""

    header: bool = False
    body: bool = False


class StaticBearer(Schema):
    """A bearer token for a server; without an address it is kept and never sent."""

    type: Literal["static_bearer"] = "static_bearer"
    mcp_server_url: str = ""

    @property
    def key(self) -> str | None:
        """What may occur once in a vault."""
        return f"server {server_key(self.mcp_server_url)}" if self.mcp_server_url else None


class McpOauth(Schema):
    """An OAuth access token for a server, and how to get a new one. ``expires_at`` in milliseconds."""

    type: Literal["mcp_oauth"] = "mcp_oauth"
    mcp_server_url: str
    expires_at: int | None = None
    client_id: str | None = None
    token_endpoint: str | None = None
    client_auth: ClientAuth = "none"
    scope: str | None = None
    resource: str | None = None
    authorization_server: str | None = None
    refreshable: bool = False

    @property
    def key(self) -> str | None:
        """What may occur once in a vault."""
        return f"server {server_key(self.mcp_server_url)}"


class CapCli(Schema):
    """A token for a command-line program; ``extras`` are the names of further values."""

    type: Literal["cap_cli"] = "cap_cli"
    cli_id: str
    extras: list[str] = Field(default_factory=list)

    @property
    def key(self) -> str | None:
        """Several for one program are possible."""
        return None


class EnvironmentVariable(Schema):
    """A secret for commands in a sandbox: they hold a placeholder, which is replaced on the way out."""

    type: Literal["environment_variable"] = "environment_variable"
    secret_name: str
    networking: Reach
    injection_location: Places

    @property
    def key(self) -> str | None:
        """What may occur once in a vault."""
        return f"variable {self.secret_name}"


Auth = Annotated[StaticBearer | McpOauth | CapCli | EnvironmentVariable, Field(discriminator="type")]
Secrets = dict[str, str]
"""The secret values of a credential by the names of their fields; those of ``extras`` as ``extras.NAME``."""


class Credential(Schema):
    """One credential; times are milliseconds. ``sealed`` holds its secrets, and nothing once it is archived."""

    id: str
    vault_id: str
    display_name: str | None = None
    metadata: dict[str, str] = Field(default_factory=dict)
    auth: Auth
    created_at: int
    updated_at: int
    archived_at: int | None = None
    revision: int = 1
    sealed: str = Field(default="", repr=False)


class Vault(Schema):
    """A set of credentials; times are milliseconds.

    ``revision`` counts changes of the vault itself, ``stamp`` those of which credentials are in it, ``active`` the
    credentials that are not archived. ``inline`` is the credential made of a secret sent with the vault.
    """

    id: str
    display_name: str
    metadata: dict[str, str] = Field(default_factory=dict)
    created_at: int
    updated_at: int
    archived_at: int | None = None
    revision: int = 1
    stamp: int = 0
    active: int = 0
    inline: str | None = None
