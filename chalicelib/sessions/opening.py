"""Opens sessions: everything a new one names is looked up and checked before the session is made of it."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from chalicelib.agents.model import AgentVersion
from chalicelib.agents.policy import PLAIN, Policy
from chalicelib.agents.service import AgentService
from chalicelib.agents.team import models
from chalicelib.agents.toolrules import settled
from chalicelib.core.errors import InvalidRequest
from chalicelib.core.ids import named_id, new_id, undress
from chalicelib.core.metadata import patched
from chalicelib.environments.model import Environment
from chalicelib.environments.service import EnvironmentService
from chalicelib.environments.work.resources import demand_mountable
from chalicelib.events.log import SessionRef
from chalicelib.files.service import FileService
from chalicelib.memory.attaching import placed
from chalicelib.sessions import named_files, rubrics
from chalicelib.sessions.attaching import Attaching
from chalicelib.sessions.budgets import BadBudget
from chalicelib.sessions.draft import AgentChoice
from chalicelib.sessions.errors import AgentArchived, EnvironmentArchived
from chalicelib.sessions.inputs import Input, Manner
from chalicelib.sessions.model import Session
from chalicelib.sessions.resource_drafts import AnyResource, MemoryResource
from chalicelib.sessions.resources import demand_apart
from chalicelib.sessions.service import SessionDraft, SessionService
from chalicelib.skills.pinning import Pinned, pin
from chalicelib.skills.service import SkillService
from chalicelib.spending.gate import OPEN, Gate
from chalicelib.spending.limits import MOST_END_USER, Spender
from chalicelib.storage.keys import Space
from chalicelib.vaults.errors import VaultNotFound
from chalicelib.vaults.service import VaultService


@dataclass(frozen=True, slots=True)
class Opening:
    """A session as somebody asks for it; ids in any dress. ``budget`` is whole US cents as decimal text; ``seed`` makes
    repeated requests meet one session; ``trial`` is the canary that chose the agent's version, where one did before."""

    agent: AgentChoice
    environment_id: str | None = None
    title: str | None = None
    metadata: dict[str, str] = field(default_factory=dict)
    resources: Sequence[AnyResource] = ()
    vault_ids: Sequence[str] = ()
    budget: str | None = None
    max_running_seconds: int | None = None
    end_user: str | None = None
    initial: Sequence[Input] = ()
    manner: Manner = field(default_factory=Manner)
    policy: Policy = PLAIN
    seed: str | None = None
    deployment_id: str | None = None
    trial: str | None = None

    @property
    def for_whom(self) -> str | None:
        """The end user."""
        return end_user_of(self.end_user, self.metadata)


def end_user_of(named: str | None, metadata: Mapping[str, str]) -> str | None:
    """For whom the agent works: whoever was named, or else whom the metadata name."""
    return named or (metadata.get("user_id") or "")[:MOST_END_USER] or None


