"""The same request with the same key is carried out once and answered alike."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from chalicelib.core.errors import InvalidRequest
from chalicelib.core.ids import new_id
from chalicelib.storage.keys import Space
from chalicelib.storage.secrets import SecretBox
from chalicelib.tenants.idempotency import IdempotencyService, StoredAnswer

HEADER = "idempotency-key"
_LONGEST = 255
_OPERATOR = "operator"
_PURPOSE = "answer to be repeated"


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
    """The right to carry out a request under its key, taken by ``begin``; ends in ``finish`` or ``abandon``.

    With a ``box`` the answer is kept sealed, because it holds a secret.
    """

    store: IdempotencyService
    tenant: str
    scope: str
    key: str
    box: SecretBox | None = None
    own_id: str = field(default_factory=new_id)

    def begin(self, mark: str) -> StoredAnswer | None:
        """The answer given before, or None to go on. Raises Conflict."""
        found = self.store.begin(self.tenant, self.scope, self.key, mark, owner=self.own_id)
        if found is None or self.box is None:
            return found
        return replace(found, body=self.box.open_text(self._space, _PURPOSE, self._owner, found.body))

    def finish(self, status: int, body: bytes) -> None:
        """Keep the answer for the next time."""
        text = body.decode() if self.box is None else self.box.seal(self._space, _PURPOSE, self._owner, body)
        self.store.finish(self.tenant, self.scope, self.key, StoredAnswer(status, text))

    def renew(self) -> None:
        """It still is at work: repeats go on to wait."""
        self.store.renew(self.tenant, self.scope, self.key, owner=self.own_id)

    def abandon(self) -> None:
        """Let the next request with this key be carried out."""
        self.store.abandon(self.tenant, self.scope, self.key, owner=self.own_id)

    @property
    def _space(self) -> Space:
        return Space(self.tenant or _OPERATOR)

    @property
    def _owner(self) -> str:
        return f"{self.scope} {self.key}"
