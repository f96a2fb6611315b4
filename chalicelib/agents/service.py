"""What may be done with agents."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from chalicelib.agents.building import Builder, KnowsSkills, NoSkills
from chalicelib.agents.draft import AgentCreate, AgentUpdate
from chalicelib.agents.errors import AgentArchived, AgentNotFound, AgentVersionNotFound, StaleVersion
from chalicelib.agents.model import AgentConfig, AgentVersion
from chalicelib.agents.parts import ModelConfig
from chalicelib.agents.policy import Policy
from chalicelib.agents.roster import named_members
from chalicelib.agents.rosterrules import RosterReader
from chalicelib.agents.store import AgentStore, Pair
from chalicelib.canaries.model import Canary
from chalicelib.core.clock import now_ms
from chalicelib.core.errors import NotFound
from chalicelib.core.ids import new_id
from chalicelib.core.paging import Page
from chalicelib.storage.errors import StorageBusy, TransactionRefused
from chalicelib.storage.keys import Space
from chalicelib.storage.listing import Window
from chalicelib.storage.lookup import Lookup
from chalicelib.storage.writes import Write
from chalicelib.webhooks.happening import SILENT, Announcer, Happening

_TRIES = 10
_OWN_WRITES = 2
LATEST = 1 << 40
"""Above every version number."""


class Environments(Protocol):
    """Counts the agents that have an environment as their default, so that it is not deleted under them."""

    def hold(self, space: Space, env_id: str) -> Write:
        """A write that fails unless the environment exists, and counts one agent more."""
        ...

    def release(self, space: Space, env_id: str) -> Write:
        """A write that counts one agent less."""
        ...


class KnowsModels(Protocol):
    """Tells which models a tenant's agents may name."""

    def demand_served(self, space: Space, models: dict[str, str]) -> None:
        """Whether agents may name these models, by field. Raises InvalidRequest."""
        ...


class Followers(Protocol):
    """What ends together with an agent."""

    def begin_ending(self, space: Space, agent_id: str) -> Write:
        """The write, for the transaction that archives the agent, after which they will end for certain."""
        ...

    def end(self, space: Space, agent_id: str) -> None:
        """End them now."""
        ...


@dataclass(frozen=True, slots=True)
class AgentFilter:
    """Which agents a list shows; ``name_part`` is compared without case."""

    active: bool = True
    archived: bool = True
    name_part: str = ""


