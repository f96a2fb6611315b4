"""Puts the parts together, once a process."""

import os
from functools import lru_cache
from threading import RLock
from typing import TYPE_CHECKING, Any

from chalicelib.agents.service import AgentService
from chalicelib.agents.store import AgentStore
from chalicelib.core.ids import new_id
from chalicelib.core.lazy import lazy
from chalicelib.core.settings import Settings
from chalicelib.environments.service import EnvironmentService
from chalicelib.environments.store import EnvironmentStore
from chalicelib.environments.work.credentials import WorkerCredentials
from chalicelib.environments.work.keys import EnvironmentKeys
from chalicelib.environments.work.service import WorkService
from chalicelib.environments.work.store import WorkStore
from chalicelib.events.hub import Hub
from chalicelib.events.live import LiveChannel
from chalicelib.events.log import SessionLog, SessionRef
from chalicelib.files.service import FileRules, FileService
from chalicelib.files.store import FileStore
from chalicelib.sessions.attaching import Attaching
from chalicelib.sessions.errors import SessionNotFound
from chalicelib.sessions.inbox import Inbox
from chalicelib.sessions.model import Spec
from chalicelib.sessions.opening import Opener
from chalicelib.sessions.resources import SessionResources
from chalicelib.sessions.service import SessionService
from chalicelib.sessions.store import SessionStore
from chalicelib.storage import rootkey
from chalicelib.storage.documents import Documents
from chalicelib.storage.keys import Space
from chalicelib.storage.objects import Objects
from chalicelib.storage.queue import DoorbellQueue
from chalicelib.storage.secrets import SecretBox
from chalicelib.storage.table import Table
from chalicelib.tenants.idempotency import IdempotencyService
from chalicelib.tenants.keys import KeyService
from chalicelib.tenants.limits import LimitService
from chalicelib.tenants.register import TenantRegister
from chalicelib.tenants.service import TenantService
from chalicelib.vaults.credentials import CredentialService
from chalicelib.vaults.service import VaultService
from chalicelib.vaults.store import VaultStore

if TYPE_CHECKING:
    from chalicelib.models.registry import Registry
    from chalicelib.runs.worker import Worker
    from chalicelib.sandbox.service import SandboxService
    from chalicelib.sandbox.sessions.access import SessionSandbox
    from chalicelib.sandbox.settings import SandboxSettings
    from chalicelib.workspaces.service import WorkspaceService


