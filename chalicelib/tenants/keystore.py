"""Where API keys are kept: a record in the tenant's space, and a row found by the secret's hash."""

from typing import Any

from chalicelib.storage import writes
from chalicelib.storage.errors import ConditionFailed
from chalicelib.storage.keys import Key, Space, system_partition
from chalicelib.storage.lookup import Lookup
from chalicelib.storage.marshal import Row
from chalicelib.storage.table import Table
from chalicelib.tenants.model import ApiKey

_NOUN = "api_keys"


def _record_key(tenant: str, key_id: str) -> Key:
    return Space(tenant).key(_NOUN, sk=key_id)


def _digest_key(digest: str) -> Key:
    return Key(system_partition("api_key", digest), "KEY")


def _key_of(row: Row) -> ApiKey:
    return ApiKey(
        id=row["id"],
        tenant=row["tenant"],
        name=row["name"],
        prefix=row["prefix"],
        scopes=tuple(row["scopes"].split()),
        created_at=row["created_at"],
        digest=row["digest"],
        last_used_at=row.get("last_used_at"),
        user=row.get("user", ""),
    )


class KeyStore:
    """Rows of keys."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def inserts(self, key: ApiKey) -> list[writes.Write]:
        """The writes that make a key; they belong into one transaction."""
        row: dict[str, Any] = {
            "id": key.id,
            "tenant": key.tenant,
            "name": key.name,
            "prefix": key.prefix,
            "scopes": " ".join(key.scopes),
            "created_at": key.created_at,
            "digest": key.digest,
        } | ({"user": key.user} if key.user else {})
        places = (_record_key(key.tenant, key.id), _digest_key(key.digest))
        return [writes.put({"pk": place.pk, "sk": place.sk, **row}, writes.ABSENT) for place in places]

    def by_digest(self, digest: str) -> Lookup[ApiKey | None]:
        """Reads the key with this secret."""
        place = _digest_key(digest)
        return Lookup(self._table, (place,), lambda rows: _key_of(rows[place]) if place in rows else None)

    def of_tenant(self, tenant: str) -> list[ApiKey]:
        """Every key of a tenant, newest first."""
        keys = [_key_of(row) for row in self._table.walk(Space(tenant).partition(_NOUN))]
        return sorted(keys, key=lambda key: (key.created_at, key.id), reverse=True)

    def find(self, tenant: str, key_id: str) -> ApiKey | None:
        """One key of a tenant."""
        row = self._table.get(_record_key(tenant, key_id))
        return None if row is None else _key_of(row)

    def remove(self, key: ApiKey) -> bool:
        """Remove a key; False when it was gone already."""
        places = (_record_key(key.tenant, key.id), _digest_key(key.digest))
        return self._table.transacted([writes.delete(place, writes.PRESENT) for place in places])

    def note_use(self, key: ApiKey, at_ms: int, older_than_ms: int) -> None:
        """Remember that a key was used, unless someone did so after ``older_than_ms``."""
        stale = writes.missing("last_used_at") | writes.compare("last_used_at", "<", older_than_ms)
        write = writes.update(_record_key(key.tenant, key.id), {"last_used_at": at_ms}, writes.PRESENT & stale)
        try:
            self._table.write(write)
        except ConditionFailed:
            return  # revoked meanwhile, or noted by another process: nothing is left to do
