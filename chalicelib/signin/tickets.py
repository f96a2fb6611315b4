"""What ties the way back from a provider to the browser that set out: a cookie, and a state derived from it.

Nothing is stored until somebody comes back, so that setting out costs the server nothing.
"""

import base64
import binascii
import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass, field

from chalicelib.core.clock import now_ms
from chalicelib.signin.errors import UnknownState
from chalicelib.storage import writes
from chalicelib.storage.errors import ConditionFailed
from chalicelib.storage.keys import Key, system_partition
from chalicelib.storage.secrets import SecretBox
from chalicelib.storage.table import Table

SECONDS = 600
_FORM = re.compile(r"[\w-]{43}\.(\d{1,12})\.([\w-]{0,2000}=*)", re.ASCII)
_SLACK_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Ticket:
    """A sign-in under way. ``cookie`` stays in the browser, ``state`` and ``challenge`` go to the provider."""

    cookie: str = field(repr=False)
    state: str = field(repr=False)
    verifier: str = field(repr=False)
    return_to: str

    @property
    def challenge(self) -> str:
        """The verifier's S256 challenge."""
        return _text(hashlib.sha256(self.verifier.encode()).digest())


class Tickets:
    """Issues tickets and takes each back once."""

    def __init__(self, table: Table, box: SecretBox) -> None:
        self._table = table
        self._box = box

    def issue(self, provider: str, return_to: str) -> Ticket:
        """A ticket for one browser."""
        asked = base64.urlsafe_b64encode(return_to.encode()).decode()
        return self._ticket(provider, f"{secrets.token_urlsafe(32)}.{now_ms() // 1000}.{asked}", return_to)

    def take(self, provider: str, cookie: str | None, state: str) -> Ticket:
        """The ticket of a browser that came back, once. Raises UnknownState."""
        form = _FORM.fullmatch(cookie or "")
        if form is None or cookie is None:
            raise UnknownState
        try:
            return_to = base64.b64decode(form[2], altchars=b"-_", validate=True).decode()
        except (binascii.Error, UnicodeDecodeError):
            raise UnknownState from None
        ticket = self._ticket(provider, cookie, return_to)
        # Whoever knows the state of a cookie got both from here: the rest of the cookie is genuine, too.
        if not hmac.compare_digest(ticket.state.encode(), state.encode()):
            raise UnknownState
        now, issued = now_ms() // 1000, int(form[1])
        if now >= issued + SECONDS:
            raise UnknownState
        self._use(state, issued + SECONDS + _SLACK_SECONDS)
        return ticket

    def _ticket(self, provider: str, cookie: str, return_to: str) -> Ticket:
        state = _text(self._box.derive("sign-in state", provider, cookie))
        verifier = _text(self._box.derive("sign-in verifier", provider, cookie))
        return Ticket(cookie, state, verifier, return_to)

    def _use(self, state: str, until: int) -> None:
        key = Key(system_partition("sign-in-state", hashlib.sha256(state.encode()).hexdigest()), "USED")
        try:
            self._table.write(writes.put({"pk": key.pk, "sk": key.sk, "expires_at": until}, writes.ABSENT))
        except ConditionFailed:
            raise UnknownState from None


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")
