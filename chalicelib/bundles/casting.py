"""Who goes on with an imported session: the agent as the bundle pins it, or the one that was asked for."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from chalicelib.agents import team
from chalicelib.agents.errors import AgentNotFound
from chalicelib.agents.model import AgentVersion
from chalicelib.agents.policy import PLAIN, SDK
from chalicelib.agents.roster import named_members
from chalicelib.agents.service import AgentService
from chalicelib.agents.toolrules import settled
from chalicelib.bundles.checking import parsed
from chalicelib.bundles.errors import BundleNeeds, bad
from chalicelib.bundles.model import SESSION, ImportWanted, Missing, SessionCard
from chalicelib.core.errors import InvalidRequest, NotFound
from chalicelib.core.ids import dress, is_core_id
from chalicelib.environments.errors import EnvironmentNotFound
from chalicelib.environments.model import Environment
from chalicelib.environments.service import EnvironmentService
from chalicelib.sessions.budgets import BadBudget
from chalicelib.sessions.draft import AgentChoice
from chalicelib.sessions.opening import Opener, Opening
from chalicelib.skills.pinning import Pinned, pin
from chalicelib.skills.service import SkillService
from chalicelib.storage.keys import Space
from chalicelib.vaults.service import VaultService

Document = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Cast:
    """What a session is going to work with. ``same``: its agent is the one that the bundle pins."""

    pinned: Pinned
    environment: Environment
    vault_ids: list[str]
    same: bool
    missing: list[Missing]

    @property
    def agent(self) -> Document:
        """The agent as the session keeps it."""
        return self.pinned.agent


class Casting:
    """Finds what a bundle names among what the tenant has."""

    def __init__(
        self,
        agents: AgentService,
        environments: EnvironmentService,
        skills: SkillService,
        vaults: VaultService,
        opener: Opener,
        is_priced: Callable[[Space, str], bool],
    ) -> None:
        self._agents = agents
        self._environments = environments
        self._skills = skills
        self._vaults = vaults
        self._opener = opener
        self._is_priced = is_priced

    def cast(self, space: Space, card: SessionCard, wanted: ImportWanted) -> Cast:
        """Raises BundleNeeds for what has to be named, BadBundle, and what the opening of a session raises."""
        own = _pinned(card) if wanted.agent is None else None
        choice = wanted.agent or AgentChoice(id=self._known_agent(space, card))
        place = wanted.environment_id or self._known_environment(space, card)
        policy = wanted.policy if own is None else PLAIN
        opening = Opening(agent=choice, environment_id=place, vault_ids=wanted.vault_ids or (), policy=policy)
        chosen, environment, vaults = self._opener.check(space, opening)
        missing: list[Missing] = []
        if wanted.vault_ids is None:
            vaults = self._known_vaults(space, card.vault_ids, missing)
        if own is None:
            document = self._agents.pinned(space, chosen)
        else:
            self._agents.demand_served(space, {"agent.model": own.model})
            document = own.model_dump(mode="json") | {"roster": self._roster(space, card, own, missing)}
        self._demand_price(space, card, document)
        pinned = pin(self._skills, space, document, strict=policy.strict_skills)
        told = "this tenant does not have the skill in that version"
        missing += [Missing("skill", skill, told) for skill in pinned.missing]
        return Cast(pinned, environment, vaults, own is not None, missing)

    def _known_agent(self, space: Space, card: SessionCard) -> str:
        named = str(card.agent.get("id"))
        try:
            self._agents.get(space, named)
        except AgentNotFound as error:
            told = f"agent: this tenant does not have the agent {dress('agent', named)} of the bundle; name one"
            raise BundleNeeds(told, field="agent", code="agent_needed") from error
        return named

    def _known_environment(self, space: Space, card: SessionCard) -> str:
        try:
            return self._environments.get(space, card.environment_id).id
        except EnvironmentNotFound as error:
            named = dress("env", card.environment_id)
            told = f"environment_id: this tenant does not have the environment {named} of the bundle; name one"
            raise BundleNeeds(told, field="environment_id", code="environment_needed") from error

    def _known_vaults(self, space: Space, named: list[str], missing: list[Missing]) -> list[str]:
        known = []
        for vault_id in dict.fromkeys(named):
            try:
                self._vaults.check(space, [vault_id], "vault_ids")
            except (NotFound, InvalidRequest):
                missing.append(Missing("vault", vault_id, "this tenant does not have the vault, or it is archived"))
                continue
            known.append(vault_id)
        return known

    def _roster(self, space: Space, card: SessionCard, own: AgentVersion, missing: list[Missing]) -> Document:
        """The pinned agents that the agent may call; those the tenant does not have cannot be called."""
        given = card.agent.get("roster")
        roster: Document = {}
        for member in named_members(own.multiagent):
            key = f"{member.id}@{member.version}"
            if not isinstance(given, dict) or key not in given:
                raise bad(SESSION, "agent.roster: does not hold the agents that may be called")
            found = _version(given[key])
            if (found.id, found.version) != (member.id, member.version):
                raise bad(SESSION, "agent.roster: holds an agent in the place of another")
            roster[key] = found.model_dump(mode="json")
            try:
                self._agents.get(space, member.id)
            except AgentNotFound:
                missing.append(Missing("agent", member.id, "this tenant does not have the agent; it cannot be called"))
        return roster

    def _demand_price(self, space: Space, card: SessionCard, agent: Document) -> None:
        asked = team.models(agent) if card.budget is not None else ()
        if unpriced := [model for model in asked if not self._is_priced(space, model)]:
            raise BadBudget(
                f"agent.model: the price of {unpriced[0]!r} is not known, and the session has a budget",
                field="agent",
                code="model_not_budgetable",
            )


def _pinned(card: SessionCard) -> AgentVersion:
    """The agent as the bundle pins it. Raises BadBundle."""
    return _version({name: value for name, value in card.agent.items() if name != "roster"})


def _version(document: Any) -> AgentVersion:
    found = parsed(AgentVersion, document, SESSION)
    ids = [found.id, *([] if found.environment_id is None else [found.environment_id])]
    ids += [member.id for member in named_members(found.multiagent)]
    if not all(map(is_core_id, ids)) or found.version < 1:
        raise bad(SESSION, "agent: names something by what is no id")
    try:
        settled(found.tools, found.mcp_servers, SDK, tools_given=True)
    except InvalidRequest as error:
        raise bad(SESSION, f"agent.{error.message}") from error
    return found
