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
from chalicelib.events.hub import Hub
from chalicelib.events.live import LiveChannel
from chalicelib.events.log import SessionLog, SessionRef
from chalicelib.files.service import FileRules, FileService
from chalicelib.files.store import FileStore
from chalicelib.sessions.errors import SessionNotFound
from chalicelib.sessions.inbox import Inbox
from chalicelib.sessions.service import SessionService
from chalicelib.sessions.store import SessionStore
from chalicelib.storage.documents import Documents
from chalicelib.storage.keys import Space
from chalicelib.storage.objects import Objects
from chalicelib.storage.queue import DoorbellQueue
from chalicelib.storage.table import Table
from chalicelib.tenants.idempotency import IdempotencyService
from chalicelib.tenants.keys import KeyService
from chalicelib.tenants.limits import LimitService
from chalicelib.tenants.register import TenantRegister
from chalicelib.tenants.service import TenantService

if TYPE_CHECKING:
    from chalicelib.models.registry import Registry
    from chalicelib.runs.worker import Worker


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
        return EnvironmentService(store, self.session_store.environment_in_use)

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
        return Inbox(self.session_store, self.doorbells)

    @lazy
    def sessions(self) -> SessionService:
        return SessionService(self.session_store, self.inbox, self.files)

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
        parts = Parts(settings, self.live, self.models, outbound, self.files)
        pulse = Pulse(self.session_store, settings.heartbeat_seconds, settings.lease_seconds)
        owner = Owner(new_id(), settings.lease_seconds * 1000, self.alone_since)
        return Worker(self.session_store, parts, self.hub, pulse, self.inbox, owner)


@lru_cache(maxsize=1)
def services() -> Services:
    """The services of this process, from its environment."""
    return Services(Settings.from_env(os.environ))
