"""What may be done with vaults."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from chalicelib.core.clock import now_ms
from chalicelib.core.ids import derive_id, new_id
from chalicelib.core.metadata import patched
from chalicelib.core.paging import Page
from chalicelib.storage.errors import StorageBusy, TransactionRefused
from chalicelib.storage.keys import Space
from chalicelib.storage.listing import Window
from chalicelib.storage.writes import Write
from chalicelib.vaults.credentials import CredentialService, happening
from chalicelib.vaults.draft import InlineSecret, VaultCreate, VaultUpdate
from chalicelib.vaults.errors import VaultArchived, VaultNotFound
from chalicelib.vaults.model import Vault
from chalicelib.vaults.store import VaultStore
from chalicelib.webhooks.happening import SILENT, Announcer, Happening

if TYPE_CHECKING:
    from chalicelib.vaults.injecting import Injections

_TRIES = 10


@dataclass(frozen=True, slots=True)
class VaultFilter:
    """Which vaults a list shows; ``name_part`` is compared without case, all pairs of ``metadata`` have to be there."""

    active: bool = True
    archived: bool = False
    name_part: str = ""
    metadata: Mapping[str, str] = field(default_factory=dict)

    def fits(self, vault: Vault) -> bool:
        """Whether a vault, active or archived, is one of these."""
        named = self.name_part.lower() in vault.display_name.lower()
        return named and self.metadata.items() <= vault.metadata.items()


class VaultService:
    """Creates, changes, archives and removes vaults."""

    def __init__(self, store: VaultStore, credentials: CredentialService, announcer: Announcer = SILENT) -> None:
        self._store = store
        self._credentials = credentials
        self._announcer = announcer

    def create(self, space: Space, sent: VaultCreate, vault_id: str | None = None) -> Vault:
        """A new vault, with a credential if a secret was sent; with an id that exists already, the vault that has it.

        Raises InvalidRequest.
        """
        now = now_ms()
        vault = Vault(
            id=vault_id or new_id(),
            display_name=sent.display_name,
            metadata=patched({}, sent.metadata or {}, blank_removes=False),
            created_at=now,
            updated_at=now,
        )
        steps: list[Write] = []
        news = [Happening("vault.created", vault.id)]
        if sent.secret is not None:
            credential = self._credentials.inline(space, vault, sent, derive_id(vault.id, "inline"))
            vault = vault.model_copy(update={"active": 1, "inline": credential.id})
            steps = self._store.insert_credential(space, credential)
            news.append(happening("created", credential))
        try:
            self._store.commit([self._store.insert(space, vault), *steps, *self._announcer.tell(space, *news)])
        except TransactionRefused:
            return self.get(space, vault.id)
        return vault

    def get(self, space: Space, vault_id: str) -> Vault:
        """One vault, also an archived one. Raises VaultNotFound."""
        found = self._store.find(space, [vault_id]).get(vault_id)
        if found is None:
            raise VaultNotFound("no such vault")
        return found

    def check(self, space: Space, vault_ids: Sequence[str], field: str) -> None:
        """Whether a new session may use these vaults. Raises VaultNotFound, VaultArchived."""
        found = self._store.find(space, vault_ids) if vault_ids else {}
        for position, vault_id in enumerate(vault_ids):
            place = f"{field}.{position}"
            if vault_id not in found:
                raise VaultNotFound(f"{place}: no such vault", field=place)
            if found[vault_id].archived_at is not None:
                raise VaultArchived(place)

    def update(self, space: Space, vault_id: str, sent: VaultUpdate, *, blank_removes: bool) -> Vault:
        """The vault after the change; a secret that came along replaces the one sent before.

        Raises VaultNotFound, VaultArchived, InvalidRequest, and what adding a credential raises.
        """
        for _ in range(_TRIES):
            current = self.get(space, vault_id)
            if current.archived_at is not None:
                raise VaultArchived
            metadata = patched(current.metadata, sent.metadata or {}, blank_removes=blank_removes)
            self._keep_secret(space, current, sent)
            news = {"display_name": sent.display_name or current.display_name, "metadata": metadata}
            after = current.model_copy(update=news)
            if after == current:
                return self.get(space, vault_id)
            after = after.model_copy(update={"revision": current.revision + 1, "updated_at": now_ms()})
            if self._store.committed([self._store.change(space, after)]):
                return self.get(space, vault_id)
        raise StorageBusy("the vault is changed by too many at once")

    def _keep_secret(self, space: Space, vault: Vault, sent: InlineSecret) -> None:
        if sent.secret is not None:
            self._credentials.keep_inline(space, vault, sent)

    def injections(self, space: Space, vault_ids: Sequence[str]) -> "Injections":
        """Variables for a sandbox with placeholders as values, and what goes out for each placeholder and where.

        Resolved anew by every call, so that a rotation or archive counts from then on. Of several credentials for one
        variable the first vault's counts. Vaults and credentials that are archived or gone give nothing.
        Raises SecretUnreadable.
        """
        from chalicelib.vaults.injecting import injections

        return injections(self._credentials, space, vault_ids)

    def archive(self, space: Space, vault_id: str) -> Vault:
        """Archive for good, with its credentials; a second call changes nothing. Raises VaultNotFound."""
        for _ in range(_TRIES):
            current = self.get(space, vault_id)
            if current.archived_at is not None:
                return current
            now = now_ms()
            steps = [self._store.archive(space, current, now)]
            news = [Happening("vault.archived", vault_id)]
            for credential in self._store.active(space, vault_id):
                steps += self._credentials.archive_writes(space, credential, now)
                news.append(happening("archived", credential))
            if self._store.committed([*steps, *self._announcer.tell(space, *news)]):
                return current.model_copy(update={"archived_at": now, "active": 0})
        raise StorageBusy("the vault is changed by too many at once")

    def delete(self, space: Space, vault_id: str) -> None:
        """Remove a vault and its credentials. Raises VaultNotFound."""
        for _ in range(_TRIES):
            current = self.get(space, vault_id)
            # Archived credentials hold no secrets and may be many; the vault goes last, so that a repeat finishes.
            self._store.purge_archived(space, vault_id)
            steps = [self._store.delete(space, current)]
            news = [Happening("vault.deleted", vault_id)]
            for credential in self._store.active(space, vault_id):
                steps += self._store.remove_credential(space, credential)
                news.append(happening("deleted", credential))
            if self._store.committed([*steps, *self._announcer.tell(space, *news)]):
                return
        raise StorageBusy("the vault is changed by too many at once")

    def page(self, space: Space, window: Window, wanted: VaultFilter) -> Page[Vault]:
        """Vaults by creation; ``next`` is the position to go on after."""
        found = self._store.page(space, window, (wanted.active, wanted.archived), wanted.fits)
        following = found.rows[-1]["list_sk"] if found.more else None
        return Page([self._store.vault(row) for row in found.rows], following)
