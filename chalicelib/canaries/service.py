"""Begins, shows and ends canaries; the agent's own row says which one there is."""

from collections.abc import Callable
from dataclasses import dataclass

from chalicelib.agents.errors import AgentArchived
from chalicelib.agents.model import AgentVersion
from chalicelib.agents.service import AgentService
from chalicelib.canaries.counters import Counts, counts_of
from chalicelib.canaries.errors import BadCanary, CanaryOver, CanaryRunning, NoCanary
from chalicelib.canaries.model import Canary, State
from chalicelib.core.clock import now_ms
from chalicelib.core.ids import new_id
from chalicelib.storage.errors import StorageBusy
from chalicelib.storage.keys import Space
from chalicelib.storage.table import Table

_TRIES = 10


@dataclass(frozen=True, slots=True)
class CanaryReport:
    """A canary, the agent's current version, and what was counted by version."""

    agent: AgentVersion
    canary: Canary
    counts: dict[int, Counts]


class CanaryService:
    """One canary an agent at a time."""

    def __init__(self, agents: AgentService, table: Table) -> None:
        self._agents = agents
        self._table = table

    def begin(self, space: Space, agent_id: str, version: int, percent: int, stable: int | None) -> CanaryReport:
        """Try a version, or change the share of the one that is tried.

        Raises AgentNotFound, AgentVersionNotFound, AgentArchived, BadCanary, CanaryRunning.
        """

        def step(agent: AgentVersion) -> tuple[Canary, int | None]:
            _demand_active(agent)
            against = stable or (agent.version if version != agent.version else version - 1)
            before = agent.canary if agent.canary is not None and agent.canary.running else None
            if before is not None and (before.version, stable or before.stable) != (version, before.stable):
                raise CanaryRunning("another canary is running; promote it or roll it back first")
            if before is not None:
                return Canary(before.id, version, before.stable, percent, before.started_at), None
            self._check(space, agent, version, against)
            return Canary(new_id(), version, against, percent, now_ms()), None

        return self._change(space, agent_id, step)

    def _check(self, space: Space, agent: AgentVersion, version: int, stable: int) -> None:
        if not 1 <= stable <= agent.version or version == stable:
            raise BadCanary("stable_version: needs another version of the agent to go on with", field="stable_version")
        if version > agent.version + 1:
            raise BadCanary(f"version: the agent is at version {agent.version}", field="version")
        for one in (version, stable):
            if one <= agent.version:
                self._agents.get(space, agent.id, one)

    def promote(self, space: Space, agent_id: str) -> CanaryReport:
        """What was tried is what all new sessions get.

        Raises AgentNotFound, AgentArchived, NoCanary, CanaryOver, BadCanary.
        """
        return self._end(space, agent_id, "promoted", lambda canary: canary.version)

    def roll_back(self, space: Space, agent_id: str) -> CanaryReport:
        """All new sessions get what the others got meanwhile.

        Raises AgentNotFound, AgentArchived, NoCanary, CanaryOver.
        """
        return self._end(space, agent_id, "rolled_back", lambda canary: canary.stable)

    def report(self, space: Space, agent_id: str) -> CanaryReport:
        """The latest canary, running or over. Raises AgentNotFound, NoCanary."""
        agent = self._agents.get(space, agent_id)
        canary = _demanded(agent)
        return CanaryReport(agent, canary, counts_of(self._table, space, canary.id))

    def _end(self, space: Space, agent_id: str, state: State, winner: Callable[[Canary], int]) -> CanaryReport:
        def step(agent: AgentVersion) -> tuple[Canary, int | None]:
            canary = _demanded(agent)
            if canary.state == state:
                return canary, None
            if not canary.running:
                raise CanaryOver(f"the canary was {canary.state.replace('_', ' ')} before")
            _demand_active(agent)
            if winner(canary) > agent.version:
                raise BadCanary(f"version {winner(canary)} of the agent does not exist yet")
            return canary.ended(state, now_ms()), winner(canary)

        return self._change(space, agent_id, step)

    def _change(
        self, space: Space, agent_id: str, step: Callable[[AgentVersion], tuple[Canary, int | None]]
    ) -> CanaryReport:
        """Write the canary that ``step`` gives, and make the version it gives what the agent is."""
        for _ in range(_TRIES):
            agent = self._agents.get(space, agent_id)
            canary, winner = step(agent)
            if canary == agent.canary or self._agents.set_canary(space, agent, canary, winner):
                return self.report(space, agent_id)
        raise StorageBusy("the agent is changed by too many at once")


def _demand_active(agent: AgentVersion) -> None:
    if agent.archived_at is not None:
        raise AgentArchived("an archived agent begins and ends no canary", code="agent_archived")


def _demanded(agent: AgentVersion) -> Canary:
    if agent.canary is None:
        raise NoCanary("the agent has no canary")
    return agent.canary
