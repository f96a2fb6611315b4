"""What may be done with the credentials of a vault."""

from collections.abc import Callable, Sequence

from pydantic import SecretStr

from chalicelib.core.clock import now_ms
from chalicelib.core.ids import new_id
from chalicelib.core.jsonio import dumps, loads
from chalicelib.core.metadata import patched
from chalicelib.core.paging import Page
from chalicelib.storage.errors import StorageBusy, TransactionRefused
from chalicelib.storage.keys import Space
from chalicelib.storage.listing import Window
from chalicelib.storage.secrets import SecretBox
from chalicelib.storage.writes import Write
from chalicelib.vaults import building
from chalicelib.vaults.draft import AuthChange, CredentialCreate, CredentialUpdate, InlineSecret
from chalicelib.vaults.errors import (
    CredentialArchived,
    CredentialKeyTaken,
    CredentialNotFound,
    TooManyCredentials,
    VaultArchived,
    VaultNotFound,
)
from chalicelib.vaults.model import MOST_CREDENTIALS, Auth, Credential, Secrets, Vault, host_key, server_key
from chalicelib.vaults.store import VaultStore
from chalicelib.webhooks.happening import SILENT, Announcer, Happening

PLACEHOLDER = "lbt_placeholder_"
_DIGITS = 32
_TRIES = 10
_PURPOSE = "vault-credential"
_ROW, _NOT_ARCHIVED = 0, 1


