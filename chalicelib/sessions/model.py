"""What a session is: a spec set by its client, and a head kept by whoever works on it."""

from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from chalicelib.core.ids import new_id

Status = Literal["idle", "running", "rescheduling", "terminated"]
Policy = Literal["steer", "queue"]
RunState = Literal["queued", "running", "waiting"]
CallKind = Literal["confirmation", "custom", "worker"]


@dataclass(slots=True)
class Call:
    """A tool use that waits, or waited in this run, for the client; ``answer`` is allow, deny or result.

    ``worker``: a worker of the environment runs it; one that is allowed first becomes a call of kind worker.
    """

    kind: CallKind
    name: str
    answer: str | None = None
    worker: bool = False

    @property
    def done(self) -> bool:
        """Whether the result is in the log."""
        return self.answer is not None and self.kind != "confirmation"


@dataclass(slots=True)
class RunMark:
    """The run in hand: queued until claimed, waiting while the client has to answer.

    ``took`` tells that it has taken its input; ``attempt`` counts claims since it last made headway on its own.
    """

    id: str
    state: RunState = "queued"
    attempt: int = 0
    started_at: int = 0
    took: bool = False


@dataclass(slots=True)
class Interrupt:
    """A request to stop that has not been carried out: the record's number, and whether earlier inputs go too."""

    id: str
    seq: int
    drop_queued: bool
    echo: bool = True


@dataclass(slots=True)
class Totals:
    """Tokens, cost and time of all finished model calls; cost in US dollars as decimal text."""

    input_tokens: int = 0
    output_tokens: int = 0
    cache_read_input_tokens: int = 0
    cache_creation_input_tokens: int = 0
    cost: str = "0"
    active_ms: int = 0


@dataclass(slots=True)
class Head:
    """The changing part of a session, small, rewritten together with the log.

    ``rev`` is the number of the last record written together with the head. ``calls`` are the client's calls of
    the run in hand, by event id. ``context_from`` is where reading begins to rebuild the context. ``self_hosted``:
    workers of the customer run the sandbox's tools.
    """

    id: str
    agent_id: str
    agent_version: int
    agent_name: str
    environment_id: str
    created_at: int
    updated_at: int
    title: str | None = None
    metadata: dict[str, str] = field(default_factory=dict)
    status: Status = "idle"
    stop_reason: dict[str, Any] | None = None
    last_error: dict[str, Any] | None = None
    calls: dict[str, Call] = field(default_factory=dict)
    run: RunMark | None = None
    last_queued_run: str | None = None
    interrupt: Interrupt | None = None
    totals: Totals = field(default_factory=Totals)
    active_since: int | None = None
    context_from: int = 0
    queued: int = 0
    self_hosted: bool = False
    archived_at: int | None = None
    terminated_at: int | None = None
    deleted_at: int | None = None
    rev: int = 0
    fence: int = 0
    lease_owner: str = ""
    lease_at: int = 0
    lease_until: int = 0

    @property
    def unanswered(self) -> list[str]:
        """The ids of the calls the client still has to answer, in the order they were made."""
        return [event_id for event_id, call in self.calls.items() if call.answer is None]

    @property
    def awaits_worker(self) -> bool:
        """Whether a tool use is open that a worker has to run."""
        return any(call.kind == "worker" and call.answer is None for call in self.calls.values())

    @property
    def ended(self) -> bool:
        """Whether nothing may be sent to the session any more."""
        return self.status == "terminated" or self.archived_at is not None

    @property
    def waiting(self) -> bool:
        """Whether the run in hand waits for the client."""
        return self.run is not None and self.run.state == "waiting"

    def begin_run(self, run_id: str | None = None, now: int = 0) -> str:
        """Put a queued run in hand and show the session as running."""
        self.run = RunMark(run_id or new_id())
        self.status = "running"
        self.stop_reason = None
        self.active_since = now
        return self.run.id

    def rest(self, stop_reason: dict[str, Any], now: int) -> None:
        """Show the session as idle; the time it was active is added up."""
        self.status = "idle"
        self.stop_reason = stop_reason
        if self.active_since is not None:
            self.totals.active_ms += max(now - self.active_since, 0)
            self.active_since = None

    def document(self) -> dict[str, Any]:
        """What of the head is stored as its document; the rest are attributes of the row."""
        document = asdict(self)
        for name in ATTRIBUTES:
            del document[name]
        return document

    @staticmethod
    def restore(document: dict[str, Any], row: dict[str, Any]) -> "Head":
        """The head behind a stored row."""
        fields = document | {name: row[name] for name in ATTRIBUTES if name in row}
        run, interrupt = fields["run"], fields["interrupt"]
        fields["calls"] = {event_id: Call(**call) for event_id, call in fields["calls"].items()}
        fields["run"] = None if run is None else RunMark(**run)
        fields["interrupt"] = None if interrupt is None else Interrupt(**interrupt)
        fields["totals"] = Totals(**fields["totals"])
        return Head(**fields)


ATTRIBUTES = ("rev", "fence", "lease_owner", "lease_at", "lease_until")


@dataclass(slots=True)
class Spec:
    """What the client asked for: agent and environment as they were then, resources, vaults.

    Rewritten only on an update.
    """

    agent: dict[str, Any]
    origin: str
    environment: dict[str, Any] | None = None
    resources: list[dict[str, Any]] = field(default_factory=list)
    vault_ids: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Session:
    """A session as doors show it."""

    head: Head
    spec: Spec


@dataclass(frozen=True, slots=True)
class QueuedInput:
    """An input that no run has taken: a row of the inbox."""

    sk: str
    id: str
    type: str
    data: dict[str, Any]
    policy: Policy
    run: str
    seq: int
    accepted_at: int
    door: str
