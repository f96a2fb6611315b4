"""What the operator does with tenants."""

from collections.abc import Callable, Mapping

from chalicelib.core.clock import now_ms
from chalicelib.core.ids import new_id
from chalicelib.core.paging import Page
from chalicelib.storage.keys import Space
from chalicelib.storage.listing import Window
from chalicelib.storage.table import Table
from chalicelib.tenants import keys
from chalicelib.tenants.errors import TenantNotFound
from chalicelib.tenants.keystore import KeyStore
from chalicelib.tenants.model import FIRST_KEY_SCOPES, MintedKey, Status, Tenant
from chalicelib.tenants.register import TenantRegister, tenant_of

FIRST_KEY_NAME = "First key"


class TenantService:
    """Tenants come with a first key; suspended ones keep their data and their keys, closed ones only their data."""

    def __init__(
        self, table: Table, register: TenantRegister, api_keys: keys.KeyService, turn: Callable[[Space, bool], None]
    ) -> None:
        """``turn`` is told of tenants that are let in no more, or are again."""
        self._turn = turn
        self._table = table
        self._register = register
        self._keys = api_keys

    def create(self, name: str, limits: Mapping[str, int] | None = None) -> tuple[Tenant, MintedKey]:
        """A tenant and its first key, made together."""
        tenant = Tenant(new_id(), name, "active", now_ms(), dict(limits or {}))
        minted = keys.draft(tenant.id, FIRST_KEY_NAME, FIRST_KEY_SCOPES)
        self._table.transact([*self._register.inserts(tenant), *KeyStore(self._table).inserts(minted.key)])
        return tenant, minted

    def get(self, tenant_id: str) -> Tenant:
        """One tenant. Raises TenantNotFound."""
        tenant = self._register.find(tenant_id)
        if tenant is None:
            raise TenantNotFound(f"no tenant {tenant_id}")
        return tenant

    def page(self, limit: int, after: str | None = None) -> Page[Tenant]:
        """Tenants, newest first, with the closed ones; ``after`` continues a page."""
        found = self._register.page(Window(limit, after))
        following = found.rows[-1]["list_sk"] if found.more else None
        return Page([tenant_of(row) for row in found.rows], following)

    def change(
        self,
        tenant_id: str,
        *,
        name: str | None = None,
        status: Status | None = None,
        limits: Mapping[str, int | None] | None = None,
    ) -> Tenant:
        """Rename, suspend, resume, set limits (None: the server's). Raises TenantNotFound, TenantClosed."""
        if name is None and status is None and not limits:
            return self.get(tenant_id)
        changed = self._register.change(tenant_id, name=name, status=status, limits=dict(limits or {}))
        if status is not None:
            self._turn(Space(tenant_id), changed.active)
        return changed

    def close(self, tenant_id: str) -> Tenant:
        """Suspend for good and revoke every key. Raises TenantNotFound."""
        tenant = self.get(tenant_id)
        if tenant.status != "closed":
            tenant = self._register.change(tenant_id, status="closed", limits={})
        self._keys.revoke_all(tenant_id)
        self._turn(Space(tenant_id), False)
        return tenant

    def rotate(self, tenant_id: str) -> MintedKey:
        """A new key in place of all the tenant had. Raises TenantNotFound."""
        self.get(tenant_id)
        minted = self._keys.mint(tenant_id, FIRST_KEY_NAME, FIRST_KEY_SCOPES)
        self._keys.revoke_all(tenant_id, but=minted.key.id)
        return minted
