"""Forks sessions. What a fork is made of is written first, its head last: until then nobody can see it."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from chalicelib.agents.model import AgentVersion
from chalicelib.agents.policy import Policy
from chalicelib.agents.service import AgentService
from chalicelib.core.clock import now_ms
from chalicelib.core.ids import derive_id, new_id, undress
from chalicelib.environments.service import EnvironmentService
from chalicelib.events.event import Event
from chalicelib.events.log import LogMoved, SessionRef, Tail
from chalicelib.files.service import FileService
from chalicelib.forks.belongings import Belongings
from chalicelib.forks.copying import Copied, LogCopier
from chalicelib.forks.errors import BadPoint
from chalicelib.forks.finishing import LAST_WRITES, last_of
from chalicelib.forks.heads import head_of, thread_of
from chalicelib.forks.model import Forked, ForkWanted
from chalicelib.forks.plans import PLAN, Plan, Plans
from chalicelib.forks.points import named, rest_before
from chalicelib.sessions import named_files, rubrics
from chalicelib.sessions.budgets import BadBudget
from chalicelib.sessions.draft import AgentChoice
from chalicelib.sessions.errors import EnvironmentArchived
from chalicelib.sessions.inbox import Inbox, due_of
from chalicelib.sessions.inputs import Input
from chalicelib.sessions.model import Head, Session, Spec
from chalicelib.sessions.opening import Opener, Opening
from chalicelib.sessions.planning import Planner
from chalicelib.sessions.service import Scoped
from chalicelib.sessions.store import Loaded, SessionStore
from chalicelib.skills.pinning import pin
from chalicelib.skills.service import SkillService
from chalicelib.spending.gate import Gate
from chalicelib.spending.limits import MOST_END_USER, Spender
from chalicelib.storage.errors import TransactionRefused
from chalicelib.storage.keys import Space
from chalicelib.storage.writes import Write


@dataclass(frozen=True, slots=True)
class ForkParts:
    """What forking needs of the other services."""

    store: SessionStore
    inbox: Inbox
    agents: AgentService
    environments: EnvironmentService
    skills: SkillService
    files: FileService
    opener: Opener
    belongings: Belongings
    copier: LogCopier
    plans: Plans
    scoped: Scoped
    gate: Gate
    is_priced: Callable[[Space, str], bool]


@dataclass(frozen=True, slots=True)
class _Ground:
    """What a fork begins with; its files are not older than ``since``."""

    source: Session
    spec: Spec
    plan: Plan
    notices: list[dict[str, Any]] | None
    since: int


class ForkService:
    """Makes new sessions that go on from a point of another one, which is left as it is, also while it works."""

    def __init__(self, parts: ForkParts) -> None:
        self._parts = parts

    def fork(self, source: SessionRef, wanted: ForkWanted) -> Forked:
        """The fork, usable at once. A repeat with the same seed finds it, or goes on where the first was cut off.

        Raises SessionNotFound, PointNotFound, BadPoint, InvalidRequest, NotFound, SpenderBlocked.
        """
        session = self._parts.store.get(source)
        fork_id = new_id() if wanted.seed is None else derive_id(source.space.tenant, "fork", source.id, wanted.seed)
        target = SessionRef(source.space, fork_id)
        spec, notices = self._spec(source.space, session, wanted)
        wanted = replace(wanted, initial=self._checked(source.space, session.head, spec, wanted))
        now, last = now_ms(), self._parts.store.load(source).tail.next_seq - 1
        plan, rested = self._planned(source, target, wanted, last)
        if not plan.done:
            since = now if plan.seq == last else session.head.created_at
            self._make(source, target, _Ground(session, spec, plan, notices, since), wanted, rested)
        made = self._parts.store.get(target)
        return Forked(made, plan.asked, plan.seq, (made.head.forked_from or {}).get("exact", False))

    def give_up(self, ref: SessionRef) -> None:
        """Remove what is there of a fork that was never finished, once its time is over."""
        if self._parts.plans.give_up(ref, now_ms()):
            self._parts.scoped.delete_scope(ref.space, ref.id)
            self._parts.store.purge(ref, last=PLAN)

    def _checked(self, space: Space, head: Head, spec: Spec, wanted: ForkWanted) -> list[Input]:
        environment = self._parts.environments.get(space, head.environment_id)
        if environment.archived_at is not None:
            raise EnvironmentArchived("the session's environment is archived", code="environment_archived")
        if wanted.initial:
            self._parts.gate(space, lambda: Spender((spec.agent["id"],), _end_user(head, wanted)))
        initial = rubrics.resolved(self._parts.files, space, wanted.initial, "initial_events")
        named_files.check(self._parts.files, space, initial, "initial_events")
        return initial

    def _planned(
        self, source: SessionRef, target: SessionRef, wanted: ForkWanted, last: int
    ) -> tuple[Plan, Event | None]:
        kept = self._parts.plans.find(target) if wanted.seed is not None else None
        log = self._parts.store.log
        if kept is None:
            asked = self._asked(source, wanted, last)
            point, _ = rest_before(log, source, asked)
            kept = self._parts.plans.claim(target, Plan(source.id, point, asked))
        elif not kept.done:
            kept = self._parts.plans.resume(target)
        return kept, rest_before(log, source, kept.seq)[1]

    def _asked(self, source: SessionRef, wanted: ForkWanted, last: int) -> int:
        if wanted.event_id is not None:
            return named(self._parts.store.log, source, last, wanted.event_id)
        if wanted.seq is None:
            return last
        if wanted.seq > last:
            raise BadPoint(f"seq: the session's log ends at {last}", field="seq")
        return wanted.seq

    def _spec(self, space: Space, source: Session, wanted: ForkWanted) -> tuple[Spec, list[dict[str, Any]] | None]:
        """The spec of the fork, its resources still those of the source, and the notices of another agent's skills."""
        spec, notices = source.spec, None
        if wanted.agent is not None:
            chosen = wanted.agent
            if chosen.version is None and (core := undress("agent", chosen.id)) is not None:
                current = self._parts.agents.get(space, core)
                chosen = chosen.model_copy(update={"version": current.version})
            agent = self._agent(space, source, chosen, wanted.policy)
            pinned = pin(
                self._parts.skills, space, self._parts.agents.pinned(space, agent), strict=wanted.policy.strict_skills
            )
            notices = pinned.notices()
            spec = replace(spec, agent=pinned.agent, origin=pinned.agent["origin"], skills=pinned.skills)
        if wanted.model is not None:
            self._parts.agents.demand_served(space, {"model": wanted.model})
            if source.head.budget is not None and not self._parts.is_priced(space, wanted.model.id):
                raise BadBudget(
                    f"model: the price of {wanted.model.id!r} is not known, and the session has a budget",
                    field="model",
                    code="model_not_budgetable",
                )
            spec = replace(spec, agent=spec.agent | {"model": wanted.model.model_dump(mode="json")})
        return spec, notices

    def _agent(self, space: Space, source: Session, choice: AgentChoice, policy: Policy) -> AgentVersion:
        opening = Opening(
            agent=choice, environment_id=source.head.environment_id, budget=source.head.budget, policy=policy
        )
        return self._parts.opener.check(space, opening)[0]

    def _make(
        self, source: SessionRef, target: SessionRef, ground: _Ground, wanted: ForkWanted, rested: Event | None
    ) -> None:
        copied = self._parts.copier.copy(source, target, ground.plan.seq)
        at = max(copied.at, ground.since)
        given = self._parts.belongings.give(source, target, ground.source.spec.resources, at)
        spec = replace(ground.spec, resources=given.resources)
        head = head_of(ground.source.head, target.id, copied, rested, spec)
        head.forked_from = {"session_id": source.id, "seq": copied.seq, "exact": given.exact}
        if ground.notices is not None:
            head.notices = ground.notices
        if wanted.agent is None:
            head.open_threads = self._threads(source, target, ground.source.head, copied)
        head.end_user = _end_user(head, wanted)
        head.title = wanted.title or head.title
        head.metadata = dict(wanted.metadata) if wanted.metadata is not None else head.metadata
        self._finish(target, head, spec, copied, wanted, given.rows)

    def _threads(self, source: SessionRef, target: SessionRef, head: Head, copied: Copied) -> int:
        """Copy the threads that had begun; how many of them are open."""
        store = self._parts.store
        known = {thread.id: thread for thread in store.threads(source)} | head.threads
        threads = [made for one in known.values() if (made := thread_of(one, copied)) is not None]
        store.table.put_many([store.thread_row(target, thread) for thread in threads])
        return sum(thread.counted and thread.archived_at is None for thread in threads)

    def _finish(
        self, target: SessionRef, head: Head, spec: Spec, copied: Copied, wanted: ForkWanted, files: list[list[Write]]
    ) -> None:
        """Make the fork visible: the last of the files' rows, the first inputs and the session in one step."""
        store, tail = self._parts.store, Tail(copied.seq + 1, copied.at)
        planner = Planner(store, target, Loaded(head, tail), wanted.manner, self._parts.inbox.workers)
        for position, item in enumerate(wanted.initial):
            planner.take(item, position)
        together = last_of(store.table, files, LAST_WRITES - len(planner.rows))
        news = [Event(0, head.created_at, "session.created", {}, target.id)]
        if planner.records:
            planner.head.rev = copied.seq + len(planner.records)
            first, events = store.log.segment_write(target, tail, planner.records)
            together.append(first)
            news += events
        created = store.create_writes(target, planner.head, spec, due_of(planner.head, now_ms()))
        steps = [self._parts.plans.done_write(target), *created, *planner.rows, *together]
        try:
            store.table.transact([*steps, *store.log.tell(target, news)])
        except (TransactionRefused, LogMoved):
            # A repeat of the same request was faster, or it was given up.
            store.get(target)
            return
        if planner.rings:
            self._parts.inbox.ring(target)


def _end_user(head: Head, wanted: ForkWanted) -> str | None:
    return ((wanted.metadata or {}).get("user_id") or "")[:MOST_END_USER] or head.end_user
