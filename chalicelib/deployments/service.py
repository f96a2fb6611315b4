"""What may be done with deployments."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from chalicelib.agents.service import AgentService
from chalicelib.core.clock import now_ms
from chalicelib.core.ids import new_id
from chalicelib.core.metadata import patched
from chalicelib.core.paging import Page
from chalicelib.deployments.configs import ResourceConfigs
from chalicelib.deployments.draft import DeploymentDraft
from chalicelib.deployments.errors import DeploymentArchived, DeploymentNotFound
from chalicelib.deployments.model import MANUAL, Deployment, StoredInput
from chalicelib.deployments.opening import opening_of
from chalicelib.deployments.store import DeploymentStore
from chalicelib.deployments.timing import Timing
from chalicelib.sessions.errors import AgentArchived
from chalicelib.sessions.opening import Opener, Opening
from chalicelib.storage.errors import StorageBusy, TransactionRefused
from chalicelib.storage.keys import Space
from chalicelib.storage.listing import Window
from chalicelib.storage.writes import Write
from chalicelib.webhooks.happening import SILENT, Announcer, Happening

_TRIES = 10
_OWN_WRITES = 2
_REFERENCES = frozenset(("agent", "environment_id", "initial", "resources", "vault_ids", "budget"))


@dataclass(frozen=True, slots=True)
class DeploymentFilter:
    """Which deployments a list shows; None takes any."""

    active: bool = True
    archived: bool = False
    agent_id: str | None = None
    paused: bool | None = None

    def takes(self, deployment: Deployment) -> bool:
        """Whether a deployment is one of them."""
        agent = self.agent_id is None or deployment.agent_id == self.agent_id
        return agent and (self.paused is None or self.paused == (deployment.paused is not None))


class DeploymentService:
    """Creates, changes, pauses and archives deployments."""

    def __init__(
        self,
        store: DeploymentStore,
        configs: ResourceConfigs,
        opener: Opener,
        agents: AgentService,
        timing: Timing,
        announcer: Announcer = SILENT,
    ) -> None:
        self._announcer = announcer
        self._store = store
        self._configs = configs
        self._opener = opener
        self._agents = agents
        self._timing = timing

    def create(self, space: Space, wanted: DeploymentDraft, deployment_id: str | None = None) -> Deployment:
        """A new deployment; with an id that exists already, the deployment that has it.

        Raises what opening such a session would raise.
        """
        own_id, now = deployment_id or new_id(), now_ms()
        named = self._named(space, own_id, wanted, None)
        made = Deployment.model_validate(
            {
                **wanted.plain(),
                **named,
                "metadata": patched({}, wanted.metadata, blank_removes=False),
                "id": own_id,
                "created_at": now,
                "updated_at": now,
                "next_at": self._timing.first(wanted.schedule, now),
            }
        )
        steps = self._store.insert(space, made, self._fires_at(made))
        try:
            active = self._agents.demand_active(space, made.agent_id)
            self._store.commit([*steps, active, *self._told(space, "created", own_id)])
        except TransactionRefused as refusal:
            if refusal.failed[0] < _OWN_WRITES:
                return self.get(space, own_id)
            raise _agent_archived() from refusal
        return made

    def get(self, space: Space, deployment_id: str) -> Deployment:
        """One deployment, also an archived one. Raises DeploymentNotFound."""
        found = self._store.find(space, deployment_id)
        if found is None:
            raise DeploymentNotFound
        return found

    def page(self, space: Space, window: Window, wanted: DeploymentFilter) -> Page[Deployment]:
        """Deployments by creation; ``next`` is the position to go on after."""
        found = self._store.page(space, window, active=wanted.active, archived=wanted.archived, wanted=wanted.takes)
        following = found.rows[-1]["list_sk"] if found.more else None
        return Page([self._store.restored(row) for row in found.rows], following)

    def update(self, space: Space, deployment_id: str, wanted: DeploymentDraft) -> Deployment:
        """The deployment after the change; what was not given stays.

        Raises DeploymentNotFound, DeploymentArchived, and what opening such a session would raise.
        """

        def change(current: Deployment) -> Deployment:
            news = wanted.plain()
            if wanted.given & _REFERENCES:
                news |= self._named(space, deployment_id, wanted, current)
            if "metadata" in wanted.given:
                blank = wanted.blank_removes
                news["metadata"] = patched(current.metadata, wanted.metadata, blank_removes=blank)
            return current.model_copy(update=news)

        return self._changed(space, deployment_id, change)

    def pause(self, space: Space, deployment_id: str) -> Deployment:
        """No runs by schedule until ``unpause``. Raises DeploymentNotFound, DeploymentArchived."""
        return self._changed(space, deployment_id, lambda one: one.model_copy(update={"paused": one.paused or MANUAL}))

    def unpause(self, space: Space, deployment_id: str) -> Deployment:
        """Runs by schedule again, from the next moment on. Raises DeploymentNotFound, DeploymentArchived."""
        return self._changed(space, deployment_id, lambda one: one.model_copy(update={"paused": None}))

    def pause_for(self, space: Space, seen: Deployment, error: str) -> None:
        """Pause a deployment whose runs fail for good, unless somebody has changed it meanwhile."""
        if seen.paused is None and seen.archived_at is None:
            self._write(space, seen, self._succeeding(seen, seen.model_copy(update={"paused": error})))

    def archive(self, space: Space, deployment_id: str) -> Deployment:
        """Archive for good; a second call changes nothing. Raises DeploymentNotFound."""
        for _ in range(_TRIES):
            current = self.get(space, deployment_id)
            if current.archived_at is not None:
                return current
            told = self._told(space, "archived", deployment_id)
            if self._store.committed([*self._store.archive(space, current, now_ms()), *told]):
                return self.get(space, deployment_id)
        raise StorageBusy("the deployment is changed by too many at once")

    def _changed(self, space: Space, deployment_id: str, change: Callable[[Deployment], Deployment]) -> Deployment:
        for _ in range(_TRIES):
            current = self.get(space, deployment_id)
            if current.archived_at is not None:
                raise DeploymentArchived
            changed = change(current)
            if changed == current:
                return current
            if self._write(space, current, self._succeeding(current, changed)):
                return self.get(space, deployment_id)
        raise StorageBusy("the deployment is changed by too many at once")

    def _succeeding(self, before: Deployment, changed: Deployment) -> Deployment:
        """The next revision; its schedule counts from now on if it is another one or was paused."""
        now = now_ms()
        facts: dict[str, Any] = {"revision": before.revision + 1, "updated_at": now}
        if changed.schedule != before.schedule or changed.paused != before.paused:
            facts["next_at"] = self._timing.first(changed.schedule, now) if changed.fires else None
        return changed.model_copy(update=facts)

    def _write(self, space: Space, before: Deployment, changed: Deployment) -> bool:
        fires_at = self._fires_at(changed)
        if changed.paused != before.paused:
            told = self._told(space, "unpaused" if changed.paused is None else "paused", before.id)
            return self._store.committed([self._store.set_state(space, changed, before, fires_at), *told])
        steps, told = self._store.change(space, changed, before, fires_at), self._told(space, "updated", before.id)
        if changed.agent_id == before.agent_id:
            return self._store.committed([*steps, *told])
        try:
            self._store.commit([*steps, self._agents.demand_active(space, changed.agent_id), *told])
        except TransactionRefused as refusal:
            if len(steps) in refusal.failed:
                raise _agent_archived() from refusal
            return False
        return True

    def _fires_at(self, deployment: Deployment) -> int | None:
        return self._timing.fires_at(deployment.id, deployment.schedule, deployment.next_at)

    def _named(self, space: Space, own_id: str, wanted: DeploymentDraft, current: Deployment | None) -> dict[str, Any]:
        """The fields of a deployment that name other things, which are all looked up. Raises as ``Opener.check``."""
        agent, environment, vault_ids = self._opener.check(space, self._whole(space, wanted, current))
        named: dict[str, Any] = {"agent_id": agent.id, "agent_version": agent.version}
        named |= {"environment_id": environment.id, "vault_ids": vault_ids}
        if current is None or "resources" in wanted.given:
            named["resources"] = self._configs.kept(space, own_id, wanted.resources)
        if current is None:
            named["strict_skills"] = wanted.custom.strict_skills
        if current is None or "initial" in wanted.given:
            named["initial"] = [StoredInput(type=one.type, data=one.data) for one in wanted.initial]
            named["policy"] = wanted.policy
        return named

    def _whole(self, space: Space, wanted: DeploymentDraft, current: Deployment | None) -> Opening:
        """The session that is asked for, with what a change leaves as it was."""
        asked = Opening(
            agent=wanted.agent,
            environment_id=wanted.environment_id,
            resources=wanted.resources,
            vault_ids=wanted.vault_ids,
            initial=wanted.initial,
            budget=wanted.budget,
            policy=wanted.custom,
        )
        if current is None:
            return asked
        kept = opening_of(current, self._configs.whole(space, current.id, current.resources))
        named = {name: getattr(asked, name) for name in wanted.given & _REFERENCES}
        return replace(kept, **named)

    def _told(self, space: Space, what: str, deployment_id: str) -> list[Write]:
        return self._announcer.tell(space, Happening(f"deployment.{what}", deployment_id))


def _agent_archived() -> AgentArchived:
    return AgentArchived("agent: the agent is archived", field="agent", code="agent_archived")
