"""Where users, memberships and invitations are kept: outside every tenant's space, but for the list of its members."""

import hashlib

from chalicelib.core.clock import now_ms
from chalicelib.signin.addresses import same
from chalicelib.signin.model import Member, Membership, Role, User
from chalicelib.storage import writes
from chalicelib.storage.keys import SEPARATOR, Key, Space, system_partition
from chalicelib.storage.marshal import Row
from chalicelib.storage.table import Table

_TENANT = f"TENANT{SEPARATOR}"
_MEMBERS = "members"


def _user_key(user_id: str) -> Key:
    return Key(system_partition("user", user_id), "USER")


def _made_key(user_id: str) -> Key:
    return Key(system_partition("user", user_id), "MADE")


def _membership_key(user_id: str, tenant: str) -> Key:
    return Key(system_partition("user", user_id), _TENANT + tenant)


def _member_key(user_id: str, tenant: str) -> Key:
    return Space(tenant).key(_MEMBERS, sk=user_id)


def _invitations(email: str) -> str:
    return system_partition("invitation", hashlib.sha256(same(email).encode()).hexdigest())


def _put(key: Key, row: Row, condition: writes.Condition | None = None) -> writes.Write:
    return writes.put({"pk": key.pk, "sk": key.sk, **row}, condition)


class UserStore:
    """Rows of users and of what ties them to tenants."""

    def __init__(self, table: Table) -> None:
        self.table = table

    def find(self, user_id: str) -> User | None:
        """One user."""
        row = self.table.get(_user_key(user_id))
        if row is None:
            return None
        return User(row["id"], row["provider"], row["subject"], row["email"], row["name"], row["created_at"])

    def keep(self, user: User) -> writes.Write:
        """The write that makes or renews a user."""
        row = {"id": user.id, "provider": user.provider, "subject": user.subject, "email": user.email}
        return _put(_user_key(user.id), row | {"name": user.name, "created_at": user.created_at})

    def memberships(self, user_id: str) -> list[Membership]:
        """The tenants of a user, those joined first before others."""
        low = _membership_key(user_id, "")
        rows = self.table.walk(low.pk, low=low.sk, high=low.sk + "~")
        found = [Membership(row["tenant"], row["role"], row["created_at"]) for row in rows]
        return sorted(found, key=lambda one: (one.created_at, one.tenant))

    def join(self, user: User, tenant: str, role: Role, at_ms: int) -> list[writes.Write]:
        """The writes that make a user a member; they belong into one transaction."""
        both = {"tenant": tenant, "role": role, "created_at": at_ms}
        return [
            _put(_membership_key(user.id, tenant), both),
            _put(_member_key(user.id, tenant), both | {"user": user.id, "email": user.email}),
        ]

    def made(self, user_id: str) -> int:
        """How many tenants a user has had made, ever."""
        return int((self.table.get(_made_key(user_id)) or {}).get("made", 0))

    def one_more_made(self, user_id: str, below: int) -> writes.Write:
        """The write that counts a tenant that a user has had made; it demands that there were fewer."""
        few = writes.missing("made") | writes.compare("made", "<", below)
        return writes.update(_made_key(user_id), {}, few, add={"made": 1})

    def leave(self, user_id: str, tenant: str) -> list[writes.Write]:
        """The writes that end a membership; they demand that there is one."""
        return [
            writes.delete(_membership_key(user_id, tenant), writes.PRESENT),
            writes.delete(_member_key(user_id, tenant), writes.PRESENT),
        ]

    def is_member(self, user_id: str, tenant: str, role: Role) -> writes.Write:
        """Demands, within a transaction, that a user has a role in a tenant."""
        return writes.check(_membership_key(user_id, tenant), writes.PRESENT & writes.equals("role", role))

    def members(self, tenant: str) -> list[Member]:
        """The members of a tenant, those who joined first before others."""
        rows = self.table.walk(Space(tenant).partition(_MEMBERS))
        found = [Member(row["user"], row["email"], row["role"], row["created_at"]) for row in rows]
        return sorted(found, key=lambda one: (one.created_at, one.user))

    def invite(self, email: str, tenant: str, role: Role, until: int) -> writes.Write:
        """The write that lets the holder of an address join, until a moment in seconds."""
        row = {"tenant": tenant, "role": role, "expires_at": until}
        return _put(Key(_invitations(email), _TENANT + tenant), row)

    def invitations(self, email: str) -> list[Membership]:
        """The tenants that the holder of an address may join."""
        now = now_ms()
        rows = self.table.walk(_invitations(email))
        return [Membership(row["tenant"], row["role"], now) for row in rows if row["expires_at"] > now // 1000]

    def accept(self, email: str, tenant: str) -> writes.Write:
        """The write that ends an invitation, which must be there."""
        return writes.delete(Key(_invitations(email), _TENANT + tenant), writes.PRESENT)
