"""Puts the parts together, once a process."""

import os
from functools import lru_cache
from typing import TYPE_CHECKING

from chalicelib.agents.errors import AgentNotFound
from chalicelib.agents.service import AgentService
from chalicelib.agents.store import AgentStore
from chalicelib.bundles import wiring as bundling
from chalicelib.canaries import wiring as trying
from chalicelib.core.ids import new_id
from chalicelib.core.lazy import lazy
from chalicelib.core.settings import Settings
from chalicelib.deployments import wiring as deploying
from chalicelib.deployments.running import DeploymentRuns
from chalicelib.deployments.service import DeploymentService
from chalicelib.dreams.wiring import Dreams
from chalicelib.environments.service import EnvironmentService
from chalicelib.environments.store import EnvironmentStore
from chalicelib.environments.work.credentials import WorkerCredentials
from chalicelib.environments.work.keys import EnvironmentKeys
from chalicelib.environments.work.service import WorkService
from chalicelib.environments.work.store import WorkStore
from chalicelib.evals.wiring import Evals
from chalicelib.events.hub import Hub
from chalicelib.events.live import LiveChannel
from chalicelib.events.log import SessionLog, SessionRef
from chalicelib.events.tail import Follower, Pace
from chalicelib.files.service import FileRules, FileService
from chalicelib.files.store import FileStore
from chalicelib.forks import wiring as forking
from chalicelib.ground import Ground
from chalicelib.memory.attaching import StoreAttaching, of
from chalicelib.memory.embedding import Embedding
from chalicelib.memory.facets import FacetRows
from chalicelib.memory.listing import MemoryLists
from chalicelib.memory.memories import MemoryService
from chalicelib.memory.mounts import MountRows
from chalicelib.memory.removal import Removal
from chalicelib.memory.searching import MemorySearch
from chalicelib.memory.service import MemoryStoreService
from chalicelib.memory.store import MemoryRows
from chalicelib.memory.versions import VersionService
from chalicelib.modelcards.pricing import PriceService
from chalicelib.modelcards.roster import Roster
from chalicelib.modelcards.service import CardService
from chalicelib.modelcards.store import CardStore
from chalicelib.running.wiring import Limiting
from chalicelib.schedules.service import ScheduleService
from chalicelib.schedules.store import ScheduleStore
from chalicelib.schedules.timers import Timers
from chalicelib.sessions.attaching import Attaching
from chalicelib.sessions.errors import SessionNotFound
from chalicelib.sessions.inbox import Inbox
from chalicelib.sessions.model import Spec
from chalicelib.sessions.opening import Opener
from chalicelib.sessions.resources import SessionResources
from chalicelib.sessions.service import SessionService
from chalicelib.sessions.store import SessionStore
from chalicelib.sessions.threads import ThreadService
from chalicelib.signin import wiring as signing
from chalicelib.skills.pinning import KnownSkills
from chalicelib.skills.service import SkillService
from chalicelib.skills.store import SkillStore
from chalicelib.spending.store import SpendingStore
from chalicelib.storage.keys import Space
from chalicelib.tenants.census import Census
from chalicelib.tenants.holdings import NONE_KNOWN_MS
from chalicelib.tenants.knowing import Known
from chalicelib.tenants.service import TenantService
from chalicelib.uploads.wiring import Uploads
from chalicelib.userprofiles.enrolment import Enrolment
from chalicelib.userprofiles.service import ProfileService
from chalicelib.userprofiles.store import ProfileStore
from chalicelib.vaults.credentials import CredentialService
from chalicelib.vaults.service import VaultService
from chalicelib.vaults.store import VaultStore
from chalicelib.webhooks.announcing import Announcing
from chalicelib.webhooks.endpoint_store import EndpointStore

