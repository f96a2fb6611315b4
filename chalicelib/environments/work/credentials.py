"""Who calls with an environment key or a session token, and how far that reaches."""

from dataclasses import replace

from chalicelib.core.clock import now_ms
from chalicelib.core.principal import Bound, Principal
from chalicelib.environments.work.keys import KEY_PREFIX, EnvironmentKey, EnvironmentKeys
from chalicelib.environments.work.model import Work
from chalicelib.environments.work.store import WorkStore
from chalicelib.environments.work.tokens import TOKEN_PREFIX, TokenName, name_of
from chalicelib.storage.keys import Space
from chalicelib.tenants.cache import Recent
from chalicelib.tenants.model import digest_of
from chalicelib.tenants.register import FRESH_SECONDS, TenantRegister

_SCOPES = frozenset({"read", "write"})
_USE_NOTED_EVERY_MS = 3_600_000


def is_worker_secret(secret: str) -> bool:
    """Whether the text has the form of an environment key or a session token."""
    return secret.startswith((KEY_PREFIX, TOKEN_PREFIX))


class WorkerCredentials:
    """A revoked key, or the token of a stopped item, is refused at once here and in three seconds elsewhere."""

    def __init__(self, keys: EnvironmentKeys, store: WorkStore, register: TenantRegister) -> None:
        self.keys = keys
        self._store = store
        self._register = register
        self._recent: Recent[Principal] = Recent(FRESH_SECONDS)
        self._noted: dict[str, int] = {}

    def authenticate(self, secret: str) -> Principal | None:
        """The worker; None when the secret is not known or its tenant is not active."""
        digest = digest_of(secret)
        find = self._by_key if secret.startswith(KEY_PREFIX) else self._by_token
        principal = self._recent.get(digest, lambda: find(secret, digest))
        if principal is None:
            return None
        tenant = self._register.recent(principal.tenant)
        if tenant is None or not tenant.active:
            return None
        return replace(principal, tenant_name=tenant.name)

    def forget(self, digests: tuple[str, ...]) -> None:
        """Look these up anew when they are used again."""
        for digest in digests:
            self._recent.drop(digest)

    def revoke(self, space: Space, environment: str, key_id: str) -> None:
        """Make an environment key worthless. Raises EnvironmentKeyNotFound."""
        self.forget((self.keys.revoke(space, environment, key_id).digest,))

    def revoke_all(self, space: Space, environment: str) -> None:
        """Make every key of an environment worthless."""
        for key in self.keys.all(space, environment):
            self.keys.remove(key)
            self.forget((key.digest,))

    def _by_key(self, _secret: str, digest: str) -> Principal | None:
        key = self.keys.by_digest(digest)
        if key is None:
            return None
        self._note_use(key)
        return Principal(key.tenant, key.id, _SCOPES, bound=Bound(key.environment))

    def _note_use(self, key: EnvironmentKey) -> None:
        now = now_ms()
        if now - max(self._noted.get(key.id, 0), key.last_used_at or 0) >= _USE_NOTED_EVERY_MS:
            self._noted[key.id] = now
            self.keys.note_use(key, now)

    def _by_token(self, secret: str, digest: str) -> Principal | None:
        name = name_of(secret)
        if name is None:
            return None
        work = self._store.find(Space(name.tenant), name.environment, name.work)
        if work is None or digest not in work.tokens:
            return None
        return Principal(name.tenant, name.work, _SCOPES, bound=_reach(name, work))


def _reach(name: TokenName, work: Work) -> Bound:
    """A stopped item's token only learns that it is stopped: it opens no session any more."""
    session = "" if work.state == "stopped" else work.session
    return Bound(name.environment, work.id, session, name.claim)