class AgentService:
    """Creates, changes and archives agents; every effective change makes a version that never changes again."""

    def __init__(
        self,
        store: AgentStore,
        environments: Environments,
        skills_of: Callable[[Space], KnowsSkills] = lambda _space: NoSkills(),
        followers: Followers | None = None,
        models: KnowsModels | None = None,
        announcer: Announcer = SILENT,
    ) -> None:
        """``followers`` go when their agent does."""
        self._store = store
        self._followers = followers
        self._environments = environments
        self._skills_of = skills_of
        self._models = models
        self._announcer = announcer

    def create(self, space: Space, sent: AgentCreate, policy: Policy, agent_id: str | None = None) -> AgentVersion:
        """A new agent in version 1; with an id that exists already, the agent that has it.

        Raises InvalidRequest, BadRoster, NotFound (its environment).
        """
        own_id, now = agent_id or new_id(), now_ms()
        config = self._build(space, own_id, sent, policy, None)
        agent = _version(config, id=own_id, version=1, origin=policy.origin, created_at=now, updated_at=now)
        steps = [*self._store.insert(space, agent), *self._moved(space, None, config.environment_id)]
        try:
            self._store.commit([*steps, *self._told(space, "created", own_id)])
        except TransactionRefused as refusal:
            if refusal.failed[0] < _OWN_WRITES:
                return self.get(space, own_id)
            raise _no_environment() from refusal
        return agent

    def get(self, space: Space, agent_id: str, version: int | None = None) -> AgentVersion:
        """An agent in a version, or in its current one. Raises AgentNotFound, AgentVersionNotFound."""
        return self.lookup(space, agent_id, version).read()

    def lookup(self, space: Space, agent_id: str, version: int | None = None) -> Lookup[AgentVersion]:
        """As ``get``, to be read together with something else."""

        def demand(pair: Pair) -> AgentVersion:
            head, found = pair
            if head is None:
                raise AgentNotFound("no such agent")
            if found is None:
                raise AgentVersionNotFound(f"the agent has no version {version}")
            return found

        return self._store.lookup(space, agent_id, version).then(demand)

    def update(self, space: Space, agent_id: str, sent: AgentUpdate, policy: Policy) -> AgentVersion:
        """The agent after the change; unchanged, the same version.

        Raises AgentNotFound, AgentArchived, StaleVersion, InvalidRequest, BadRoster, NotFound (its environment).
        """
        for _ in range(_TRIES):
            current = self.get(space, agent_id)
            if sent.version is not None and sent.version != current.version:
                raise StaleVersion(f"version: the agent is at version {current.version}", field="version")
            if current.archived_at is not None:
                raise AgentArchived("an archived agent cannot be changed", code="agent_archived")
            config = self._build(space, agent_id, sent, policy, current.config())
            if config == current.config():
                return current
            changed = self._succeed(space, current, config)
            if changed is not None:
                return changed
        raise StorageBusy("the agent is changed by too many at once")

    def archive(self, space: Space, agent_id: str) -> AgentVersion:
        """Archive for good; a second call changes nothing. Raises AgentNotFound."""
        for _ in range(_TRIES):
            agent = self.get(space, agent_id)
            if agent.archived_at is not None:
                return agent
            now = now_ms()
            steps = [self._store.archive(space, agent, now), *self._moved(space, agent.environment_id, None)]
            if self._followers is not None:
                steps.append(self._followers.begin_ending(space, agent_id))
            try:
                self._store.commit([*steps, *self._told(space, "archived", agent_id)])
            except TransactionRefused:
                continue
            if self._followers is not None:
                self._followers.end(space, agent_id)
            return agent.model_copy(update={"archived_at": now})
        raise StorageBusy("the agent is changed by too many at once")

    def shared(self, space: Space, agent: AgentVersion, who: str) -> AgentVersion:
        """What a new session that names no version gets of an agent; ``who`` decides on which side of a canary."""
        if agent.canary is None or not agent.canary.running:
            return agent
        wanted = agent.canary.share(agent.id, who)
        version = wanted if wanted <= agent.version else agent.canary.stable
        found = agent if version == agent.version else self.get(space, agent.id, version)
        return found.with_canary(agent.canary)

    def set_canary(self, space: Space, agent: AgentVersion, canary: Canary, version: int | None) -> bool:
        """Keep a canary with an agent as it was read; False when that changed meanwhile.

        With a version, the agent is from now on what it was in that version: a new one, unless it is so already.
        """
        wanted = agent if version in (None, agent.version) else self.get(space, agent.id, version)
        if wanted.config() != agent.config():
            return self._succeed(space, agent, wanted.config(), canary) is not None
        return self._store.committed([self._store.canary_write(space, agent, canary)])

    def demand_active(self, space: Space, agent_id: str) -> Write:
        """The check, for a transaction of others, that an agent is not archived."""
        return self._store.demand_active(space, agent_id)

    def page(self, space: Space, window: Window, wanted: AgentFilter) -> Page[AgentVersion]:
        """Current versions, by the agents' creation; ``next`` is the position to go on after."""
        found = self._store.page(
            space,
            window,
            active=wanted.active,
            archived=wanted.archived,
            name_part=wanted.name_part.lower(),
        )
        following = found.rows[-1]["list_sk"] if found.more else None
        return Page([self._store.restored(row) for row in found.rows], following)

    def pinned(self, space: Space, agent: AgentVersion) -> dict[str, Any]:
        """An agent as a session keeps it: its JSON form, and under ``roster`` that of each agent it may use, by
        ``id@version``."""
        roster = {
            f"{member.id}@{member.version}": self.get(space, member.id, member.version).model_dump(mode="json")
            for member in named_members(agent.multiagent)
        }
        return agent.model_dump(mode="json") | {"roster": roster}

    def versions(self, space: Space, agent_id: str, *, before: int = LATEST, limit: int = 1000) -> Page[AgentVersion]:
        """Versions below ``before``, newest first; ``next`` is the lowest number shown. Raises AgentNotFound."""
        head = self.get(space, agent_id)
        items, more = self._store.versions(space, head, before=min(before, head.version + 1), limit=limit)
        return Page(items, str(items[-1].version) if more else None)

    def demand_served(self, space: Space, models: Mapping[str, ModelConfig | None]) -> None:
        """Whether the models that a client names, by field, can be had; None is not named. Raises InvalidRequest."""
        named = {field: model.id for field, model in models.items() if model is not None}
        if self._models is not None and named:
            self._models.demand_served(space, named)

    def _build(
        self,
        space: Space,
        own_id: str,
        sent: AgentCreate | AgentUpdate,
        policy: Policy,
        before: AgentConfig | None,
    ) -> AgentConfig:
        aux = sent.extension.aux_model if sent.extension else None
        self.demand_served(space, {"model": sent.model, "_oma.aux_model": aux})
        rosters = RosterReader(own_id, lambda other, version: self.get(space, other, version))
        return Builder(policy, self._skills_of(space), rosters, before).build(sent)

    def _succeed(
        self, space: Space, current: AgentVersion, config: AgentConfig, canary: Canary | None = None
    ) -> AgentVersion | None:
        """Write the next version; None when another change came first."""
        facts = {"id": current.id, "origin": current.origin, "created_at": current.created_at}
        agent = _version(config, **facts, version=current.version + 1, updated_at=now_ms())
        moved = self._moved(space, current.environment_id, config.environment_id)
        try:
            told = self._told(space, "updated", agent.id)
            self._store.commit([*self._store.succeed(space, agent, current, canary), *moved, *told])
        except TransactionRefused as refusal:
            if refusal.failed[0] < _OWN_WRITES:
                return None
            raise _no_environment() from refusal
        return agent

    def _told(self, space: Space, what: str, agent_id: str) -> list[Write]:
        return self._announcer.tell(space, Happening(f"agent.{what}", agent_id))

    def _moved(self, space: Space, old: str | None, new: str | None) -> Sequence[Write]:
        if old == new:
            return []
        holds = [self._environments.hold(space, new)] if new else []
        return holds + ([self._environments.release(space, old)] if old else [])


def _version(config: AgentConfig, **facts: object) -> AgentVersion:
    return AgentVersion.model_validate(config.model_dump() | facts)


def _no_environment() -> NotFound:
    return NotFound("environment_id: no such environment", field="environment_id", code="environment_not_found")
