"""The control plane: moto holds the definitions of resources, the stores follow it."""

import importlib
import threading
from collections.abc import Callable
from typing import Any

from chalicelib.local.engine import definitions
from chalicelib.local.engine.dynamodb.store import TableStore
from chalicelib.local.engine.s3.store import ObjectStore
from chalicelib.local.engine.sqs.operations import queue_name
from chalicelib.local.engine.sqs.store import QueueStore

Params = dict[str, Any]
Follow = Callable[[Params], None]

_TABLE_CHANGES = ("CreateTable", "UpdateTable", "UpdateTimeToLive")


class ControlPlane:
    """Hands requests about resources to moto and makes the stores follow what it did."""

    def __init__(self, region: str, tables: TableStore, queues: QueueStore, objects: ObjectStore) -> None:
        self.region = region
        self.tables, self.queues, self.objects = tables, queues, objects
        self._lock = threading.RLock()
        self._answer = importlib.import_module("moto.core.botocore_stubber").BotocoreStubber()
        self._follow: dict[str, Follow] = {
            **dict.fromkeys(_TABLE_CHANGES, lambda given: self.follow_table(given["TableName"])),
            "DeleteTable": lambda given: tables.drop(given["TableName"]),
            "CreateQueue": lambda given: self.follow_queue(given["QueueName"]),
            "SetQueueAttributes": lambda given: self.follow_queue(queue_name(given)),
            "DeleteQueue": lambda given: queues.drop(queue_name(given)),
            "CreateBucket": lambda given: self.follow_bucket(given["Bucket"]),
            "DeleteBucket": lambda given: objects.drop(given["Bucket"]),
        }

    def backend(self, service: str) -> Any:
        """moto's backend of a service."""
        backends = getattr(importlib.import_module(f"moto.{service}.models"), f"{service}_backends")
        return backends[definitions.ACCOUNT]["aws" if service == "s3" else self.region]

    def reset(self) -> None:
        """Forgets every definition."""
        with self._lock:
            for service in ("dynamodb", "sqs", "s3"):
                self.backend(service).reset()

    def process(self, request: Any) -> Any:
        """moto's answer to a prepared HTTP request, as botocore wants it."""
        from botocore.awsrequest import AWSResponse
        from moto.core.botocore_stubber import MockRawResponse

        # Told the account, moto need not load its IAM to look the access key up.
        request.headers["x-moto-account-id"] = definitions.ACCOUNT
        with self._lock:
            status, headers, body = self._answer.process_request(request)
        return AWSResponse(request.url, status, headers, MockRawResponse(body))

    def refuse_early(self, operation: str, given: Params) -> None:
        """Raises for what moto would do although the stores know better."""
        if operation == "DeleteBucket":
            self.objects.refuse_if_filled(given["Bucket"])

    def followed(self, operation: str, given: Params) -> None:
        """Makes the stores follow an operation that moto did."""
        follow = self._follow.get(operation)
        if follow is not None:
            follow(given)

    def follow_table(self, name: str) -> None:
        """Serves a table as moto defines it now."""
        table = self.backend("dynamodb").get_table(name)
        self.tables.define(table.name, definitions.table_schema(table), definitions.table_ttl(table))

    def follow_queue(self, name: str) -> None:
        """Serves a queue as moto defines it now."""
        self.queues.define(definitions.queue_settings(self.backend("sqs").get_queue(name)))

    def follow_bucket(self, name: str) -> None:
        """Serves a bucket."""
        self.objects.define(name)
