"""What who has no API key shows to use a sandbox: its id, and a proof that only this installation can make."""

import re
import uuid
from dataclasses import dataclass, field

from chalicelib.storage.keys import Space
from chalicelib.storage.secrets import SecretBox

_TOKEN = re.compile(r"([0-9a-f]{32})[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Holder:
    """A sandbox and its token, for requests that name none. ``created_at`` is in milliseconds."""

    space: Space
    sandbox_id: str
    created_at: int
    token: str = field(repr=False)


def token_of(secrets: SecretBox, tenant: str, sandbox_id: str) -> str:
    """The token of a sandbox, the same for its whole life."""
    return uuid.UUID(sandbox_id).hex + secrets.derive("sandbox-token", tenant, sandbox_id).hex()


def sandbox_of(token: str) -> str | None:
    """The sandbox that a token says it is for, genuine or not; None for what is no token."""
    found = _TOKEN.fullmatch(token)
    return None if found is None else str(uuid.UUID(found[1]))