class Opener:
    """Every way to a new session leads through ``open``."""

    def __init__(
        self,
        agents: AgentService,
        environments: EnvironmentService,
        vaults: VaultService,
        files: FileService,
        attaching: Attaching,
        sessions: SessionService,
        skills: SkillService,
        is_priced: Callable[[Space, str], bool],
        gate: Gate = OPEN,
    ) -> None:
        """``is_priced`` tells whether a model's list price is known; ``gate`` who may be worked for."""
        self._agents = agents
        self._environments = environments
        self._vaults = vaults
        self._files = files
        self._attaching = attaching
        self._sessions = sessions
        self._skills = skills
        self._is_priced = is_priced
        self._gate = gate

    def open(self, space: Space, wanted: Opening) -> Session:
        """Make the session; with initial inputs it is running at once.

        Raises NotFound, AgentArchived, EnvironmentArchived, VaultNotFound, VaultArchived, SpenderBlocked,
        InvalidRequest and the errors of ``sessions.errors``.
        """
        agent, environment, vaults = self._resolved(space, wanted, share=True)
        if wanted.initial:
            self._gate(space, lambda: Spender((agent.id,), wanted.for_whom))
        initial = rubrics.resolved(self._files, space, wanted.initial, "initial_events")
        named_files.check(self._files, space, initial, "initial_events")
        pinned = self._pinned(space, agent, wanted)
        draft = SessionDraft(
            agent=pinned.agent,
            environment_id=environment.id,
            environment=environment.model_dump(mode="json"),
            title=wanted.title,
            metadata=patched({}, wanted.metadata, blank_removes=False),
            vault_ids=vaults,
            skills=pinned.skills,
            notices=pinned.notices(),
            budget=wanted.budget,
            max_running_seconds=wanted.max_running_seconds,
            end_user=wanted.for_whom,
            initial=initial,
            manner=wanted.manner,
            seed=wanted.seed,
            deployment_id=wanted.deployment_id,
            trial=wanted.trial or agent.trial,
        )
        return self._made(space, draft, wanted)

    def check(self, space: Space, wanted: Opening) -> tuple[AgentVersion, Environment, list[str]]:
        """What a session would be made of (agent, environment, core ids of vaults), without making one.

        The agent without a version is the current one: what is pinned for later takes no part in canaries. Raises as
        ``open``.
        """
        self._attaching.check(space, wanted.resources)
        found = self._resolved(space, wanted, share=False)
        initial = rubrics.resolved(self._files, space, wanted.initial, "initial_events")
        named_files.check(self._files, space, initial, "initial_events")
        self._pinned(space, found[0], wanted)
        return found

    def _pinned(self, space: Space, agent: AgentVersion, wanted: Opening) -> Pinned:
        """The agent as the session keeps it, with the skills it has from now on. Raises BadBudget, UnknownSkill."""
        kept = self._agents.pinned(space, agent)
        if wanted.budget is not None:
            self._demand_prices(space, kept)
        return pin(self._skills, space, kept, strict=wanted.policy.strict_skills)

    def _resolved(self, space: Space, wanted: Opening, *, share: bool) -> tuple[AgentVersion, Environment, list[str]]:
        """Everything a session names, looked up and checked; ``share``: a canary may choose the version."""
        agent, environment = self._agent_and_environment(space, wanted, share=share)
        if wanted.agent.type == "agent_with_overrides":
            self._agents.demand_served(space, {"agent.model": wanted.agent.model})
        vaults = vault_ids(wanted.vault_ids)
        self._vaults.check(space, vaults, "vault_ids")
        if environment.config.type == "self_hosted":
            for place, resource in enumerate(wanted.resources):
                demand_mountable(resource.type, f"resources.{place}")
        return agent, environment, vaults

    def _demand_prices(self, space: Space, agent: dict[str, Any]) -> None:
        for model in models(agent):
            if not self._is_priced(space, model):
                raise BadBudget(
                    f"budget: the price of the model {model!r} is not known, so nothing can be budgeted",
                    field="budget",
                    code="model_not_budgetable",
                    details={"error_code": "model_not_budgetable"},
                )

    def _made(self, space: Space, draft: SessionDraft, wanted: Opening) -> Session:
        ref = SessionRef(space, self._sessions.new_id(space, wanted.seed))
        with self._attaching.kept_if_taken(space) as attached:
            for place, resource in _resources(wanted, draft.agent):
                others = list(attached)
                attached.append(self._attaching.attach(ref, resource, place, wanted.seed))
                demand_apart(others, attached[-1], place)
                attached[-1] = placed(others, attached[-1], place)
            return self._sessions.create(space, replace(draft, resources=attached), ref.id)

    def _agent_and_environment(self, space: Space, wanted: Opening, *, share: bool) -> tuple[AgentVersion, Environment]:
        """The pinned agent with the overrides of this session, and the environment."""
        found, environment = self._read(space, wanted.agent, wanted.environment_id)
        if share and wanted.agent.version is None:
            current = found
            found = self._agents.shared(space, current, wanted.for_whom or wanted.seed or new_id())
            if not wanted.environment_id and found.environment_id != current.environment_id:
                environment = self._own_environment(space, found)
        if found.archived_at is not None:
            raise AgentArchived("agent: the agent is archived", field="agent", code="agent_archived")
        agent = found if wanted.agent.type == "agent" else _overridden(found, wanted.agent, wanted.policy)
        return agent, _checked(environment)

    def _read(self, space: Space, choice: AgentChoice, place: str | None) -> tuple[AgentVersion, Environment | None]:
        """Both in one call of storage, unless the agent has to tell the environment."""
        agent = self._agents.lookup(space, named_id("agent", choice.id, "agent", "agent"), choice.version)
        if place:
            env_id = named_id("env", place, "environment_id", "environment")
            return agent.read_with(self._environments.lookup(space, env_id))
        found = agent.read()
        return found, self._own_environment(space, found)

    def _own_environment(self, space: Space, agent: AgentVersion) -> Environment | None:
        return self._environments.get(space, agent.environment_id) if agent.environment_id else None


def _resources(wanted: Opening, agent: dict[str, Any]) -> Iterator[tuple[str, AnyResource]]:
    """(field, resource): those asked for, and the store that belongs to the agent."""
    yield from ((f"resources.{place}", resource) for place, resource in enumerate(wanted.resources))
    named = {undress("memstore", one.memory_store_id) for one in wanted.resources if isinstance(one, MemoryResource)}
    if (own := agent["extra"].get("memory_store_id")) and undress("memstore", own) not in named:
        yield "agent", MemoryResource(memory_store_id=own)


def vault_ids(given: Sequence[str]) -> list[str]:
    """The core ids of vaults named for a session, in their order. Raises VaultNotFound."""
    found = []
    for position, text in enumerate(given):
        core, place = undress("vlt", text), f"vault_ids.{position}"
        if core is None:
            raise VaultNotFound(f"{place}: no such vault", field=place)
        found.append(core)
    return found


def _checked(found: Environment | None) -> Environment:
    if found is None:
        raise InvalidRequest("environment_id: field required", field="environment_id")
    if found.archived_at is not None:
        raise EnvironmentArchived(
            "environment_id: the environment is archived",
            field="environment_id",
            details={"error_code": "environment_archived"},
        )
    return found


def _overridden(found: AgentVersion, choice: AgentChoice, policy: Policy) -> AgentVersion:
    sent = choice.model_fields_set
    for name in ("model", "tools", "mcp_servers", "skills"):
        if name in sent and getattr(choice, name) is None:
            raise InvalidRequest(f"agent.{name}: cannot be null", field=f"agent.{name}")
    servers = choice.mcp_servers if choice.mcp_servers is not None else found.mcp_servers
    tools = choice.tools if choice.tools is not None else found.tools
    changes = {
        "model": choice.model or found.model,
        "system": (choice.system or None) if "system" in sent else found.system,
        "mcp_servers": servers,
        "tools": settled(list(tools), servers, policy, tools_given=choice.tools is not None),
        "skills": choice.skills if choice.skills is not None else found.skills,
    }
    return found.model_copy(update=changes)
