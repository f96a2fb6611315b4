"""What endpoints and deliveries are."""

from dataclasses import dataclass, field
from typing import Literal

from chalicelib.webhooks import kinds

MOST_ENDPOINTS = 20
SECRET_OVERLAP_MS = 24 * 3600 * 1000
"""How long a secret goes on signing after it was rotated away."""

KEPT_SECRETS = 4
State = Literal["pending", "delivered", "failed"]


@dataclass(frozen=True, slots=True)
class OldSecret:
    """A sealed secret that was rotated away and signs until a moment (milliseconds)."""

    id: str
    sealed: str
    until: int


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A receiver. ``sealed`` is its secret, ``secret_id`` tells which it is; ``failing_since`` is when deliveries began
    to fail without any success since."""

    id: str
    url: str
    events: tuple[str, ...]
    created_at: int
    updated_at: int
    sealed: str = field(repr=False)
    secret_id: str = ""
    description: str | None = None
    enabled: bool = True
    disabled_reason: str | None = None
    failing_since: int | None = None
    old_secrets: tuple[OldSecret, ...] = field(default=(), repr=False)
    revision: int = 1

    def wants(self, kind: str) -> bool:
        """Whether it is told of this type of event."""
        return self.enabled and kinds.wanted(kind, self.events)

    def sealed_secrets(self, now: int) -> list[str]:
        """The sealed secrets that sign at a moment, the newest first."""
        return [self.sealed, *(old.sealed for old in self.old_secrets if old.until > now)]


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try. ``status`` is the receiver's, None without an answer; ``error`` why it did not work, else None."""

    at: int
    duration_ms: int
    status: int | None = None
    error: str | None = None


@dataclass(frozen=True, slots=True)
class Delivery:
    """One event on its way to one endpoint. ``place`` is where it stands in the queue while pending; ``subject`` groups
    what is sent in order; tries end at ``deadline``. Times in milliseconds."""

    id: str
    endpoint: str
    event_id: str
    event_type: str
    subject: str
    body: str
    created_at: int
    deadline: int
    state: State = "pending"
    place: str = ""
    next_at: int | None = None
    tries: int = 0
    stage: int = 0
    delivered_at: int | None = None
    reason: str | None = None
    attempts: tuple[Attempt, ...] = ()
