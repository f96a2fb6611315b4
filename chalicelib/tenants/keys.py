"""API keys: minting, revoking, and telling who calls."""

import hmac
from collections.abc import Iterable

from chalicelib.core.clock import now_ms
from chalicelib.core.ids import new_id
from chalicelib.core.principal import Principal
from chalicelib.storage.table import Table
from chalicelib.storage.writes import Write
from chalicelib.tenants.cache import Recent
from chalicelib.tenants.errors import KeyNotFound
from chalicelib.tenants.keystore import KeyStore
from chalicelib.tenants.model import ApiKey, MintedKey, checked_scopes, digest_of, new_secret, shown_part
from chalicelib.tenants.register import FRESH_SECONDS, TenantRegister

_USE_NOTED_EVERY_MS = 3_600_000


def draft(tenant: str, name: str, scopes: Iterable[str], user: str = "") -> MintedKey:
    """A key that is not stored yet. Raises UnknownScope."""
    secret = new_secret()
    key = ApiKey(
        id=new_id(),
        tenant=tenant,
        name=name,
        prefix=shown_part(secret),
        scopes=checked_scopes(scopes),
        created_at=now_ms(),
        digest=digest_of(secret),
        user=user,
    )
    return MintedKey(key, secret)


class KeyService:
    """A revoked key or a suspended tenant is refused at once here and within three seconds in other processes."""

    def __init__(self, table: Table, register: TenantRegister, root_key_sha256: str) -> None:
        self._table = table
        self._store = KeyStore(table)
        self._register = register
        self._root = root_key_sha256.strip().lower()
        self._recent: Recent[ApiKey] = Recent(FRESH_SECONDS)
        self._noted: dict[str, int] = {}

    def authenticate(self, secret: str) -> Principal | None:
        """Who holds the secret; None when nobody does, or the tenant is not active."""
        digest = digest_of(secret)
        key = self._recent.get(digest, lambda: self._read(digest))
        if key is None:
            return None
        tenant = self._register.recent(key.tenant)
        if tenant is None or not tenant.active:
            return None
        self._note_use(key)
        return Principal(key.tenant, key.id, frozenset(key.scopes), tenant.name)

    def _read(self, digest: str) -> ApiKey | None:
        key, met = self._store.by_digest(digest), self._recent.last(digest)
        # A key stays with its tenant, which is read in the same call once it is known.
        return key.read() if met is None else key.read_with(self._register.lookup(met.tenant))[0]

    def is_root(self, secret: str) -> bool:
        """Whether the secret is the operator's."""
        return bool(self._root) and hmac.compare_digest(digest_of(secret), self._root)

    def mint(
        self, tenant: str, name: str, scopes: Iterable[str], *, user: str = "", demands: Iterable[Write] = ()
    ) -> MintedKey:
        """Make a key, perhaps a ``user``'s own. Raises UnknownScope; TransactionRefused where ``demands`` fail."""
        minted = draft(tenant, name, scopes, user)
        self._table.transact([*self._store.inserts(minted.key), *demands])
        return minted

    def all(self, tenant: str) -> list[ApiKey]:
        """The tenant's keys, newest first."""
        return self._store.of_tenant(tenant)

    def revoke(self, tenant: str, key_id: str) -> None:
        """Make a key worthless. Raises KeyNotFound."""
        key = self._store.find(tenant, key_id)
        if key is None or not self._store.remove(key):
            raise KeyNotFound("no such API key")
        self._recent.drop(key.digest)

    def revoke_all(self, tenant: str, *, but: str = "") -> None:
        """Revoke every key of a tenant except the one named."""
        for key in self._store.of_tenant(tenant):
            if key.id != but:
                self._store.remove(key)
                self._recent.drop(key.digest)

    def revoke_of(self, tenant: str, user: str) -> None:
        """Revoke the keys of a tenant that are a user's own."""
        for key in self._store.of_tenant(tenant):
            if key.user == user:
                self._store.remove(key)
                self._recent.drop(key.digest)

    def _note_use(self, key: ApiKey) -> None:
        now = now_ms()
        last = max(self._noted.get(key.id, 0), key.last_used_at or 0)
        if now - last < _USE_NOTED_EVERY_MS:
            return
        self._noted[key.id] = now
        self._store.note_use(key, now, now - _USE_NOTED_EVERY_MS)
