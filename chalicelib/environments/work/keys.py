"""Environment keys: what the workers of one environment ask for work with."""

import secrets
from dataclasses import dataclass
from typing import Any

from chalicelib.core.clock import now_ms
from chalicelib.core.ids import new_id
from chalicelib.environments.work.errors import EnvironmentKeyNotFound
from chalicelib.storage import writes
from chalicelib.storage.errors import ConditionFailed
from chalicelib.storage.keys import Key, Space, system_partition
from chalicelib.storage.marshal import Row
from chalicelib.storage.table import Table
from chalicelib.tenants.model import digest_of

KEY_PREFIX = "lmbe_"
_NOUN = "environment_keys"
_RANDOM_BYTES = 32
_SHOWN_CHARACTERS = 9


@dataclass(frozen=True, slots=True)
class EnvironmentKey:
    """A key as it may be shown; ``digest`` is the SHA-256 of the secret."""

    id: str
    tenant: str
    environment: str
    name: str
    prefix: str
    created_at: int
    digest: str
    last_used_at: int | None = None


def _record(tenant: str, environment: str, key_id: str) -> Key:
    return Space(tenant).key(_NOUN, environment, sk=key_id)


def _found(digest: str) -> Key:
    return Key(system_partition("environment_key", digest), "KEY")


_FACTS = ("id", "tenant", "environment", "name", "prefix", "created_at", "digest")


def _key_of(row: Row) -> EnvironmentKey:
    return EnvironmentKey(**{name: row[name] for name in _FACTS}, last_used_at=row.get("last_used_at"))


class EnvironmentKeys:
    """Mints, lists and revokes them. Only hashes are stored."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def mint(self, space: Space, environment: str, name: str) -> tuple[EnvironmentKey, str]:
        """A new key and its secret, which exists nowhere else."""
        secret = KEY_PREFIX + secrets.token_urlsafe(_RANDOM_BYTES)
        made = EnvironmentKey(
            new_id(), space.tenant, environment, name, secret[:_SHOWN_CHARACTERS], now_ms(), digest_of(secret)
        )
        row: dict[str, Any] = {name: getattr(made, name) for name in _FACTS}
        places = (_record(space.tenant, environment, made.id), _found(made.digest))
        self._table.transact(writes.put({"pk": at.pk, "sk": at.sk, **row}, writes.ABSENT) for at in places)
        return made, secret

    def by_digest(self, digest: str) -> EnvironmentKey | None:
        """The key with this secret."""
        row = self._table.get(_found(digest))
        return None if row is None else _key_of(row)

    def all(self, space: Space, environment: str) -> list[EnvironmentKey]:
        """The keys of an environment, newest first."""
        keys = [_key_of(row) for row in self._table.walk(space.partition(_NOUN, environment))]
        return sorted(keys, key=lambda key: (key.created_at, key.id), reverse=True)

    def revoke(self, space: Space, environment: str, key_id: str) -> EnvironmentKey:
        """Make a key worthless. Raises EnvironmentKeyNotFound."""
        row = self._table.get(_record(space.tenant, environment, key_id))
        if row is None or not self.remove(_key_of(row)):
            raise EnvironmentKeyNotFound
        return _key_of(row)

    def remove(self, key: EnvironmentKey) -> bool:
        """Remove a key; False when it was gone already."""
        places = (_record(key.tenant, key.environment, key.id), _found(key.digest))
        return self._table.transacted(writes.delete(place, writes.PRESENT) for place in places)

    def note_use(self, key: EnvironmentKey, at_ms: int) -> None:
        """Remember that a key was used."""
        record = _record(key.tenant, key.environment, key.id)
        try:
            self._table.write(writes.update(record, {"last_used_at": at_ms}, writes.PRESENT))
        except ConditionFailed:
            return  # revoked meanwhile: nothing is left to note