class CredentialService:
    """Adds, changes, archives and removes credentials. Their secrets leave only through ``secrets``."""

    def __init__(self, store: VaultStore, box: SecretBox, announcer: Announcer = SILENT) -> None:
        self._store = store
        self._box = box
        self._announcer = announcer

    def create(
        self, space: Space, vault_id: str, sent: CredentialCreate, credential_id: str | None = None
    ) -> Credential:
        """A new credential; with an id that exists already, the credential that has it.

        Raises VaultNotFound, VaultArchived, InvalidRequest, CredentialKeyTaken, TooManyCredentials.
        """
        if vault_id not in self._store.find(space, [vault_id]):
            raise VaultNotFound("no such vault")
        auth, secrets = building.made(sent.auth)
        metadata = patched({}, sent.metadata or {}, blank_removes=False)
        made = self._made(space, vault_id, credential_id or new_id(), auth, secrets)
        return self._add(space, made.model_copy(update={"display_name": sent.display_name, "metadata": metadata}))

    def add(self, space: Space, vault_id: str, auth: Auth, secrets: Secrets) -> Credential:
        """A new credential out of its parts. Raises VaultNotFound, VaultArchived, CredentialKeyTaken,
        TooManyCredentials."""
        return self._add(space, self._made(space, vault_id, new_id(), auth, secrets))

    def _made(self, space: Space, vault_id: str, credential_id: str, auth: Auth, secrets: Secrets) -> Credential:
        now = now_ms()
        return Credential(
            id=credential_id,
            vault_id=vault_id,
            auth=auth,
            created_at=now,
            updated_at=now,
            sealed=self._seal(space, vault_id, credential_id, secrets),
        )

    def _add(self, space: Space, credential: Credential, *, inline: bool = False) -> Credential:
        steps = self._store.insert_credential(space, credential)
        joined = len(steps)
        entry = self._store.enter(space, credential.vault_id, inline=credential.id if inline else None)
        try:
            self._store.commit([*steps, entry, *self._told(space, "created", credential)])
        except TransactionRefused as refusal:
            if {_ROW, _NOT_ARCHIVED} & set(refusal.failed):
                return self.get(space, credential.vault_id, credential.id)
            if refusal.failed != (joined,):
                raise _taken(credential) from refusal
            self._explain(space, credential.vault_id)
        return credential

    def _explain(self, space: Space, vault_id: str) -> None:
        """Why a vault takes no more."""
        vault = self._store.find(space, [vault_id]).get(vault_id)
        if vault is None:
            raise VaultNotFound("no such vault")
        if vault.archived_at is not None:
            raise VaultArchived
        raise TooManyCredentials(f"a vault has at most {MOST_CREDENTIALS} credentials", field="auth")

    def get(self, space: Space, vault_id: str, credential_id: str) -> Credential:
        """One credential, also an archived one. Raises VaultNotFound, CredentialNotFound."""
        vault, found = self._store.find_credential(space, vault_id, credential_id)
        if vault is None:
            raise VaultNotFound("no such vault")
        if found is None:
            raise CredentialNotFound
        return found

    def update(
        self, space: Space, vault_id: str, credential_id: str, sent: CredentialUpdate, *, blank_removes: bool
    ) -> Credential:
        """The credential after the change, which every session sees at its next use.

        Raises VaultNotFound, CredentialNotFound, CredentialArchived, InvalidRequest, CredentialKeyFixed.
        """
        for _ in range(_TRIES):
            current = self.get(space, vault_id, credential_id)
            if current.archived_at is not None:
                raise CredentialArchived
            after = self._changed(space, current, sent, blank_removes=blank_removes)
            if after == current:
                return current
            after = after.model_copy(update={"revision": current.revision + 1, "updated_at": now_ms()})
            if self._store.committed([self._store.change_credential(space, after)]):
                return after
        raise StorageBusy("the credential is changed by too many at once")

    def _changed(self, space: Space, current: Credential, sent: CredentialUpdate, *, blank_removes: bool) -> Credential:
        auth, fresh = building.changed(current.auth, sent.auth or AuthChange())
        news: dict[str, object] = {
            "auth": auth,
            "metadata": patched(current.metadata, sent.metadata or {}, blank_removes=blank_removes),
        }
        if "display_name" in sent.model_fields_set:
            news["display_name"] = sent.display_name
        if fresh:
            merged = self.secrets(space, current) | fresh
            news["sealed"] = self._seal(space, current.vault_id, current.id, merged)
        return current.model_copy(update=news)

    def archive(self, space: Space, vault_id: str, credential_id: str) -> Credential:
        """Archive for good, forget the secrets and free the key; a second call changes nothing.

        Raises VaultNotFound, CredentialNotFound.
        """
        for _ in range(_TRIES):
            current = self.get(space, vault_id, credential_id)
            if current.archived_at is not None:
                return current
            now = now_ms()
            steps = self.archive_writes(space, current, now)
            told = self._told(space, "archived", current)
            if self._store.committed([*steps, self._store.leave(space, vault_id), *told]):
                return _archived(current, now)
        raise StorageBusy("the credential is changed by too many at once")

    def archive_writes(self, space: Space, credential: Credential, at_ms: int) -> list[Write]:
        """The writes that archive an active credential, without the count in its vault."""
        gone = self._store.remove_credential(space, credential)
        return [*gone, self._store.put_archived(space, _archived(credential, at_ms))]

    def delete(self, space: Space, vault_id: str, credential_id: str) -> None:
        """Remove a credential. Raises VaultNotFound, CredentialNotFound."""
        for _ in range(_TRIES):
            current = self.get(space, vault_id, credential_id)
            steps = self._store.remove_credential(space, current)
            if current.archived_at is None:
                steps.append(self._store.leave(space, vault_id))
            if self._store.committed([*steps, *self._told(space, "deleted", current)]):
                return
        raise StorageBusy("the credential is changed by too many at once")

    def page(
        self,
        space: Space,
        vault_id: str,
        window: Window,
        keep: Callable[[Credential], bool] = lambda _one: True,
        *,
        active: bool,
        archived: bool,
    ) -> Page[Credential]:
        """A vault's credentials by creation; ``next`` is the position to go on after. Raises VaultNotFound."""
        if vault_id not in self._store.find(space, [vault_id]):
            raise VaultNotFound("no such vault")
        found = self._store.credential_page(space, vault_id, window, (active, archived), keep)
        following = found.rows[-1]["list_sk"] if found.more else None
        return Page([self._store.credential(row) for row in found.rows], following)

    def inline(self, space: Space, vault: Vault, sent: InlineSecret, credential_id: str) -> Credential:
        """A credential, not yet stored, of the secret that came with a vault. Raises InvalidRequest."""
        secret = sent.secret
        if secret is None:
            raise ValueError("no secret came with the vault")
        parts = building.bearer(secret, sent.address) if isinstance(secret, SecretStr) else building.made(secret)
        made = self._made(space, vault.id, credential_id, *parts)
        return made.model_copy(update={"display_name": vault.display_name})

    def keep_inline(self, space: Space, vault: Vault, sent: InlineSecret) -> None:
        """Put the secret that came with a vault in place of the one that came before, or add it.

        Raises what ``update`` and ``create`` raise.
        """
        before = None
        if vault.inline is not None:
            before = self._store.find_credential(space, vault.id, vault.inline)[1]
        if before is None or before.archived_at is not None:
            self._add(space, self.inline(space, vault, sent, new_id()), inline=True)
            return
        change = CredentialUpdate(auth=_change_of(sent, before.auth))
        self.update(space, vault.id, before.id, change, blank_removes=False)

    def active(self, space: Space, vault_id: str) -> list[Credential]:
        """The active credentials of a vault, oldest first; none of an unknown or archived one."""
        return self._store.active(space, vault_id)

    def for_server(self, space: Space, vault_ids: Sequence[str], url: str) -> Credential | None:
        """The active credential for a server in the first of the vaults that has one."""
        return self._first(space, vault_ids, url, server_key)

    def for_calls(self, space: Space, vault_ids: Sequence[str], url: str) -> Credential | None:
        """The active credential that goes along with calls of an address, of the first of the vaults that has one: that
        for the very address, else that for its whole host."""
        return self._first(space, vault_ids, url, server_key, host_key)

    def _first(
        self, space: Space, vault_ids: Sequence[str], url: str, *key_of: Callable[[str], str]
    ) -> Credential | None:
        try:
            keys = [f"server {key(url)}" for key in key_of]
        except ValueError:
            return None
        return self._store.first_for(space, list(dict.fromkeys(vault_ids)), keys) if vault_ids else None

    def changed_secrets(self, space: Space, current: Credential, auth: Auth, fresh: Secrets) -> Credential | None:
        """The credential with another readable part and new secrets; None when it is not ``current`` any more."""
        merged = self.secrets(space, current) | fresh
        sealed = self._seal(space, current.vault_id, current.id, merged)
        news = {"auth": auth, "sealed": sealed, "revision": current.revision + 1, "updated_at": now_ms()}
        after = current.model_copy(update=news)
        return after if self._store.committed([self._store.change_credential(space, after)]) else None

    def secrets(self, space: Space, credential: Credential) -> Secrets:
        """The secret values of an active credential. Raises SecretUnreadable."""
        owner = _owner(credential.vault_id, credential.id)
        opened: Secrets = loads(self._box.open(space, _PURPOSE, owner, credential.sealed))
        return opened

    def placeholder(self, space: Space, credential: Credential) -> str:
        """What stands for a credential's secret inside sandboxes: always the same, and not to be guessed."""
        derived = self._box.derive("placeholder", space.tenant, credential.vault_id, credential.id)
        return PLACEHOLDER + derived.hex()[:_DIGITS]

    def _seal(self, space: Space, vault_id: str, credential_id: str, secrets: Secrets) -> str:
        return self._box.seal(space, _PURPOSE, _owner(vault_id, credential_id), dumps(secrets))

    def _told(self, space: Space, what: str, credential: Credential) -> list[Write]:
        return self._announcer.tell(space, happening(what, credential))


def happening(what: str, credential: Credential) -> Happening:
    """What others are told of a credential."""
    return Happening(f"vault_credential.{what}", credential.id, {"vault_id": credential.vault_id})


def _owner(vault_id: str, credential_id: str) -> str:
    return f"{vault_id}/{credential_id}"


def _archived(credential: Credential, at_ms: int) -> Credential:
    return credential.model_copy(update={"archived_at": at_ms, "sealed": ""})


def _change_of(sent: InlineSecret, before: Auth) -> AuthChange:
    """The secret that came with a vault, read as an update of the credential made of an earlier one."""
    secret = sent.secret
    if secret is None or not isinstance(secret, SecretStr):
        return building.from_input(secret) if secret is not None else AuthChange()
    field = {"mcp_oauth": "access_token", "environment_variable": "secret_value"}.get(before.type, "token")
    address = {"mcp_server_url": sent.address} if sent.address else {}
    return AuthChange.model_validate({field: secret, **address})


def _taken(credential: Credential) -> CredentialKeyTaken:
    kind, _, name = (credential.auth.key or "").partition(" ")
    field = "auth.secret_name" if kind == "variable" else "auth.mcp_server_url"
    return CredentialKeyTaken(f"{field}: the vault has an active credential for {name}", field=field)
