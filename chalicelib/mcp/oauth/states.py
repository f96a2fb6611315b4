"""What is kept of an authorization while a person is away deciding: for one use, and not for long."""

import hashlib
import secrets

from pydantic import Field

from chalicelib.core.clock import now_ms
from chalicelib.core.schema import Schema
from chalicelib.mcp.oauth.errors import UnknownState
from chalicelib.storage import writes
from chalicelib.storage.errors import ConditionFailed, SecretUnreadable
from chalicelib.storage.keys import Key, Space, system_partition
from chalicelib.storage.secrets import SecretBox
from chalicelib.storage.table import Table
from chalicelib.vaults.model import ClientAuth

SECONDS = 600
_PURPOSE = "oauth-state"


class Pending(Schema):
    """An authorization under way. ``return_to`` is where the person goes in the end."""

    tenant: str
    vault_id: str
    credential_id: str | None
    server_url: str
    callback: str
    return_to: str | None
    issuer: str
    names_issuer: bool
    token_endpoint: str
    client_id: str
    client_auth: ClientAuth
    client_secret: str | None = Field(repr=False)
    verifier: str = Field(repr=False)
    resource: str | None
    scope: str | None


class States:
    """Kept sealed under the key of the tenant; the table knows only a hash of the state."""

    def __init__(self, table: Table, box: SecretBox) -> None:
        self._table = table
        self._box = box

    def keep(self, pending: Pending) -> str:
        """Keep it; the state under which it is found."""
        state = secrets.token_urlsafe(32)
        key = _key(state)
        sealed = self._box.seal(Space(pending.tenant), _PURPOSE, key.pk, pending.model_dump_json())
        until = now_ms() // 1000 + SECONDS
        row = {"pk": key.pk, "sk": key.sk, "tenant": pending.tenant, "sealed": sealed, "expires_at": until}
        self._table.write(writes.put(row))
        return state

    def take(self, state: str) -> Pending:
        """Find it, once. Raises UnknownState."""
        key = _key(state)
        row = self._table.get(key)
        if row is None or row["expires_at"] <= now_ms() // 1000:
            raise UnknownState
        try:
            self._table.write(writes.delete(key, writes.PRESENT))
            opened = self._box.open(Space(row["tenant"]), _PURPOSE, key.pk, row["sealed"])
        except (ConditionFailed, SecretUnreadable):
            raise UnknownState from None
        return Pending.model_validate_json(opened)


def _key(state: str) -> Key:
    return Key(system_partition(_PURPOSE, hashlib.sha256(state.encode()).hexdigest()), "STATE")
