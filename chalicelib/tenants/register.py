"""Where tenants are kept: one row each, outside every tenant's own space."""

from chalicelib.storage import writes
from chalicelib.storage.errors import ConditionFailed
from chalicelib.storage.keys import Key, Space, list_sk, system_partition
from chalicelib.storage.listing import Found, Window, read_lists
from chalicelib.storage.lookup import Lookup, Rows
from chalicelib.storage.marshal import Row, Scalar
from chalicelib.storage.table import Table
from chalicelib.tenants.cache import Recent
from chalicelib.tenants.errors import TenantClosed, TenantNotFound
from chalicelib.tenants.holdings import Holdings, key_of
from chalicelib.tenants.model import LIMIT_NAMES, Status, Tenant

FRESH_SECONDS = 3.0
_LISTING = system_partition("tenants")


def _key(tenant_id: str) -> Key:
    return Key(system_partition("tenant", tenant_id), "TENANT")


def tenant_of(row: Row) -> Tenant:
    """The tenant in a row."""
    limits = {name: row[f"limit_{name}"] for name in LIMIT_NAMES if f"limit_{name}" in row}
    return Tenant(row["id"], row["name"], row["status"], row["created_at"], limits)


class TenantRegister:
    """Reads and writes tenants; ``recent`` reads may be some seconds old, and tell of the tenant's holdings too."""

    def __init__(self, table: Table, holdings: Holdings) -> None:
        self._table = table
        self._holdings = holdings
        self._recent: Recent[Tenant] = Recent(FRESH_SECONDS)

    def inserts(self, tenant: Tenant) -> list[writes.Write]:
        """The writes that make a tenant."""
        key = _key(tenant.id)
        row: Row = {"pk": key.pk, "sk": key.sk, "id": tenant.id, "name": tenant.name, "status": tenant.status}
        row |= {"created_at": tenant.created_at, "list_pk": _LISTING, "list_sk": list_sk(tenant.created_at, tenant.id)}
        row |= {f"limit_{name}": value for name, value in tenant.limits.items()}
        return [writes.put(row, writes.ABSENT), self._holdings.begun(Space(tenant.id))]

    def find(self, tenant_id: str) -> Tenant | None:
        """The tenant as it is now."""
        row = self._table.get(_key(tenant_id))
        return None if row is None else tenant_of(row)

    def recent(self, tenant_id: str) -> Tenant | None:
        """The tenant as it was at most ``FRESH_SECONDS`` ago."""
        return self._recent.get(tenant_id, lambda: self.lookup(tenant_id).read())

    def lookup(self, tenant_id: str) -> Lookup[Tenant | None]:
        """Reads the tenant as it is now, together with something else; it is ``recent`` then."""
        own, space, at = _key(tenant_id), Space(tenant_id), self._holdings.clock()

        def found(rows: Rows) -> Tenant | None:
            self._holdings.learn(space, rows.get(key_of(space)), at)
            tenant = tenant_of(rows[own]) if own in rows else None
            self._recent.keep(tenant_id, tenant)
            return tenant

        return Lookup(self._table, (own, key_of(space)), found)

    def change(
        self, tenant_id: str, *, name: str | None = None, status: Status | None = None, limits: dict[str, int | None]
    ) -> Tenant:
        """Set what is given; a limit of None returns to the server's. Raises TenantNotFound, TenantClosed."""
        changes: dict[str, Scalar | None] = {f"limit_{key}": value for key, value in limits.items()}
        changes |= {key: value for key, value in (("name", name), ("status", status)) if value is not None}
        condition = writes.PRESENT & writes.compare("status", "<>", "closed")
        try:
            row = self._table.write(writes.update(_key(tenant_id), changes, condition), returning=True)
        except ConditionFailed as failure:
            if failure.row is None:
                raise TenantNotFound(f"no tenant {tenant_id}") from failure
            raise TenantClosed("the tenant is closed") from failure
        finally:
            self._recent.drop(tenant_id)
        return tenant_of(row)

    def page(self, window: Window) -> Found:
        """Tenants, newest first."""
        return read_lists(self._table, [_LISTING], window)
