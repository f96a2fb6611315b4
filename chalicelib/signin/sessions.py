"""Sessions of browsers. The table knows a session's secret by its hash alone."""

import re
import secrets

from chalicelib.core.clock import now_ms
from chalicelib.signin.model import User, WebSession
from chalicelib.storage import writes
from chalicelib.storage.errors import ConditionFailed
from chalicelib.storage.keys import Key, system_partition
from chalicelib.storage.marshal import Row
from chalicelib.storage.table import Table
from chalicelib.tenants.cache import Recent
from chalicelib.tenants.model import digest_of
from chalicelib.tenants.register import FRESH_SECONDS

IDLE_SECONDS = 7 * 24 * 3600
ABSOLUTE_SECONDS = 30 * 24 * 3600
_SEEN_EVERY_MS = 3_600_000
_SECRET_BYTES = 32
_FORM = re.compile(r"[\w-]{43}", re.ASCII)


def _key(digest: str) -> Key:
    return Key(system_partition("web-session", digest), "SESSION")


def ends_at(session: WebSession) -> int:
    """When a session is over if nobody uses it again, in seconds."""
    return min(session.seen_at // 1000 + IDLE_SECONDS, session.created_at // 1000 + ABSOLUTE_SECONDS)


class WebSessions:
    """A session ends a week after its last use, a month after its beginning, or when it is ended: at once here, within
    three seconds in other processes."""

    def __init__(self, table: Table) -> None:
        self._table = table
        self._recent: Recent[WebSession] = Recent(FRESH_SECONDS)

    def begin(self, user: User) -> str:
        """A new session; its secret."""
        secret, now = secrets.token_urlsafe(_SECRET_BYTES), now_ms()
        session = WebSession(digest_of(secret), user.id, user.email, now, now)
        key = _key(session.digest)
        row: Row = {"pk": key.pk, "sk": key.sk, "user": user.id, "email": user.email}
        row |= {"created_at": now, "seen_at": now, "expires_at": ends_at(session)}
        self._table.write(writes.put(row, writes.ABSENT))
        return secret

    def find(self, secret: str) -> WebSession | None:
        """The session of a secret; None for one that is over or never was."""
        if not _FORM.fullmatch(secret):
            return None
        digest = digest_of(secret)
        session = self._recent.get(digest, lambda: self._read(digest))
        if session is None or ends_at(session) <= now_ms() // 1000:
            return None
        return self._seen(session)

    def end(self, secret: str) -> None:
        """Make a session's secret worthless."""
        if _FORM.fullmatch(secret):
            digest = digest_of(secret)
            self._table.write(writes.delete(_key(digest)))
            self._recent.drop(digest)

    def _read(self, digest: str) -> WebSession | None:
        row = self._table.get(_key(digest))
        if row is None:
            return None
        return WebSession(digest, row["user"], row["email"], row["created_at"], row["seen_at"])

    def _seen(self, session: WebSession) -> WebSession | None:
        now = now_ms()
        if now - session.seen_at < _SEEN_EVERY_MS:
            return session
        later = WebSession(session.digest, session.user, session.email, session.created_at, now)
        changes = {"seen_at": now, "expires_at": ends_at(later)}
        self._recent.drop(session.digest)
        try:
            self._table.write(writes.update(_key(session.digest), dict(changes), writes.PRESENT))
        except ConditionFailed:
            return None
        return later
