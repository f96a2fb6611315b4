"""A piece of work: a session that needs a worker of the customer, and who has it."""

from dataclasses import dataclass, field
from typing import Literal, NamedTuple

State = Literal["queued", "starting", "active", "stopping", "stopped"]
Kind = Literal["q", "o", "l", "s"]
"""Why an unfinished item stands where it does: queued, offered to a worker, leased by one, about to stop."""

NO_HEARTBEAT = "NO_HEARTBEAT"
"""What a worker expects as last heartbeat when it sends its first."""

SHORTEST_TTL, LONGEST_TTL = 1, 3600
KEPT_TOKENS = 6
_LONGEST_PAUSE = 60


class Place(NamedTuple):
    """Where an unfinished item stands in its environment's queue, by ``at`` (milliseconds).

    ``at`` is when it may be offered (queued), was offered, or when its lease ends (leased, stopping).
    """

    at: int
    kind: Kind
    created_at: int

    def text(self) -> str:
        """As it is stored: sorts by ``at``, and tells the rest without a look at the item."""
        return f"{self.at:013d}#{self.kind}#{self.created_at:013d}"

    @staticmethod
    def read(text: str) -> "Place":
        """The place behind stored text."""
        at, kind, created_at = text.split("#")
        return Place(int(at), kind, int(created_at))  # type: ignore[arg-type]


@dataclass(frozen=True, slots=True)
class Work:
    """An item of an environment's queue. Times are milliseconds.

    ``claim`` counts how often it was offered, ``tokens`` are the digests of the session tokens given out with the
    latest offers. ``tries`` counts the items in a row that were stopped while their session still waited for a worker.
    ``place`` is None once it is stopped.
    """

    id: str
    environment: str
    session: str
    created_at: int
    ttl: int
    state: State = "queued"
    place: Place | None = None
    metadata: dict[str, str] = field(default_factory=dict)
    claim: int = 0
    tries: int = 0
    tokens: tuple[str, ...] = ()
    offered_at: int | None = None
    acknowledged_at: int | None = None
    started_at: int | None = None
    heartbeat_at: int | None = None
    stop_requested_at: int | None = None
    stopped_at: int | None = None


@dataclass(frozen=True, slots=True)
class Offer:
    """An item as its worker gets it: the only time its session token exists outside the worker."""

    work: Work
    token: str


@dataclass(frozen=True, slots=True)
class Beat:
    """The outcome of a heartbeat."""

    work: Work
    extended: bool


@dataclass(frozen=True, slots=True)
class Stats:
    """What waits (``depth``), what was offered and not acknowledged (``pending``), who asked lately."""

    depth: int
    pending: int
    oldest_queued_at: int | None
    workers_polling: int


def pause_ms(tries: int) -> int:
    """How long an item waits that replaces one given up: longer with every one in a row."""
    return min(2 ** (tries - 1), _LONGEST_PAUSE) * 1000 if tries else 0
