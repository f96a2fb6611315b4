"""The same request with the same key is carried out once and answered alike."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

from chalicelib.core.errors import InvalidRequest
from chalicelib.tenants.idempotency import IdempotencyService, StoredAnswer

HEADER = "idempotency-key"
_LONGEST = 255


def key_of(headers: Mapping[str, str]) -> str | None:
    """The key a request brings. Raises InvalidRequest."""
    key = headers.get(HEADER)
    if key is None:
        return None
    if not 1 <= len(key) <= _LONGEST or not all("!" <= letter <= "~" for letter in key):
        raise InvalidRequest("Idempotency-Key must be 1 to 255 visible ASCII characters", field="Idempotency-Key")
    return key


def fingerprint(raw_body: bytes, query: str) -> str:
    """What must be equal for two requests to be the same one."""
    return hashlib.sha256(query.encode() + b"\0" + raw_body).hexdigest()


@dataclass(frozen=True, slots=True)
class Claim:
    """The right to carry out a request under its key, taken by ``begin``; ends in ``finish`` or ``abandon``."""

    store: IdempotencyService
    tenant: str
    scope: str
    key: str

    def begin(self, mark: str) -> StoredAnswer | None:
        """The answer given before, or None to go on. Raises Conflict."""
        return self.store.begin(self.tenant, self.scope, self.key, mark)

    def finish(self, status: int, body: bytes) -> None:
        """Keep the answer for the next time."""
        self.store.finish(self.tenant, self.scope, self.key, StoredAnswer(status, body.decode()))

    def abandon(self) -> None:
        """Let the next request with this key be carried out."""
        self.store.abandon(self.tenant, self.scope, self.key)
