"""What moto knows of tables, queues and buckets, in the terms of the engine's stores."""

import json
from typing import Any

from chalicelib.local.engine.dynamodb.table import IndexSchema, Schema
from chalicelib.local.engine.sqs.queue import Settings

ACCOUNT = "123456789012"


def table_schema(table: Any) -> Schema:
    """The keys of a moto table."""
    hash_name, range_name = _keys(table.schema)
    primary = {hash_name, range_name} - {None}
    globals_ = [_index(index, primary, is_global=True) for index in table.global_indexes or []]
    locals_ = [_index(index, primary, is_global=False) for index in table.indexes or []]
    types = {entry["AttributeName"]: entry["AttributeType"] for entry in table.attr}
    return Schema(hash_name, range_name, types, {index.name: index for index in [*globals_, *locals_]})


def _keys(schema: list[dict[str, str]]) -> tuple[str, str | None]:
    names = {entry["KeyType"]: entry["AttributeName"] for entry in schema}
    return names["HASH"], names.get("RANGE")


def _index(index: Any, primary: set[Any], *, is_global: bool) -> IndexSchema:
    hash_name, range_name = _keys(index.schema)
    kind = (index.projection or {}).get("ProjectionType", "ALL")
    own = primary | ({hash_name, range_name} - {None})
    extra = set(index.projection.get("NonKeyAttributes") or ()) if kind == "INCLUDE" else set()
    carried = None if kind == "ALL" else frozenset(str(name) for name in own | extra)
    return IndexSchema(index.name, hash_name, range_name, carried, is_global)


def table_ttl(table: Any) -> str | None:
    """The attribute by which a moto table's items expire."""
    enabled = table.ttl.get("TimeToLiveStatus") == "ENABLED"
    return table.ttl.get("AttributeName") if enabled else None


def queue_settings(queue: Any) -> Settings:
    """The settings of a moto queue."""
    policy = queue.redrive_policy or {}
    if isinstance(policy, str):
        policy = json.loads(policy)
    return Settings(
        name=queue.name,
        arn=queue.queue_arn,
        fifo=bool(queue.fifo_queue),
        content_deduplication=bool(queue.content_based_deduplication),
        deduplication_per_group=queue.deduplication_scope == "messageGroup",
        visibility_timeout=int(queue.visibility_timeout),
        delay=int(queue.delay_seconds),
        wait=int(queue.receive_message_wait_time_seconds),
        retention=int(queue.message_retention_period),
        maximum_bytes=int(queue.maximum_message_size),
        dead_letter_queue=policy.get("deadLetterTargetArn", "").rpartition(":")[2] or None,
        maximum_receives=int(policy.get("maxReceiveCount", 0)),
    )
