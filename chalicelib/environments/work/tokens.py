"""Session tokens: they name the item they came with, so that one read tells what they are good for."""

import re
import secrets
import uuid
from dataclasses import dataclass

TOKEN_PREFIX = "lmbs_"
_RANDOM_BYTES = 32
_FORM = re.compile(r"lmbs_([0-9a-f]{32})([0-9a-f]{32})([0-9a-f]{32})_(\d{1,9})_[\w-]{20,}")


@dataclass(frozen=True, slots=True)
class TokenName:
    """Whose token it is: of which offer of which item."""

    tenant: str
    environment: str
    work: str
    claim: int

    def mint(self) -> str:
        """A fresh token for it."""
        ids = "".join(one.replace("-", "") for one in (self.tenant, self.environment, self.work))
        return f"{TOKEN_PREFIX}{ids}_{self.claim}_{secrets.token_urlsafe(_RANDOM_BYTES)}"


def name_of(token: str) -> TokenName | None:
    """What the token says of itself; whether it is genuine, only its item knows."""
    found = _FORM.fullmatch(token)
    if found is None:
        return None
    tenant, environment, work = (str(uuid.UUID(text)) for text in found.group(1, 2, 3))
    return TokenName(tenant, environment, work, int(found.group(4)))
