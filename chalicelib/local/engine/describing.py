"""Read-only requests about resources, answered from moto's definitions.

moto's request layer loads its IAM for the first request, tens of megabytes; these common ones go round it.
"""

import time
from collections.abc import Callable
from datetime import UTC
from typing import Any

from chalicelib.local.engine.control import ControlPlane
from chalicelib.local.engine.sqs.operations import queue_name

Params = dict[str, Any]


def describe_table(control: ControlPlane, params: Params) -> Params:
    """A table's definition, with how much it holds."""
    with control.tables.lock:
        table = control.tables.table(params["TableName"])
        count, size = len(table.entries), sum(entry.size for entry in table.entries.values())
    shown = control.backend("dynamodb").describe_table(table.name)["Table"]
    created = shown["CreationDateTime"].replace(tzinfo=UTC)
    return {"Table": {**shown, "CreationDateTime": created, "ItemCount": count, "TableSizeBytes": size}}


def describe_time_to_live(control: ControlPlane, params: Params) -> Params:
    """By which attribute a table's items expire."""
    with control.tables.lock:
        table = control.tables.table(params["TableName"])
    return {"TimeToLiveDescription": dict(control.backend("dynamodb").describe_time_to_live(table.name))}


def get_queue_url(control: ControlPlane, params: Params) -> Params:
    """A queue's URL."""
    control.queues.queue(params["QueueName"])
    return {"QueueUrl": control.backend("sqs").get_queue(params["QueueName"]).physical_resource_id}


def get_queue_attributes(control: ControlPlane, params: Params) -> Params:
    """A queue's attributes, with how many messages it has."""
    name = queue_name(params)
    with control.queues.lock:
        visible, held, delayed = control.queues.queue(name)[0].counts(time.time())
    known = {
        **control.backend("sqs").get_queue(name).attributes,
        "ApproximateNumberOfMessages": visible,
        "ApproximateNumberOfMessagesNotVisible": held,
        "ApproximateNumberOfMessagesDelayed": delayed,
    }
    wanted = params.get("AttributeNames") or ()
    shown = {n: _text(v) for n, v in known.items() if (n in wanted or "All" in wanted) and v is not None}
    return {"Attributes": shown} if shown else {}


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return str(int(value)) if isinstance(value, float) else str(value)


def head_bucket(control: ControlPlane, params: Params) -> Params:
    """Whether a bucket exists."""
    control.objects.bucket(params["Bucket"])
    return {"BucketRegion": control.region}


OPERATIONS: dict[str, dict[str, Callable[[ControlPlane, Params], Params]]] = {
    "dynamodb": {"DescribeTable": describe_table, "DescribeTimeToLive": describe_time_to_live},
    "sqs": {"GetQueueUrl": get_queue_url, "GetQueueAttributes": get_queue_attributes},
    "s3": {"HeadBucket": head_bucket},
}
