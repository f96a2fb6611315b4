"""What may be done with sessions."""

from collections.abc import Callable, Sequence
from copy import deepcopy
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from chalicelib.canaries import counters
from chalicelib.core.clock import now_ms
from chalicelib.core.ids import derive_id, new_id
from chalicelib.core.metadata import patched
from chalicelib.events import drafts
from chalicelib.events.event import Draft, Event
from chalicelib.events.log import LogMoved, SessionRef, Tail
from chalicelib.events.projections.conversation import Conversation
from chalicelib.memory.attaching import store_ids
from chalicelib.sessions import budgets, input_records, seats
from chalicelib.sessions.closing import close_calls, close_threads, interrupted_run
from chalicelib.sessions.errors import SessionEnded, SessionNotFound, SessionRunning, ToolsInUse
from chalicelib.sessions.inbox import Inbox, due_of
from chalicelib.sessions.inputs import Input, Manner, Receipt
from chalicelib.sessions.model import Head, Session, Spec, Thread
from chalicelib.sessions.planning import Planner
from chalicelib.sessions.store import Loaded, SessionStore
from chalicelib.spending.gate import OPEN, Gate
from chalicelib.spending.limits import Spender
from chalicelib.spending.unbilled import unbilled_writes
from chalicelib.storage.errors import StorageBusy, TransactionRefused
from chalicelib.storage.keys import Space
from chalicelib.storage.listing import Window
from chalicelib.storage.writes import Write

_TRIES = 40
Change = Callable[[Head, Loaded], tuple[list[Draft], list[Write]]]
ResourceChange = Callable[[list[dict[str, Any]]], list[dict[str, Any]]]


class Scoped(Protocol):
    """What a session leaves behind outside its own rows."""

    def delete_scope(self, space: Space, session_id: str) -> None:
        """Remove everything that belongs to the session."""
        ...


@dataclass(frozen=True, slots=True)
class SessionDraft:
    """A session to be made; everything in it is checked already. ``seed`` makes repeated requests meet."""

    agent: dict[str, Any]
    environment_id: str
    environment: dict[str, Any] | None = None
    title: str | None = None
    metadata: dict[str, str] = field(default_factory=dict)
    resources: list[dict[str, Any]] = field(default_factory=list)
    vault_ids: list[str] = field(default_factory=list)
    skills: list[dict[str, Any]] = field(default_factory=list)
    notices: list[dict[str, Any]] = field(default_factory=list)
    budget: str | None = None
    max_running_seconds: int | None = None
    end_user: str | None = None
    initial: Sequence[Input] = ()
    manner: Manner = field(default_factory=Manner)
    seed: str | None = None
    deployment_id: str | None = None
    trial: str | None = None


@dataclass(frozen=True, slots=True)
class SessionUpdate:
    """What to change; None leaves as it is. ``title`` and ``budget`` (whole US cents as decimal text) are lists of one
    so that None can be set."""

    title: list[str | None] | None = None
    budget: list[str | None] | None = None
    metadata: dict[str, str | None] | None = None
    tools: list[dict[str, Any]] | None = None
    mcp_servers: list[dict[str, Any]] | None = None


