"""Where vaults are kept. One partition holds the vault (HEAD), its active credentials (C#), its archived ones (X#), and
a row for each server or variable that has an active credential (K#), and who renews a credential just now (R#)."""

import hashlib
from collections.abc import Callable, Sequence
from typing import Any

from chalicelib.storage import writes
from chalicelib.storage.committing import Committing
from chalicelib.storage.documents import Documents
from chalicelib.storage.keys import Key, Space, list_sk
from chalicelib.storage.listing import Found, Window, read_lists, read_states
from chalicelib.storage.marshal import Row
from chalicelib.storage.table import Table
from chalicelib.storage.writes import Write
from chalicelib.vaults.model import MOST_CREDENTIALS, Credential, Vault

_NOUN, _PART, _ARCHIVE = "vault", "credential", "archived"
HEAD, _ACTIVE, _ARCHIVED, _TAKEN, _RENEWAL = "HEAD", "C#", "X#", "K#", "R#"
_RENEWALS_KEPT_SECONDS = 24 * 3600
_FACTS = ("id", "display_name", "created_at", "updated_at", "archived_at", "revision", "stamp", "active", "inline")
_PART_FACTS = ("id", "vault_id", "created_at", "updated_at", "archived_at", "revision", "sealed")


class VaultStore(Committing):
    """Rows of vaults and credentials; no rule about them is here."""

    def __init__(self, table: Table, documents: Documents) -> None:
        self._table = table
        self._documents = documents

    def find(self, space: Space, vault_ids: Sequence[str]) -> dict[str, Vault]:
        """Those of the vaults that exist, by id."""
        rows = self._table.get_many([_key(space, vault_id) for vault_id in vault_ids])
        found = (self.vault(row) for row in rows.values())
        return {vault.id: vault for vault in found}

    def vault(self, row: Row) -> Vault:
        """The vault of a row."""
        return Vault.model_validate(self._documents.unpack(row) | _present(row, _FACTS))

    def credential(self, row: Row) -> Credential:
        """The credential of a row."""
        return Credential.model_validate(self._documents.unpack(row) | _present(row, _PART_FACTS))

    def find_credential(
        self, space: Space, vault_id: str, credential_id: str
    ) -> tuple[Vault | None, Credential | None]:
        """A vault and one of its credentials, active or archived."""
        head = _key(space, vault_id)
        places = [_key(space, vault_id, mark + credential_id) for mark in (_ACTIVE, _ARCHIVED)]
        rows = self._table.get_many([head, *places])
        there = [self.credential(rows[place]) for place in places if place in rows]
        return self.vault(rows[head]) if head in rows else None, there[0] if there else None

    def active(self, space: Space, vault_id: str) -> list[Credential]:
        """The active credentials of a vault, oldest first."""
        rows = self._table.walk(space.partition(_NOUN, vault_id), low=_ACTIVE, high=_ACTIVE + "~")
        return sorted((self.credential(row) for row in rows), key=lambda one: (one.created_at, one.id))

    def first_for(self, space: Space, vault_ids: Sequence[str], keys: Sequence[str]) -> Credential | None:
        """The active credential of the first of the vaults that has one for any of the keys, the first key first."""
        places = [(vault_id, _taken(space, vault_id, key)) for vault_id in vault_ids for key in keys]
        rows = self._table.get_many([place for _, place in places])
        for vault_id, place in places:
            if place in rows:
                row = self._table.get(_key(space, vault_id, _ACTIVE + rows[place]["credential"]))
                if row is not None:
                    return self.credential(row)
        return None

    def begin_renewal(self, space: Space, credential: Credential, now: int, until: int) -> None:
        """From now on until then (milliseconds) nobody else renews the credential. Raises ConditionFailed."""
        place = _key(space, credential.vault_id, _RENEWAL + credential.id)
        content = {"until": until, "failed": 0, "expires_at": until // 1000 + _RENEWALS_KEPT_SECONDS}
        self._table.write(writes.put(_row(place, content, {}), writes.ABSENT | writes.compare("until", "<", now)))

    def end_renewal(
        self, space: Space, credential: Credential, until: int, *, failed: bool, told: Sequence[Write] = ()
    ) -> None:
        """The renewal begun with ``until`` is over; ``told`` goes with its failure.

        Raises ConditionFailed, TransactionRefused when another has begun since.
        """
        place = _key(space, credential.vault_id, _RENEWAL + credential.id)
        if not failed:
            self._table.write(writes.delete(place, writes.equals("until", until)))
            return
        changes: Row = {"until": 0, "failed": credential.revision}
        ended = writes.update(place, changes, writes.equals("until", until))
        if told:
            self._table.transact([ended, *told])
        else:
            self._table.write(ended)

    def failed_renewal(self, space: Space, credential: Credential) -> int:
        """The revision whose renewal failed last, 0 when none did."""
        row = self._table.get(_key(space, credential.vault_id, _RENEWAL + credential.id))
        return int(row["failed"]) if row else 0

    def page(self, space: Space, window: Window, shown: tuple[bool, bool], keep: Callable[[Vault], bool]) -> Found:
        """Rows of vaults, by creation; ``shown`` tells whether active and archived ones are wanted."""
        listings = space.listing(_NOUN), space.listing(_NOUN, _ARCHIVE)
        return read_states(self._table, listings, shown, window, lambda row: keep(self.vault(row)))

    def credential_page(
        self, space: Space, vault_id: str, window: Window, shown: tuple[bool, bool], keep: Callable[[Credential], bool]
    ) -> Found:
        """Rows of a vault's credentials, by creation; ``shown`` tells whether active and archived ones are wanted."""
        active, archived = shown
        listings = [_listing(space, vault_id)] * active + [_listing(space, vault_id, _ARCHIVE)] * archived
        return read_lists(self._table, listings, window, lambda row: keep(self.credential(row)))

    def insert(self, space: Space, vault: Vault) -> Write:
        """The write that makes a vault."""
        listed = {"list_pk": space.listing(_NOUN), "list_sk": list_sk(vault.created_at, vault.id)}
        return writes.put(_row(_key(space, vault.id), self._content(space, vault), listed), writes.ABSENT)

    def change(self, space: Space, vault: Vault) -> Write:
        """The write that replaces the revision before."""
        changes = self._content(space, vault)
        for name in ("stamp", "active", "inline"):
            changes.pop(name, None)
        gone = {name: None for name in ("doc", "docz", "docref") if name not in changes}
        still = writes.equals("revision", vault.revision - 1) & writes.missing("archived_at")
        return writes.update(_key(space, vault.id), changes | gone, still)

    def archive(self, space: Space, vault: Vault, at_ms: int) -> Write:
        """The write that archives a vault as it was seen, without its credentials."""
        changes: dict[str, Any] = {"archived_at": at_ms, "list_pk": space.listing(_NOUN, _ARCHIVE), "active": 0}
        return writes.update(_key(space, vault.id), changes, _as_seen(vault), add={"stamp": 1})

    def delete(self, space: Space, vault: Vault) -> Write:
        """The write that removes a vault as it was seen, without its credentials."""
        return writes.delete(_key(space, vault.id), _as_seen(vault))

    def enter(self, space: Space, vault_id: str, *, inline: str | None) -> Write:
        """The write that counts one credential more, if the vault takes one."""
        room = writes.compare("active", "<", MOST_CREDENTIALS)
        changes: dict[str, Any] = {"inline": inline} if inline else {}
        condition = writes.PRESENT & writes.missing("archived_at") & room
        return writes.update(_key(space, vault_id), changes, condition, add={"active": 1, "stamp": 1})

    def leave(self, space: Space, vault_id: str) -> Write:
        """The write that counts one less."""
        return writes.update(_key(space, vault_id), {}, writes.PRESENT, add={"active": -1, "stamp": 1})

    def insert_credential(self, space: Space, credential: Credential) -> list[Write]:
        """The writes that make a credential: its row, the check that it was not archived meanwhile, its key."""
        vault_id, place = credential.vault_id, _key(space, credential.vault_id, _ACTIVE + credential.id)
        listed = {
            "list_pk": _listing(space, vault_id),
            "list_sk": list_sk(credential.created_at, credential.id),
        }
        steps = [
            writes.put(_row(place, self._credential_content(space, credential), listed), writes.ABSENT),
            writes.check(_key(space, vault_id, _ARCHIVED + credential.id), writes.ABSENT),
        ]
        key = credential.auth.key
        if key is not None:
            taken = _row(_taken(space, vault_id, key), {"credential": credential.id}, {})
            steps.append(writes.put(taken, writes.ABSENT))
        return steps

    def change_credential(self, space: Space, credential: Credential) -> Write:
        """The write that replaces the revision before."""
        changes = self._credential_content(space, credential)
        gone = {name: None for name in ("doc", "docz", "docref") if name not in changes}
        still = writes.equals("revision", credential.revision - 1)
        return writes.update(_key(space, credential.vault_id, _ACTIVE + credential.id), changes | gone, still)

    def remove_credential(self, space: Space, credential: Credential) -> list[Write]:
        """The writes that take away a credential as it was seen, and free its key."""
        mark = _ACTIVE if credential.archived_at is None else _ARCHIVED
        place = _key(space, credential.vault_id, mark + credential.id)
        steps = [writes.delete(place, writes.equals("revision", credential.revision))]
        if credential.archived_at is None and credential.auth.key is not None:
            steps.append(writes.delete(_taken(space, credential.vault_id, credential.auth.key)))
        return steps

    def put_archived(self, space: Space, credential: Credential) -> Write:
        """The write that makes the row of an archived credential."""
        listed = {
            "list_pk": _listing(space, credential.vault_id, _ARCHIVE),
            "list_sk": list_sk(credential.created_at, credential.id),
        }
        place = _key(space, credential.vault_id, _ARCHIVED + credential.id)
        return writes.put(_row(place, self._credential_content(space, credential), listed))

    def purge_archived(self, space: Space, vault_id: str) -> None:
        """Remove all archived credentials of a vault."""
        rows = self._table.walk(space.partition(_NOUN, vault_id), low=_ARCHIVED, high=_ARCHIVED + "~")
        self._table.delete_many([Key(row["pk"], row["sk"]) for row in rows])

    def _content(self, space: Space, vault: Vault) -> Row:
        facts = {name: getattr(vault, name) for name in _FACTS}
        return facts | self._documents.pack(space, {"metadata": vault.metadata})

    def _credential_content(self, space: Space, credential: Credential) -> Row:
        document = credential.model_dump(mode="json", include={"display_name", "metadata", "auth"})
        facts = {name: getattr(credential, name) for name in _PART_FACTS}
        return facts | self._documents.pack(space, document)


def _key(space: Space, vault_id: str, sk: str = HEAD) -> Key:
    return space.key(_NOUN, vault_id, sk=sk)


def _taken(space: Space, vault_id: str, key: str) -> Key:
    return _key(space, vault_id, _TAKEN + hashlib.sha256(key.encode()).hexdigest())


def _listing(space: Space, vault_id: str, *more: str) -> str:
    return space.listing(_NOUN, vault_id, _PART, *more)


def _row(key: Key, content: Row, listed: Row) -> Row:
    return {"pk": key.pk, "sk": key.sk, **content, **listed}


def _present(row: Row, names: Sequence[str]) -> Row:
    return {name: row[name] for name in names if name in row}


def _as_seen(vault: Vault) -> writes.Condition:
    return writes.equals("revision", vault.revision) & writes.equals("stamp", vault.stamp)
