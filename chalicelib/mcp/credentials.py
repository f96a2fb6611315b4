"""The credential that a run has for one address: an MCP server, or the endpoint of a tool."""

from collections.abc import Sequence
from dataclasses import dataclass
from threading import Lock

from chalicelib.core.clock import now_ms
from chalicelib.core.errors import LambentError
from chalicelib.storage.keys import Space
from chalicelib.vaults.credentials import CredentialService
from chalicelib.vaults.model import Credential, McpOauth
from chalicelib.vaults.refreshing import Refresher

_EARLY_MS = 30_000


@dataclass(frozen=True, slots=True)
class Keyring:
    """The credentials that may be used: those of some vaults of a tenant, the first before the others."""

    credentials: CredentialService
    refresher: Refresher
    space: Space
    vault_ids: Sequence[str]


class Held:
    """Looked up anew for each use, so that a rotation reaches running sessions; renewed when it has expired or is
    refused. ``token`` is what goes along, None for nothing."""

    def __init__(self, keyring: Keyring, url: str) -> None:
        self._ring = keyring
        self._url = url
        self._credential: Credential | None = None
        self._ours = 0
        self._failed = 0
        self._lock = Lock()
        self._notes: list[str] = []
        self.secrets: tuple[str, ...] = ()
        self.token: str | None = None

    def look(self) -> None:
        """Find the credential as it is now; one about to expire is renewed."""
        with self._lock:
            found = self._ring.credentials.for_calls(self._ring.space, self._ring.vault_ids, self._url)
            if found is None or self._credential is None or found.revision != self._credential.revision:
                self._take(found)
            auth = found.auth if found is not None else None
            if isinstance(auth, McpOauth) and auth.expires_at is not None and auth.expires_at < now_ms() + _EARLY_MS:
                self._renew()

    def renew(self) -> bool:
        """After a refusal: whether there is another token now."""
        with self._lock:
            return self._renew()

    def notes(self) -> list[str]:
        """What went wrong with renewals since it was last asked."""
        with self._lock:
            told, self._notes = self._notes, []
            return told

    def _take(self, credential: Credential | None) -> None:
        self._credential, self.token = credential, None
        if credential is None:
            return
        opened = self._ring.credentials.secrets(self._ring.space, credential)
        self.token = opened.get("token") or opened.get("access_token")
        self.secrets = tuple(dict.fromkeys((*self.secrets, *opened.values())))

    def _renew(self) -> bool:
        held = self._credential
        if held is None or not isinstance(held.auth, McpOauth) or not held.auth.refreshable:
            return False
        if held.revision in (self._ours, self._failed):
            return False
        try:
            after = self._ring.refresher.refresh(self._ring.space, held)
        except LambentError as error:
            self._failed = held.revision
            self._notes.append(f"its OAuth credential could not be renewed: {error.message}")
            return False
        self._ours = after.revision
        self._take(after)
        return True