if TYPE_CHECKING:
    from chalicelib.embeddings.base import Embedder
    from chalicelib.integrations.wiring import Integrations
    from chalicelib.mcp.oauth.flow import OAuthFlow
    from chalicelib.mcp.servers import Servers
    from chalicelib.mcp.service import McpService
    from chalicelib.mcp.validation import Validator
    from chalicelib.modelcards.probe import Prober
    from chalicelib.modelcards.serving import Serving
    from chalicelib.models.registry import Registry
    from chalicelib.outbound.guard import Outbound
    from chalicelib.runs.worker import Worker
    from chalicelib.sandbox.service import SandboxService
    from chalicelib.sandbox.sessions.access import SessionSandbox
    from chalicelib.sandbox.sessions.memory import MemoryMounts
    from chalicelib.sandbox.settings import SandboxSettings
    from chalicelib.tools.base import Bearer
    from chalicelib.vaults.refreshing import Refresher
    from chalicelib.webhooks.courier import Courier
    from chalicelib.webhooks.deliveries import DeliveryService
    from chalicelib.webhooks.endpoints import EndpointService
    from chalicelib.webhooks.places import PlaceRules
    from chalicelib.workspaces.service import WorkspaceService


class Services(Ground):
    """Every service of the process, made when first asked for."""

    sign_in = lazy(signing.sign_in)
    forks = lazy(forking.forks)
    exporter = lazy(bundling.exporter)
    importer = lazy(bundling.importer)
    canaries = lazy(trying.canaries)

    @lazy
    def environments(self) -> EnvironmentService:
        store = EnvironmentStore(self.table, self.documents)
        return EnvironmentService(store, self.session_store.environment_in_use, self.work.forget, self.webhooks)

    @lazy
    def work_store(self) -> WorkStore:
        return WorkStore(self.table)

    @lazy
    def worker_credentials(self) -> WorkerCredentials:
        return WorkerCredentials(EnvironmentKeys(self.table), self.work_store, self.tenant_register)

    @lazy
    def work(self) -> WorkService:
        lease = self.settings.work_lease_seconds
        return WorkService(self.work_store, self.session_store, self.worker_credentials, lease)

    @lazy
    def agents(self) -> AgentService:
        return AgentService(
            AgentStore(self.table, self.documents),
            self.environments,
            models=self.model_cards,
            followers=deploying.agents_deployments(self),
            announcer=self.webhooks,
            skills_of=self._known_skills,
        )

    def _known_skills(self, space: Space) -> KnownSkills:
        return KnownSkills(self.skills, space)

    @lazy
    def skills(self) -> SkillService:
        return SkillService(SkillStore(self.table, self.documents), self.objects)

    @lazy
    def deployments(self) -> DeploymentService:
        return deploying.deployments(self)

    @lazy
    def deployment_runs(self) -> DeploymentRuns:
        return deploying.deployment_runs(self)

    @lazy
    def schedules(self) -> ScheduleService:
        return ScheduleService(ScheduleStore(self.table), self.inbox, self.tenant_register)

    @lazy
    def timers(self) -> Timers:
        return deploying.timers(self)

    @lazy
    def dreams(self) -> Dreams:
        return Dreams(self)

    @lazy
    def evals(self) -> Evals:
        return Evals(self)

    @lazy
    def files(self) -> FileService:
        rules = FileRules(self.settings.max_upload_mib << 20, self.settings.download_uploads)
        return FileService(FileStore(self.table), self.objects, rules, self._session_exists)

    @lazy
    def uploads(self) -> Uploads:
        return Uploads(self)

    def _session_exists(self, space: Space, session_id: str) -> bool:
        try:
            self.session_store.get(SessionRef(space, session_id))
        except SessionNotFound:
            return False
        return True

    @lazy
    def vault_store(self) -> VaultStore:
        return VaultStore(self.table, self.documents)

    @lazy
    def credentials(self) -> CredentialService:
        return CredentialService(self.vault_store, self.secrets, self.webhooks)

    @lazy
    def vaults(self) -> VaultService:
        return VaultService(self.vault_store, self.credentials, self.webhooks)

    @lazy
    def outbound(self) -> "Outbound":
        from chalicelib.outbound.guard import Outbound

        return Outbound(self.settings.outbound_allow)

    @lazy
    def refresher(self) -> "Refresher":
        from chalicelib.vaults.refreshing import Refresher

        return Refresher(self.vault_store, self.credentials, self.outbound, self.webhooks)

    @lazy
    def mcp(self) -> "McpService":
        from chalicelib.mcp.service import McpService

        return McpService(self.outbound, self.credentials, self.refresher)

    @lazy
    def oauth(self) -> "OAuthFlow":
        from chalicelib.mcp.oauth.flow import OAuthFlow
        from chalicelib.mcp.oauth.states import States

        return OAuthFlow(self.outbound, self.vaults, self.credentials, States(self.table, self.secrets))

    @lazy
    def oauth_validator(self) -> "Validator":
        from chalicelib.mcp.validation import Validator

        return Validator(self.outbound, self.credentials, self.refresher)

    def mcp_of(self, ref: SessionRef, spec: Spec) -> "Servers | None":
        """The MCP servers of a session's agent, None when it has none."""
        if not spec.agent.get("mcp_servers"):
            return None
        return self.mcp.servers(ref.space, spec.agent, spec.environment, spec.vault_ids)

    def bearer_for(self, ref: SessionRef, spec: Spec, url: str) -> "Bearer":
        """The credential of a session's vaults that goes along with calls of an address."""
        return self.mcp.bearer(ref.space, spec.vault_ids, url)

    @lazy
    def embedder(self) -> "Embedder | None":
        from chalicelib.embeddings.choosing import choose
        from chalicelib.embeddings.settings import EmbeddingSettings

        return choose(EmbeddingSettings.from_env(os.environ))

    @lazy
    def _memory_rows(self) -> MemoryRows:
        return MemoryRows(self.table, self.documents)

    @lazy
    def _memory_facets(self) -> FacetRows:
        return FacetRows(self.table, embeds=self.embedder is not None)

    @lazy
    def memory_removal(self) -> Removal:
        return Removal(self.table, self.objects)

    @lazy
    def memory_stores(self) -> MemoryStoreService:
        return MemoryStoreService(self._memory_rows, self.memory_removal, self.webhooks)

    @lazy
    def memories(self) -> MemoryService:
        return MemoryService(self._memory_rows, self._memory_facets)

    @lazy
    def memory_lists(self) -> MemoryLists:
        return MemoryLists(self._memory_rows)

    @lazy
    def memory_versions(self) -> VersionService:
        return VersionService(self._memory_rows)

    @lazy
    def memory_embedding(self) -> Embedding:
        return Embedding(self._memory_rows, self._memory_facets, self.embedder)

    @lazy
    def memory_mounts(self) -> "MemoryMounts":
        from chalicelib.sandbox.sessions.memory import MemoryMounts

        return MemoryMounts(MountRows(self.table, self.documents), self.memories)

    @lazy
    def memory_search(self) -> MemorySearch:
        return MemorySearch(self._memory_rows, self._memory_facets, self.memory_embedding)

    @lazy
    def user_profiles(self) -> ProfileService:
        return ProfileService(ProfileStore(self.table), self.webhooks)

    @lazy
    def enrolment(self) -> Enrolment:
        return Enrolment(self.user_profiles, self.secrets, self.tenant_register)

    @lazy
    def webhook_store(self) -> EndpointStore:
        return EndpointStore(self.table, self.holdings)

    @lazy
    def webhooks(self) -> Announcing:
        patterns: Known[tuple[str, ...]] = Known(
            self.holdings, "webhooks", self.webhook_store.patterns, (), NONE_KNOWN_MS
        )
        return Announcing(patterns.of, lambda: self.doorbells)

    @lazy
    def webhook_rules(self) -> "PlaceRules":
        from chalicelib.webhooks.places import PlaceRules

        return PlaceRules(self.settings.webhook_plain_http, self.settings.webhook_any_port)

    @lazy
    def webhook_endpoints(self) -> "EndpointService":
        from chalicelib.webhooks.endpoints import EndpointService
        from chalicelib.webhooks.places import demand_allowed

        def check(url: str) -> None:
            demand_allowed(self.outbound, self.webhook_rules, url)

        return EndpointService(self.webhook_store, self.secrets, check)

    @lazy
    def webhook_deliveries(self) -> "DeliveryService":
        from chalicelib.webhooks.deliveries import DeliveryService
        from chalicelib.webhooks.delivery_store import DeliveryStore

        return DeliveryService(self.webhook_endpoints, DeliveryStore(self.table), lambda: self.doorbells)

    @lazy
    def webhook_courier(self) -> "Courier":
        from chalicelib.webhooks.courier import Courier
        from chalicelib.webhooks.delivery_store import DeliveryStore
        from chalicelib.webhooks.sending import Sender

        sender = Sender(self.outbound, self.webhook_rules)
        return Courier(self.table, self.webhook_endpoints, DeliveryStore(self.table), sender, self.doorbells)

    @lazy
    def integrations(self) -> "Integrations":
        from chalicelib.integrations.wiring import integrations

        return integrations(self)

    @lazy
    def session_resources(self) -> SessionResources:
        return SessionResources(self.secrets)

    @lazy
    def hub(self) -> Hub:
        return Hub()

    @lazy
    def log(self) -> SessionLog:
        return SessionLog(self.table, self.documents, self.webhooks.tell_of_records)

    @lazy
    def live(self) -> LiveChannel:
        return LiveChannel(self.table)

    def follower(self) -> Follower:
        """A reader of one session's log as it grows."""
        return Follower(self.log, self.live, self.hub, Pace(self.settings.poll_active_ms, self.settings.poll_idle_ms))

    @lazy
    def session_store(self) -> SessionStore:
        return SessionStore(self.table, self.documents, self.objects, self.log)

    @lazy
    def inbox(self) -> Inbox:
        return Inbox(self.session_store, self.doorbells, self.work, self.holdings.told)

    @lazy
    def sessions(self) -> SessionService:
        return SessionService(self.session_store, self.inbox, _Belongings(self), self.limiting.purse.demand_open)

    @lazy
    def threads(self) -> ThreadService:
        return ThreadService(self.session_store, self.inbox)

    @lazy
    def attaching(self) -> Attaching:
        return Attaching(self.files, self.session_resources, StoreAttaching(self.memory_stores))

    @lazy
    def opener(self) -> Opener:
        return Opener(
            self.agents,
            self.environments,
            self.vaults,
            self.files,
            self.attaching,
            self.sessions,
            self.skills,
            lambda space, model: self.serving.open(space).priced(model),
            self.limiting.purse.demand_open,
        )

    @lazy
    def workspaces(self) -> "WorkspaceService":
        from chalicelib.workspaces.service import WorkspaceService
        from chalicelib.workspaces.store import WorkspaceStore

        return WorkspaceService(WorkspaceStore(self.table), self.objects, self.sandbox_settings.rests)

    @lazy
    def sandbox_settings(self) -> "SandboxSettings":
        from chalicelib.sandbox.settings import SandboxSettings

        return SandboxSettings.from_env(os.environ, outbound_allow=self.settings.outbound_allow)

    @lazy
    def sandboxes(self) -> "SandboxService":
        from chalicelib.sandbox.wiring import sandboxes

        return sandboxes(self)

    def sandbox_of(self, ref: SessionRef, spec: Spec, run: str = "") -> "SessionSandbox | None":
        """The way of a run, or of clients, to a session's sandbox; None where a worker of the customer has it."""
        from chalicelib.sandbox.sessions.access import SessionSandbox
        from chalicelib.sandbox.sessions.memory import MountedMemory
        from chalicelib.sandbox.sessions.skills import SkillFolders
        from chalicelib.sandbox.sessions.uploads import Uploads

        if ((spec.environment or {}).get("config") or {}).get("type") == "self_hosted":
            return None
        uploads = Uploads(self.files, ref.space, ref.id, spec.resources)
        skills = SkillFolders(self.skills, ref.space, spec.skills)
        memory = MountedMemory(self.memory_mounts, of(spec.resources))
        return SessionSandbox(lambda: self.sandboxes, [uploads, skills], ref.space, ref.id, run=run, memory=memory)

    def _is_archived(self, space: Space, agent_id: str) -> bool:
        try:
            return self.agents.get(space, agent_id).archived_at is not None
        except AgentNotFound:
            return True

    def close(self) -> None:
        """The process ends: end what cannot outlive it."""
        if "sandboxes" in self.__dict__:
            self.sandboxes.close()

    @lazy
    def models(self) -> "Registry":
        from chalicelib.models.registry import Registry
        from chalicelib.models.settings import ModelSettings

        return Registry(ModelSettings.from_env(os.environ))

    @lazy
    def card_store(self) -> CardStore:
        return CardStore(self.table, self.documents, self.holdings)

    @lazy
    def model_cards(self) -> CardService:
        return CardService(self.card_store, self.secrets)

    @lazy
    def model_prices(self) -> PriceService:
        return PriceService(self.card_store)

    @lazy
    def prober(self) -> "Prober":
        from chalicelib.modelcards.probe import Prober

        return Prober(self.outbound)

    @lazy
    def serving(self) -> "Serving":
        from chalicelib.modelcards.serving import Serving

        rosters = Known(self.holdings, "cards", self.card_store.roster, Roster())
        return Serving(self.model_cards, rosters.of, self.models, self.outbound)

    @lazy
    def tenants(self) -> TenantService:
        def turn(space: Space, let_in: bool) -> None:
            self.limiting.running.turn(space, let_in=let_in)

        return TenantService(self.table, self.tenant_register, self.keys, turn)

    @lazy
    def limiting(self) -> Limiting:
        return Limiting(self)

    @lazy
    def spending(self) -> SpendingStore:
        return SpendingStore(self.table)

    @lazy
    def census(self) -> Census:
        cards, keys = self.card_store, self.keys
        others = {"model_cards": cards.count, "api_keys": lambda space: len(keys.all(space.tenant))}
        return Census(self.table, others)

    @lazy
    def worker(self) -> "Worker":
        from chalicelib.engine.job import Parts
        from chalicelib.runs.claim import Owner
        from chalicelib.runs.line import Line
        from chalicelib.runs.pulse import Pulse
        from chalicelib.runs.worker import Worker
        from chalicelib.sessions.seats import Seats

        settings = self.settings
        seats = Seats(self.table, settings.tenant_runs)
        parts = Parts(
            settings,
            self.live,
            self.serving,
            self.outbound,
            self.files,
            self.work,
            self.sandbox_of,
            self.mcp_of,
            self.bearer_for,
            seats,
            schedules=self.schedules,
            desk=self.dreams.desk,
            purse=self.limiting.purse,
            is_archived=self._is_archived,
        )
        pulse = Pulse(self.session_store, settings.heartbeat_seconds, settings.lease_seconds)
        line = Line(self.table, seats, self.session_store, self.inbox)
        owner = Owner(new_id(), settings.lease_seconds * 1000, self.alone_since)
        return Worker(self.session_store, parts, self.hub, pulse, self.inbox, line, owner)


class _Belongings:
    """What sessions leave behind outside their own rows."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def delete_scope(self, space: Space, session_id: str) -> None:
        """Remove a session's files, its wake-ups and its sandbox."""
        self._services.files.delete_scope(space, session_id)
        self._services.schedules.drop(space, session_id)
        self._services.sandboxes.clear(space, session_id)
        self._services.memory_mounts.forget(space, session_id)


@lru_cache(maxsize=1)
def services() -> Services:
    """The services of this process, from its environment."""
    return Services(Settings.from_env(os.environ))
