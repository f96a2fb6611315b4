"""What is kept while a person is away at a provider or on a set-up page: for one use, and not for long."""

import hashlib
import secrets
from dataclasses import dataclass

from chalicelib.core.clock import now_ms
from chalicelib.core.jsonio import dumps, loads
from chalicelib.integrations.errors import StateUnknown
from chalicelib.storage import writes
from chalicelib.storage.errors import ConditionFailed
from chalicelib.storage.keys import Key, Space, system_partition
from chalicelib.storage.table import Table

SECONDS = 600


@dataclass(frozen=True, slots=True)
class Errand:
    """Why somebody went away: to ``install`` or to fill a ``form``; ``publication`` is empty for the operator's app."""

    tenant: str
    provider: str
    purpose: str
    publication: str = ""
    callback: str = ""

    @property
    def space(self) -> Space:
        """The tenant's."""
        return Space(self.tenant)


class States:
    """The table knows only hashes of the texts that people carry."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def keep(self, errand: Errand) -> str:
        """Keep it; the text under which it is found."""
        state = secrets.token_urlsafe(32)
        key, until = _key(state), now_ms() // 1000 + SECONDS
        fields = {name: getattr(errand, name) for name in Errand.__slots__}
        self._table.write(writes.put({"pk": key.pk, "sk": key.sk, "doc": dumps(fields), "expires_at": until}))
        return state

    def look(self, state: str, provider: str, purpose: str) -> Errand:
        """Find it, without using it up. Raises StateUnknown."""
        row = self._table.get(_key(state))
        if row is None or row["expires_at"] <= now_ms() // 1000:
            raise StateUnknown
        found = Errand(**loads(row["doc"]))
        if (found.provider, found.purpose) != (provider, purpose):
            raise StateUnknown
        return found

    def take(self, state: str, provider: str, purpose: str) -> Errand:
        """Find it, once. Raises StateUnknown."""
        found = self.look(state, provider, purpose)
        try:
            self._table.write(writes.delete(_key(state), writes.PRESENT))
        except ConditionFailed:
            raise StateUnknown from None
        return found


def _key(state: str) -> Key:
    digest = hashlib.sha256(state.encode("utf-8", "replace")).hexdigest()
    return Key(system_partition("integration_state", digest), "STATE")
