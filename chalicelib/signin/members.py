"""Which users belong to which tenants."""

from dataclasses import replace

from chalicelib.core.clock import now_ms
from chalicelib.core.errors import InvalidRequest
from chalicelib.core.ids import derive_id, new_id
from chalicelib.signin.addresses import is_address
from chalicelib.signin.errors import MemberNotFound, NotAMember, TenantsNotMade, TooManyTenants
from chalicelib.signin.model import SCOPES_OF, Member, Membership, Role, User
from chalicelib.signin.store import UserStore
from chalicelib.storage.errors import StorageBusy, TransactionRefused
from chalicelib.tenants.cache import Recent
from chalicelib.tenants.keys import KeyService
from chalicelib.tenants.model import MintedKey, Tenant
from chalicelib.tenants.register import FRESH_SECONDS, TenantRegister

INVITED_SECONDS = 7 * 24 * 3600
MOST_TENANTS = 50
_LONGEST_NAME = 80
_TRIES = 20


class Memberships:
    """What is read may be three seconds old, as with keys. ``makes_tenants``: whether users may have tenants made."""

    def __init__(self, store: UserStore, register: TenantRegister, keys: KeyService, *, makes_tenants: bool) -> None:
        self._store = store
        self._register = register
        self._keys = keys
        self._makes_tenants = makes_tenants
        self._recent: Recent[list[Membership]] = Recent(FRESH_SECONDS)

    def of(self, user_id: str) -> list[tuple[Membership, Tenant]]:
        """The memberships of a user in tenants that are active, the first one joined first."""
        found = self._recent.get(user_id, lambda: self._store.memberships(user_id)) or []
        tenants = [(one, self._register.recent(one.tenant)) for one in found]
        return [(one, tenant) for one, tenant in tenants if tenant is not None and tenant.active]

    def choose(self, user_id: str, wanted: str | None) -> tuple[Membership, Tenant]:
        """The membership in one tenant, or in the first one. Raises NotAMember."""
        found = self._chosen(user_id, wanted)
        if found is None:
            # It may have begun a moment ago, in another process.
            self._recent.drop(user_id)
            found = self._chosen(user_id, wanted)
        if found is None:
            raise NotAMember
        return found

    def _chosen(self, user_id: str, wanted: str | None) -> tuple[Membership, Tenant] | None:
        return next((pair for pair in self.of(user_id) if wanted in (None, pair[0].tenant)), None)

    def welcome(self, user: User) -> bool:
        """Keep a user who signs in, with the tenants they are invited to, or else one of their own.

        False when there is no tenant for them; then nothing is kept of who was not known before.
        """
        joined = self._store.memberships(user.id)
        invited = self._store.invitations(user.email)
        if joined or invited:
            self._store.table.write(self._store.keep(user))
        for invitation in invited:
            self._accept(user, invitation)
        self._recent.drop(user.id)
        if joined or self._store.memberships(user.id):
            return True
        return self._makes_tenants and self._settle(user)

    def _accept(self, user: User, invitation: Membership) -> None:
        accepted = self._store.accept(user.email, invitation.tenant)
        joining = self._store.join(user, invitation.tenant, invitation.role, invitation.created_at)
        try:
            self._store.table.transact([accepted, *joining])
        except TransactionRefused:
            return  # another sign-in of the same person was quicker

    def _settle(self, user: User) -> bool:
        tenant = Tenant(derive_id("personal tenant", user.id), user.name[:_LONGEST_NAME], "active", now_ms())
        steps = [self._store.keep(user), *self._register.inserts(tenant)]
        try:
            self._store.table.transact([*steps, *self._store.join(user, tenant.id, "owner", tenant.created_at)])
        except TransactionRefused:
            # Made by another sign-in just now, or long ago and left since.
            return bool(self._store.memberships(user.id))
        return True

    def make_tenant(self, user: User, name: str, seed: str | None) -> Tenant:
        """A tenant owned by a user; the same for the same ``seed``. Raises TenantsNotMade, TooManyTenants."""
        if not self._makes_tenants:
            raise TenantsNotMade
        tenant_id = new_id() if seed is None else derive_id("tenant", user.id, seed)
        tenant = Tenant(tenant_id, name[:_LONGEST_NAME].strip(), "active", now_ms())
        steps = [*self._register.inserts(tenant), *self._store.join(user, tenant.id, "owner", tenant.created_at)]
        for _ in range(_TRIES):
            # Others may be made at the same moment, but not more of them than there is room for besides this one.
            made = self._store.made(user.id)
            room = MOST_TENANTS - len(self._store.memberships(user.id))
            few = self._store.one_more_made(user.id, made + room)
            if room > 0 and self._store.table.transacted([*steps, few]):
                break
            if (found := self._register.find(tenant_id)) is not None:
                tenant = found
                break
            if room <= 0:
                raise TooManyTenants(f"a user may belong to {MOST_TENANTS} tenants")
        else:
            raise StorageBusy("the user has too many tenants made at once")
        self._recent.drop(user.id)
        return tenant

    def mint_key(self, user_id: str, tenant: str | None, name: str) -> MintedKey:
        """A key that may do in a tenant what the user may, for as long as they are in it. Raises NotAMember."""
        membership, _ = self.choose(user_id, tenant)
        demand = self._store.is_member(user_id, membership.tenant, membership.role)
        scopes = SCOPES_OF[membership.role]
        try:
            return self._keys.mint(membership.tenant, name, scopes, user=user_id, demands=[demand])
        except TransactionRefused:
            self._recent.drop(user_id)
            raise NotAMember from None

    def invite(self, tenant: str, email: str, role: Role) -> None:
        """Let the holder of an address join a tenant at their next sign-in within a week. Raises InvalidRequest."""
        if not is_address(email):
            raise InvalidRequest("email: must be an e-mail address", field="email")
        until = now_ms() // 1000 + INVITED_SECONDS
        self._store.table.write(self._store.invite(email, tenant, role, until))

    def members(self, tenant: str) -> list[Member]:
        """The members of a tenant."""
        return self._store.members(tenant)

    def remove(self, tenant: str, user_id: str) -> None:
        """End a membership, and the keys the user made in the tenant with it. Raises MemberNotFound."""
        try:
            self._store.table.transact(self._store.leave(user_id, tenant))
        except TransactionRefused:
            # Perhaps one whose removal was cut off before the keys went.
            self._keys.revoke_of(tenant, user_id)
            raise MemberNotFound("no such member of this tenant") from None
        self._recent.drop(user_id)
        self._keys.revoke_of(tenant, user_id)


def renewed(user: User | None, fresh: User) -> User:
    """A user as the provider knows them now, who keeps what they had before."""
    return fresh if user is None else replace(user, email=fresh.email, name=fresh.name)
