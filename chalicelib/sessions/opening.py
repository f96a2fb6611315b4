"""Opens sessions: everything a new one names is looked up and checked before the session is made of it."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from chalicelib.agents.model import AgentVersion
from chalicelib.agents.policy import PLAIN, Policy
from chalicelib.agents.service import AgentService
from chalicelib.agents.toolrules import settled
from chalicelib.core.errors import InvalidRequest, NotFound
from chalicelib.core.ids import undress
from chalicelib.core.metadata import patched
from chalicelib.environments.model import Environment
from chalicelib.environments.service import EnvironmentService
from chalicelib.environments.work.resources import demand_mountable
from chalicelib.events.log import SessionRef
from chalicelib.files.service import FileService
from chalicelib.sessions import named_files
from chalicelib.sessions.attaching import Attaching
from chalicelib.sessions.draft import AgentChoice
from chalicelib.sessions.errors import AgentArchived, EnvironmentArchived
from chalicelib.sessions.inputs import Input, Manner
from chalicelib.sessions.model import Session
from chalicelib.sessions.resource_drafts import AnyResource
from chalicelib.sessions.resources import demand_apart
from chalicelib.sessions.service import SessionDraft, SessionService
from chalicelib.storage.keys import Space
from chalicelib.vaults.errors import VaultNotFound
from chalicelib.vaults.service import VaultService


@dataclass(frozen=True, slots=True)
class Opening:
    """A session as somebody asks for it; ids in any dress. ``seed`` makes repeated requests meet one session."""

    agent: AgentChoice
    environment_id: str | None = None
    title: str | None = None
    metadata: dict[str, str] = field(default_factory=dict)
    resources: Sequence[AnyResource] = ()
    vault_ids: Sequence[str] = ()
    initial: Sequence[Input] = ()
    manner: Manner = field(default_factory=Manner)
    policy: Policy = PLAIN
    seed: str | None = None


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
    ) -> None:
        self._agents = agents
        self._environments = environments
        self._vaults = vaults
        self._files = files
        self._attaching = attaching
        self._sessions = sessions

    def open(self, space: Space, wanted: Opening) -> Session:
        """Make the session; with initial inputs it is running at once.

        Raises NotFound, AgentArchived, EnvironmentArchived, VaultNotFound, VaultArchived, InvalidRequest and the
        errors of ``sessions.errors``.
        """
        agent, environment = self._agent_and_environment(space, wanted)
        vaults = vault_ids(wanted.vault_ids)
        self._vaults.check(space, vaults, "vault_ids")
        if environment.config.type == "self_hosted":
            for place, resource in enumerate(wanted.resources):
                demand_mountable(resource.type, f"resources.{place}")
        named_files.check(self._files, space, wanted.initial, "initial_events")
        draft = SessionDraft(
            agent=self._agents.pinned(space, agent),
            environment_id=environment.id,
            environment=environment.model_dump(mode="json"),
            title=wanted.title,
            metadata=patched({}, wanted.metadata, blank_removes=False),
            vault_ids=vaults,
            initial=wanted.initial,
            manner=wanted.manner,
            seed=wanted.seed,
        )
        return self._made(space, draft, wanted)

    def _made(self, space: Space, draft: SessionDraft, wanted: Opening) -> Session:
        ref = SessionRef(space, self._sessions.new_id(space, wanted.seed))
        with self._attaching.kept_if_taken(space) as attached:
            for place, resource in enumerate(wanted.resources):
                made = self._attaching.attach(ref, resource, f"resources.{place}", wanted.seed)
                demand_apart(attached, made, f"resources.{place}")
                attached.append(made)
            return self._sessions.create(space, replace(draft, resources=attached), ref.id)

    def _agent_and_environment(self, space: Space, wanted: Opening) -> tuple[AgentVersion, Environment]:
        """The pinned agent with the overrides of this session, and the environment."""
        found, environment = self._read(space, wanted.agent, wanted.environment_id)
        if found.archived_at is not None:
            raise AgentArchived("agent: the agent is archived", field="agent", code="agent_archived")
        agent = found if wanted.agent.type == "agent" else _overridden(found, wanted.agent, wanted.policy)
        return agent, _checked(environment)

    def _read(self, space: Space, choice: AgentChoice, place: str | None) -> tuple[AgentVersion, Environment | None]:
        """Both in one call of storage, unless the agent has to tell the environment."""
        agent = self._agents.lookup(space, _core_id("agent", choice.id, "agent", "agent"), choice.version)
        if place:
            env_id = _core_id("env", place, "environment_id", "environment")
            return agent.read_with(self._environments.lookup(space, env_id))
        found = agent.read()
        return found, self._environments.get(space, found.environment_id) if found.environment_id else None


def vault_ids(given: Sequence[str]) -> list[str]:
    """The core ids of vaults named for a session, in their order. Raises VaultNotFound."""
    found = []
    for position, text in enumerate(given):
        core, place = undress("vlt", text), f"vault_ids.{position}"
        if core is None:
            raise VaultNotFound(f"{place}: no such vault", field=place)
        found.append(core)
    return found


def _core_id(prefix: str, text: str, place: str, noun: str) -> str:
    core = undress(prefix, text)
    if core is None:
        raise NotFound(f"{place}: there is no {noun} {text}", field=place)
    return core


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