class SessionService:
    """Create, read, change, end and remove sessions. Every error is one of ``sessions.errors`` or of storage."""

    def __init__(self, store: SessionStore, inbox: Inbox, scoped: Scoped, gate: Gate = OPEN) -> None:
        self._store = store
        self._inbox = inbox
        self.scoped = scoped
        self._gate = gate

    def new_id(self, space: Space, seed: str | None) -> str:
        """The id a session will have: fresh, or the same for the same seed."""
        return new_id() if seed is None else derive_id(space.tenant, "session", seed)

    def create(self, space: Space, draft: SessionDraft, session_id: str) -> Session:
        """Make the session, with its first inputs if there are any, in one step."""
        ref, now = SessionRef(space, session_id), now_ms()
        head = _new_head(ref, draft, now)
        given = (draft.environment, draft.resources, draft.vault_ids, draft.skills)
        spec = Spec(draft.agent, draft.agent["origin"], *given)
        planner = Planner(self._store, ref, Loaded(head, Tail()), draft.manner, self._inbox.workers)
        for position, item in enumerate(draft.initial):
            planner.take(item, position)
        try:
            self._write_new(ref, planner, spec)
        except (TransactionRefused, LogMoved):
            return self._store.get(ref)
        if planner.rings:
            self._inbox.ring(ref)
        return Session(planner.head, spec)

    def _write_new(self, ref: SessionRef, planner: Planner, spec: Spec) -> None:
        head, records = planner.head, planner.records
        writes = [] if not planner.rows else list(planner.rows)
        news = [Event(0, head.created_at, "session.created", {}, ref.id)]
        if records:
            head.rev = len(records)
            first, events = self._store.log.segment_write(ref, Tail(), records)
            writes.append(first)
            news += events
        writes += self._store.log.tell(ref, news)
        created = self._store.create_writes(ref, head, spec, due_of(head, now_ms()))
        self._store.table.transact([*created, *writes, *counters.session_write(ref, head)])

    def get(self, ref: SessionRef) -> Session:
        """One session. Raises SessionNotFound."""
        return self._store.get(ref)

    def page(self, space: Space, window: Window, keep: Callable[[Head], bool]) -> tuple[list[Session], bool]:
        """Sessions of a slice of the tenant's list that ``keep`` accepts, and whether more follow."""
        return self._store.page(space, window, keep)

    def _change(self, ref: SessionRef, change: Change) -> Head:
        """Apply a change to the head and write it with its records; ``change`` may be called several times."""
        for _ in range(_TRIES):
            loaded = self._store.load(ref, inbox=True)
            head = deepcopy(loaded.head)
            records, more = change(head, loaded)
            if not records:
                return head
            head.rev = loaded.tail.next_seq + len(records) - 1
            head.updated_at = now_ms()
            left = seats.left(ref.space, head)
            write = self._store.head_write(ref, head, loaded.head.rev, due_of(head, now_ms()))
            try:
                self._store.log.append(ref, loaded.tail, records, [write, *left, *more])
            except (LogMoved, TransactionRefused):
                continue
            return head
        raise StorageBusy("the session is written by too many at once")

    def update(self, ref: SessionRef, wanted: SessionUpdate, *, drop_empty: bool) -> Session:
        """Change title, metadata, and of an idle session the tools; ``drop_empty`` removes metadata set to "".

        A run that waited for a larger budget goes on. Raises SessionNotFound, SessionEnded, ToolsInUse, BadBudget.
        """
        spec = self._store.spec(ref)
        agent = _changed_agent(spec, wanted)

        def change(head: Head, _loaded: Loaded) -> tuple[list[Draft], list[Write]]:
            if head.ended:
                raise SessionEnded("the session is archived or terminated")
            news = _apply(head, wanted, drop_empty=drop_empty)
            resumed = budgets.resumed(head, now_ms())
            if agent is None:
                return ([Draft("session.updated", news), *resumed] if news else []), []
            if head.run is not None:
                raise ToolsInUse("agent: the tools of a session can change only while it is idle", field="agent")
            news["agent"] = agent
            return [Draft("session.updated", news), *resumed], [self._store.spec_write(ref, _with_agent(spec, agent))]

        head = self._change(ref, change)
        if head.run is not None and head.run.state == "queued":
            self._inbox.ring(ref)
        return Session(head, spec if agent is None else _with_agent(spec, agent))

    def archive(self, ref: SessionRef) -> Session:
        """End a resting session for good; a second call changes nothing. Raises SessionRunning while it works."""

        def change(head: Head, loaded: Loaded) -> tuple[list[Draft], list[Write]]:
            if head.archived_at is not None:
                return [], []
            if head.run is not None and not head.waiting:
                raise SessionRunning("the session is running; interrupt it first")
            ended, rested = _ended_waiting(head)
            ended += [input_records.removed(item, "archive", 0) for item in loaded.inbox]
            head.queued = 0
            head.archived_at = head.terminated_at = now_ms()
            head.rest({"type": "end_turn"}, head.archived_at)
            head.status, head.run, head.calls = "terminated", None, {}
            return [
                *ended,
                Draft("session.thread_status_terminated", drafts.primary_thread(head.agent_name)),
                Draft("session.status_terminated", {"reason": "archived"}),
            ], [
                self._store.release_environment(ref, head),
                *self._over(ref, head),
                *(self._store.inbox_removal(ref, item) for item in loaded.inbox),
                *(self._store.thread_write(ref, thread) for thread in rested),
                *counters.run_writes(ref, head, ended),
            ]

        head = self._change(ref, change)
        return Session(head, self._store.spec(ref))

    def delete(self, ref: SessionRef, *, even_running: bool) -> None:
        """Remove the session. Its readers see ``session.deleted``; whoever works on it stops at its next write.

        What its finished model calls cost stays in the report. Raises SessionNotFound, SessionRunning.
        """

        def change(head: Head, loaded: Loaded) -> tuple[list[Draft], list[Write]]:
            if head.run is not None and not head.waiting and not even_running:
                raise SessionRunning("the session is running; interrupt it first")
            left = [self._store.release_environment(ref, head), *self._over(ref, head), *self._spent(ref, loaded)]
            head.deleted_at = now_ms()
            head.status, head.run = "terminated", None
            return [Draft("session.deleted")], left

        self._change(ref, change)
        self.scoped.delete_scope(ref.space, ref.id)

    def _spent(self, ref: SessionRef, loaded: Loaded) -> list[Write]:
        """The writes that count what the run in hand has cost so far, which nobody does after its session is gone."""
        head, folded = loaded.head, Conversation()
        if head.run is not None and not head.waiting:
            for event in self._store.log.walk(ref, max(head.context_from - 1, 0)):
                folded.apply(event)
        spent = unbilled_writes(ref, folded.unbilled.models, head.end_user)
        return [*spent, *counters.dropped_write(ref, head, folded.unbilled.cost)]

    def _over(self, ref: SessionRef, head: Head) -> list[Write]:
        return self._inbox.workers.over(ref, head.environment_id) if head.self_hosted else []

    def set_resources(self, ref: SessionRef, change: ResourceChange) -> Spec:
        """Rewrite the resources of the spec. Raises SessionNotFound, SessionEnded and what ``change`` raises."""
        changed: list[Spec] = []

        def step(head: Head, _loaded: Loaded) -> tuple[list[Draft], list[Write]]:
            if head.ended:
                raise SessionEnded("the session is archived or terminated")
            spec = self._store.spec(ref)
            spec.resources = change(spec.resources)
            head.memory_stores = store_ids(spec.resources)
            changed[:] = [spec]
            note = Draft("files.changed", {"resources": [resource["id"] for resource in spec.resources]})
            return [note], [self._store.spec_write(ref, spec)]

        self._change(ref, step)
        return changed[0]

    def purge_deleted(self, ref: SessionRef, before: int) -> bool:
        """Remove the rows of a session that was deleted before that moment; whether there is one at all."""
        try:
            head = self._store.load(ref, even_deleted=True).head
        except SessionNotFound:
            return False
        if head.deleted_at is not None and head.deleted_at < before:
            self._store.purge(ref)
        return True

    def interrupt_done(self, ref: SessionRef, interrupt_id: str) -> bool:
        """Whether a request to stop is carried out, or the session is gone."""
        try:
            head = self._store.load(ref).head
            asked_for = [head.interrupt, *(thread.interrupt for thread in head.threads.values())]
        except SessionNotFound:
            return True
        return all(asked is None or asked.id != interrupt_id for asked in asked_for)

    def send(self, ref: SessionRef, items: Sequence[Input], manner: Manner) -> Receipt:
        """Accept input; see ``Inbox.accept``. Raises SpenderBlocked for all but requests to stop."""
        if any(item.type != "user.interrupt" for item in items):
            self._gate(ref.space, lambda: _spender(self._store.get(ref).head))
        return self._inbox.accept(ref, items, manner)

    def due(self, before: int) -> list[tuple[str, str]]:
        """(tenant, session) of the sessions the clock must look at by then."""
        return self._store.due(before)


