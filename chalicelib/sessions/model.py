"""What a session is: a spec set by its client, and a head kept by whoever works on it."""

from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from chalicelib.core.ids import new_id
from chalicelib.sessions import outcomes as goals
from chalicelib.sessions.outcomes import Outcome

Status = Literal["idle", "running", "rescheduling", "terminated"]
Policy = Literal["steer", "queue"]
RunState = Literal["queued", "running", "waiting"]
CallKind = Literal["confirmation", "custom", "worker"]
ThreadStatus = Literal["running", "rescheduling", "waiting", "idle"]


@dataclass(slots=True)
class Call:
    """A tool use that waits, or waited in this run, for the client; ``answer`` is allow, deny or result.

    ``worker``: a worker of the environment runs it; one that is allowed first becomes a call of kind worker. ``mcp``:
    it is a tool of an MCP server. ``thread`` is the thread that made it, None the primary one.
    """

    kind: CallKind
    name: str
    answer: str | None = None
    worker: bool = False
    thread: str | None = None
    mcp: bool = False

    @property
    def done(self) -> bool:
        """Whether the result is in the log."""
        return self.answer is not None and self.kind != "confirmation"


@dataclass(slots=True)
class RunMark:
    """The run in hand: queued until claimed, waiting while the client has to answer.

    ``took`` tells that it has taken its input; ``attempt`` counts claims since it last made headway on its own.
    ``thread``: the run is for what a client wrote to that thread; the primary one has no part in it.
    """

    id: str
    state: RunState = "queued"
    attempt: int = 0
    started_at: int = 0
    took: bool = False
    thread: str | None = None


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
class Thread:
    """The conversation of another agent in the session. With work to do it stands in the head, else in its own row.

    ``agent`` tells who speaks, see ``agents.team``. ``use`` is the tool use it works for, None when a client wrote to
    it; ``step`` is that use's step. ``turns`` are the numbers from which its turns are read, ``first`` where the thread
    begins. ``counted``: it is one of the threads of which a session has only so many. Times are milliseconds.
    """

    id: str
    name: str
    agent: dict[str, Any]
    created_at: int
    updated_at: int
    first: int = 0
    turns: list[int] = field(default_factory=list)
    use: str | None = None
    step: str = ""
    begun_at: int = 0
    counted: bool = True
    status: ThreadStatus = "idle"
    stop_reason: dict[str, Any] | None = None
    interrupt: Interrupt | None = None
    totals: Totals = field(default_factory=Totals)
    active_since: int | None = None
    archived_at: int | None = None

    @property
    def working(self) -> bool:
        """Whether it can go on without the client."""
        return self.status in ("running", "rescheduling")

    def begin(self, seq: int, now: int, use: str | None = None, step: str = "") -> None:
        """A turn begins, to be read from that number."""
        self.first = self.first or seq
        self.turns.append(seq)
        self.use, self.step, self.begun_at = use, step, now
        self.go_on(now)

    def go_on(self, now: int) -> None:
        """It works from now on."""
        self.status, self.stop_reason, self.active_since, self.updated_at = "running", None, now, now

    def rest(self, stop_reason: dict[str, Any], now: int) -> None:
        """It waits for the client, or has nothing more to do."""
        self.status = "waiting" if stop_reason["type"] == "requires_action" else "idle"
        self.stop_reason, self.updated_at = stop_reason, now
        if self.active_since is not None:
            self.totals.active_ms += max(now - self.active_since, 0)
            self.active_since = None

    @staticmethod
    def restore(document: dict[str, Any]) -> "Thread":
        """The thread behind its stored form, ``asdict``."""
        fields = dict(document)
        fields["totals"] = Totals(**fields["totals"])
        if fields["interrupt"] is not None:
            fields["interrupt"] = Interrupt(**fields["interrupt"])
        return Thread(**fields)


@dataclass(slots=True)
class Head:
    """The changing part of a session, small, rewritten together with the log.

    ``notices`` are the warnings that the first run begins with.
    ``rev`` is the number of the last record written together with the head. ``calls`` are the client's calls of
    the run in hand, by event id. ``context_from`` is where reading begins to rebuild the context. ``self_hosted``:
    workers of the customer run the sandbox's tools. ``threads`` are those with work to do or waiting for the client;
    ``open_threads`` counts all that are not archived. ``deployment_id`` names the deployment that made the session,
    ``memory_stores`` are the ids of those attached. ``budget`` is whole US cents as decimal text;
    ``max_running_seconds`` the longest a run may take, waiting not counted; ``end_user`` for whom the agent works.
    ``forked_from`` names the session (core id) and the number of its record behind which this one goes on, and so does
    ``imported_from`` of one that came in a bundle. ``trial`` is the canary of the agent that counts what becomes of the
    session. ``seat`` is where the run is counted among those of the tenant that are at work.
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
    notices: list[dict[str, Any]] = field(default_factory=list)
    self_hosted: bool = False
    threads: dict[str, Thread] = field(default_factory=dict)
    open_threads: int = 0
    deployment_id: str | None = None
    memory_stores: list[str] = field(default_factory=list)
    outcomes: list[Outcome] = field(default_factory=list)
    budget: str | None = None
    max_running_seconds: int | None = None
    end_user: str | None = None
    forked_from: dict[str, Any] | None = None
    imported_from: dict[str, Any] | None = None
    trial: str | None = None
    seat: int | None = None
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

    def unanswered_of(self, thread: str | None) -> list[str]:
        """Those of them that one thread made."""
        return [event_id for event_id in self.unanswered if self.calls[event_id].thread == thread]

    @property
    def outcome(self) -> Outcome | None:
        """The outcome that is not decided yet."""
        return goals.active(self.outcomes)

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

    def begin_run(self, run_id: str | None = None, now: int = 0, thread: str | None = None) -> str:
        """Put a queued run in hand and show the session as running; ``thread`` as in ``RunMark``."""
        self.run = RunMark(run_id or new_id(), thread=thread)
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
        fields["threads"] = {one: Thread.restore(thread) for one, thread in fields.get("threads", {}).items()}
        fields["outcomes"] = [Outcome(**outcome) for outcome in fields.get("outcomes", ())]
        return Head(**fields)


ATTRIBUTES = ("rev", "fence", "lease_owner", "lease_at", "lease_until")


@dataclass(slots=True)
class Spec:
    """What the client asked for: agent and environment as they were then, resources, vaults, versions of skills.

    Rewritten only on an update.
    """

    agent: dict[str, Any]
    origin: str
    environment: dict[str, Any] | None = None
    resources: list[dict[str, Any]] = field(default_factory=list)
    vault_ids: list[str] = field(default_factory=list)
    skills: list[dict[str, Any]] = field(default_factory=list)


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
    thread: str | None = None