class Services:
    """Every service of the process, made when first asked for.

    ``alone_since`` is set (milliseconds) by a process that knows it is the only one: older leases are dead.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.alone_since = 0
        self.lock = RLock()

    @lazy
    def _session(self) -> Any:
        import boto3

        # One for all clients: each session would read the endpoint data of all of AWS anew.
        return boto3.session.Session()

    def _client(self, service: str) -> Any:
        from botocore.config import Config

        config = Config(
            region_name=self.settings.region,
            # Its own is put together from scratch for every call, at an eighth of all a turn computes.
            user_agent="lambent",
            parameter_validation=False,
            connect_timeout=3,
            read_timeout=25,
            max_pool_connections=64,
            retries={"mode": "standard", "max_attempts": 5},
        )
        with self.lock:
            return self._session.client(service, config=config)

    @lazy
    def table(self) -> Table:
        return Table(self._client("dynamodb"), self.settings.table)

    @lazy
    def objects(self) -> Objects:
        return Objects(lambda: self._client("s3"), self.settings.bucket)

    @lazy
    def documents(self) -> Documents:
        return Documents(self.objects)

    @lazy
    def doorbells(self) -> DoorbellQueue:
        return DoorbellQueue(self._client("sqs"), self.settings.queue_url)

    @lazy
    def secrets(self) -> SecretBox:
        return SecretBox(self._root_key)

    def _root_key(self) -> bytes:
        settings = self.settings
        if settings.root_secret or not settings.kms_key:
            return rootkey.from_secret(settings.root_secret)
        return rootkey.from_kms(self.table, lambda: self._client("kms"), settings.kms_key)

    @lazy
    def tenant_register(self) -> TenantRegister:
        return TenantRegister(self.table)

    @lazy
    def keys(self) -> KeyService:
        return KeyService(self.table, self.tenant_register, self.settings.root_key_sha256)

    @lazy
    def tenants(self) -> TenantService:
        return TenantService(self.table, self.tenant_register, self.keys)

    @lazy
    def limits(self) -> LimitService:
        per_minute = {
            "read": self.settings.reads_per_minute,
            "write": self.settings.writes_per_minute,
            "upload": self.settings.uploads_per_minute,
        }
        return LimitService(self.table, self.tenant_register, per_minute)

    @lazy
    def idempotency(self) -> IdempotencyService:
        return IdempotencyService(self.table, self.documents)

    @lazy
    def environments(self) -> EnvironmentService:
        store = EnvironmentStore(self.table, self.documents)
        return EnvironmentService(store, self.session_store.environment_in_use, self.work.forget)

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
        return AgentService(AgentStore(self.table, self.documents), self.environments)

    @lazy
    def files(self) -> FileService:
        rules = FileRules(self.settings.max_upload_mib << 20, self.settings.download_uploads)
        return FileService(FileStore(self.table), self.objects, rules, self._session_exists)

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
        return CredentialService(self.vault_store, self.secrets)

    @lazy
    def vaults(self) -> VaultService:
        return VaultService(self.vault_store, self.credentials)

    @lazy
    def session_resources(self) -> SessionResources:
        return SessionResources(self.secrets)

    @lazy
    def hub(self) -> Hub:
        return Hub()

    @lazy
    def log(self) -> SessionLog:
        return SessionLog(self.table, self.documents)

    @lazy
    def live(self) -> LiveChannel:
        return LiveChannel(self.table)

    @lazy
    def session_store(self) -> SessionStore:
        return SessionStore(self.table, self.documents, self.objects, self.log)

    @lazy
    def inbox(self) -> Inbox:
        return Inbox(self.session_store, self.doorbells, self.work)

    @lazy
    def sessions(self) -> SessionService:
        return SessionService(self.session_store, self.inbox, _Belongings(self))

    @lazy
    def attaching(self) -> Attaching:
        return Attaching(self.files, self.session_resources)

    @lazy
    def opener(self) -> Opener:
        return Opener(self.agents, self.environments, self.vaults, self.files, self.attaching, self.sessions)

    @lazy
    def workspaces(self) -> "WorkspaceService":
        from chalicelib.workspaces.service import WorkspaceService
        from chalicelib.workspaces.store import WorkspaceStore

        return WorkspaceService(WorkspaceStore(self.table), self.objects)

    @lazy
    def sandbox_settings(self) -> "SandboxSettings":
        from chalicelib.sandbox.settings import SandboxSettings

        return SandboxSettings.from_env(os.environ, outbound_allow=self.settings.outbound_allow)

    @lazy
    def sandboxes(self) -> "SandboxService":
        from chalicelib.sandbox.wiring import sandboxes

        return sandboxes(self)

    def sandbox_of(self, ref: SessionRef, spec: Spec, *, refreshes: bool = True) -> "SessionSandbox | None":
        """The way to a session's sandbox; None where a worker of the customer has it. For clients ``refreshes`` is off:
        they may come while the agent is at work in it."""
        from chalicelib.sandbox.sessions.access import SessionSandbox
        from chalicelib.sandbox.sessions.uploads import wanted

        if ((spec.environment or {}).get("config") or {}).get("type") == "self_hosted":
            return None
        want = wanted(spec.resources)
        return SessionSandbox(lambda: self.sandboxes, self.files, ref.space, ref.id, want, refreshes=refreshes)

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
    def worker(self) -> "Worker":
        from chalicelib.engine.job import Parts
        from chalicelib.outbound.guard import Outbound
        from chalicelib.runs.claim import Owner
        from chalicelib.runs.pulse import Pulse
        from chalicelib.runs.worker import Worker

        settings = self.settings
        outbound = Outbound(settings.outbound_allow)
        parts = Parts(settings, self.live, self.models, outbound, self.files, self.work, self.sandbox_of)
        pulse = Pulse(self.session_store, settings.heartbeat_seconds, settings.lease_seconds)
        owner = Owner(new_id(), settings.lease_seconds * 1000, self.alone_since)
        return Worker(self.session_store, parts, self.hub, pulse, self.inbox, owner)


class _Belongings:
    """What sessions leave behind outside their own rows."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def delete_scope(self, space: Space, session_id: str) -> None:
        """Remove a session's files and its sandbox."""
        self._services.files.delete_scope(space, session_id)
        self._services.sandboxes.delete(space, session_id)


@lru_cache(maxsize=1)
def services() -> Services:
    """The services of this process, from its environment."""
    return Services(Settings.from_env(os.environ))