def _spender(head: Head) -> Spender:
    return Spender((head.agent_id,), head.end_user)


def _ended_waiting(head: Head) -> tuple[list[Draft], list[Thread]]:
    """The end of a run that waited for answers that will not come, and the threads that end with it."""
    if head.run is None:
        return [], []
    closed = close_calls(head, head.run.id)
    threads, rested = close_threads(head, head.run.id)
    return [*closed, *threads, interrupted_run(head, "archive")], rested


def _new_head(ref: SessionRef, draft: SessionDraft, now: int) -> Head:
    return Head(
        id=ref.id,
        agent_id=draft.agent["id"],
        agent_version=draft.agent["version"],
        agent_name=draft.agent["name"],
        environment_id=draft.environment_id,
        created_at=now,
        updated_at=now,
        title=draft.title,
        metadata=draft.metadata,
        notices=draft.notices,
        deployment_id=draft.deployment_id,
        memory_stores=store_ids(draft.resources),
        self_hosted=((draft.environment or {}).get("config") or {}).get("type") == "self_hosted",
        budget=draft.budget,
        max_running_seconds=draft.max_running_seconds,
        end_user=draft.end_user,
        trial=draft.trial,
    )


def _apply(head: Head, wanted: SessionUpdate, *, drop_empty: bool) -> dict[str, Any]:
    news: dict[str, Any] = {}
    if wanted.title is not None and wanted.title[0] != head.title:
        head.title = news["title"] = wanted.title[0]
    if wanted.metadata is not None:
        metadata = patched(head.metadata, wanted.metadata, blank_removes=drop_empty)
        if metadata != head.metadata:
            head.metadata = news["metadata"] = metadata
    if wanted.budget is not None and (wanted.budget[0] != head.budget or budgets.exhausted(head)):
        budgets.replace(head, wanted.budget[0])
        news["budget"] = budgets.shown(head)
    return news


def _changed_agent(spec: Spec, wanted: SessionUpdate) -> dict[str, Any] | None:
    agent = dict(spec.agent)
    if wanted.tools is not None:
        agent["tools"] = wanted.tools
    if wanted.mcp_servers is not None:
        agent["mcp_servers"] = wanted.mcp_servers
    return agent if agent != spec.agent else None


def _with_agent(spec: Spec, agent: dict[str, Any]) -> Spec:
    return replace(spec, agent=agent)
