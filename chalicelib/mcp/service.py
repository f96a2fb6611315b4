"""Where MCP servers for runs come from."""

from collections.abc import Sequence
from typing import Any

from chalicelib.mcp.credentials import Held, Keyring
from chalicelib.mcp.servers import Servers
from chalicelib.outbound.guard import Outbound
from chalicelib.storage.keys import Space
from chalicelib.vaults.credentials import CredentialService
from chalicelib.vaults.refreshing import Refresher


class McpService:
    """Gives each run the servers of its agent."""

    def __init__(self, outbound: Outbound, credentials: CredentialService, refresher: Refresher) -> None:
        self.outbound = outbound
        self._credentials = credentials
        self._refresher = refresher

    def servers(
        self, space: Space, agent: dict[str, Any], environment: dict[str, Any] | None, vault_ids: Sequence[str]
    ) -> Servers:
        """The servers of an agent's snapshot, with the credentials of the vaults."""
        return Servers(agent, environment, self.outbound, self.keyring(space, vault_ids))

    def bearer(self, space: Space, vault_ids: Sequence[str], url: str) -> Held:
        """The credential of the vaults that goes along with calls of an address."""
        return Held(self.keyring(space, vault_ids), url)

    def keyring(self, space: Space, vault_ids: Sequence[str]) -> Keyring:
        """The credentials of the vaults."""
        return Keyring(self._credentials, self._refresher, space, vault_ids)
