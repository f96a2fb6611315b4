"""What every part of the process stands on: the clients of AWS, storage, tenants and their keys."""

import os
from collections.abc import Mapping
from threading import RLock
from typing import Any

from chalicelib.core.lazy import lazy
from chalicelib.core.settings import Settings
from chalicelib.storage import rootkey, settingsecret
from chalicelib.storage.documents import Documents
from chalicelib.storage.objects import Objects
from chalicelib.storage.queue import DoorbellQueue
from chalicelib.storage.secrets import SecretBox
from chalicelib.storage.table import Table
from chalicelib.tenants.holdings import Holdings
from chalicelib.tenants.idempotency import IdempotencyService
from chalicelib.tenants.keys import KeyService
from chalicelib.tenants.limits import LimitService
from chalicelib.tenants.register import TenantRegister


class Ground:
    """Made when first asked for, once a process.

    ``alone_since`` is set (milliseconds) by a process that knows it is the only one: older leases are dead.
    ``holds_bucket`` is set by a process that has the bucket in itself: nobody else can be sent to it.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.alone_since = 0
        self.holds_bucket = False
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
            **(_addressed() if service == "s3" else {}),
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

    def with_secret(self, env: Mapping[str, str], variable: str, names: frozenset[str]) -> Mapping[str, str]:
        """An environment, and over it those settings that the secret named by ``variable`` holds. Raises ValueError."""
        return settingsecret.overlaid(env, variable, names, lambda: self._client("secretsmanager"))

    @lazy
    def holdings(self) -> Holdings:
        return Holdings(self.table)

    @lazy
    def tenant_register(self) -> TenantRegister:
        return TenantRegister(self.table, self.holdings)

    @lazy
    def keys(self) -> KeyService:
        return KeyService(self.table, self.tenant_register, self.settings.root_key_sha256)

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
        return IdempotencyService(self.table, self.documents, self.alone_since)


def _addressed() -> dict[str, Any]:
    """How the bucket is named in URLs that clients are given.

    Left to itself botocore signs them for one host of all regions, which does not know young buckets.
    """
    elsewhere = os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL")
    return {"signature_version": "s3v4"} | ({} if elsewhere else {"s3": {"addressing_style": "virtual"}})
