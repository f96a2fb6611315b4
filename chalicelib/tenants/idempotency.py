"""Answers remembered by the key a client sent with its request, so that a repeat changes nothing."""

import hashlib
from dataclasses import dataclass

from chalicelib.core.clock import now_ms
from chalicelib.storage import writes
from chalicelib.storage.documents import Documents
from chalicelib.storage.errors import ConditionFailed
from chalicelib.storage.keys import Key, Space, system_partition
from chalicelib.storage.marshal import Row, Scalar
from chalicelib.storage.table import Table
from chalicelib.tenants.errors import KeyReused, RequestRunning

KEPT_SECONDS = 24 * 3600
RUNNING_SECONDS = 60
_NOUN = "idempotency"
_RETRY_MS = 500


@dataclass(frozen=True, slots=True)
class StoredAnswer:
    """The answer to the first request; ``body`` is its JSON text."""

    status: int
    body: str


def _key(tenant: str, scope: str, key: str) -> Key:
    digest = hashlib.sha256(f"{scope}\x1f{key}".encode()).hexdigest()
    partition = Space(tenant).partition(_NOUN, digest) if tenant else system_partition(_NOUN, digest)
    return Key(partition, "ANSWER")


class IdempotencyService:
    """Remembers for a day. A request that never ended can be taken up again after a minute, one that began before
    ``alone_since`` (milliseconds) at once: set where one process is known to be the only one."""

    def __init__(self, table: Table, documents: Documents, alone_since: int = 0) -> None:
        self._table = table
        self._documents = documents
        self._alone_since = alone_since // 1000

    def begin(self, tenant: str, scope: str, key: str, fingerprint: str, *, owner: str = "") -> StoredAnswer | None:
        """The first answer, or None when this request has to give it. ``owner`` tells it from others with the same key.

        Raises KeyReused, RequestRunning.
        """
        place = _key(tenant, scope, key)
        now = now_ms() // 1000
        row: Row = {"pk": place.pk, "sk": place.sk, "state": "running", "fingerprint": fingerprint, "owner": owner}
        row |= {"locked_until": now + RUNNING_SECONDS, "expires_at": now + KEPT_SECONDS}
        over = max(now, self._alone_since + RUNNING_SECONDS)
        abandoned = writes.equals("state", "running") & writes.compare("locked_until", "<", over)
        mine = writes.equals("fingerprint", fingerprint) & abandoned
        free = (writes.ABSENT | writes.compare("expires_at", "<=", now)) | mine
        try:
            self._table.write(writes.put(row, free))
        except ConditionFailed as failure:
            return self._met(failure.row or self._table.get(place) or row, fingerprint)
        return None

    def _met(self, row: Row, fingerprint: str) -> StoredAnswer:
        if row["fingerprint"] != fingerprint:
            raise KeyReused("the Idempotency-Key was used with another request", code="idempotency_key_reused")
        if row["state"] == "running":
            details = {"retry_after_ms": _RETRY_MS}
            raise RequestRunning("the first request with this Idempotency-Key is still running", details=details)
        return StoredAnswer(row["status"], self._documents.unpack(row))

    def renew(self, tenant: str, scope: str, key: str, *, owner: str) -> None:
        """Keep a request that takes long from being taken up by a repeat; nothing if it ended."""
        still_mine = writes.equals("state", "running") & writes.equals("owner", owner)
        changes: dict[str, Scalar | None] = {"locked_until": now_ms() // 1000 + RUNNING_SECONDS}
        try:
            self._table.write(writes.update(_key(tenant, scope, key), changes, still_mine))
        except ConditionFailed:
            return

    def finish(self, tenant: str, scope: str, key: str, answer: StoredAnswer) -> None:
        """Remember the answer."""
        changes: dict[str, Scalar | None] = {"state": "done", "status": answer.status, "locked_until": None}
        changes |= self._documents.pack(Space(tenant or "operator"), answer.body)
        try:
            self._table.write(writes.update(_key(tenant, scope, key), changes, writes.equals("state", "running")))
        except ConditionFailed:
            return  # a repeat that began after the lock ran out has answered first; its answer stands

    def abandon(self, tenant: str, scope: str, key: str, *, owner: str = "") -> None:
        """Forget a request that ended in an error, so that a repeat is tried afresh."""
        still_mine = writes.equals("state", "running") & writes.equals("owner", owner)
        try:
            self._table.write(writes.delete(_key(tenant, scope, key), still_mine))
        except ConditionFailed:
            return  # answered or forgotten already, or taken up by a repeat that began after the lock ran out
