"""SQS operations on messages, from a client's parameters to the answer boto3 shows."""

import hashlib
import re
import struct
from collections.abc import Callable
from typing import Any

from chalicelib.local.engine.errors import ServiceError
from chalicelib.local.engine.sqs.attributes import packed, unpacked
from chalicelib.local.engine.sqs.queue import Message, Settings
from chalicelib.local.engine.sqs.store import QueueStore

Params = dict[str, Any]

_MAX_BATCH = 10
_MAX_WAIT = 20
_MAX_VISIBILITY = 43200
_UNPRINTABLE = re.compile("[^\\t\\n\\r\\u0020-\\ud7ff\\ue000-\\ufffd\\U00010000-\\U0010ffff]")
_SENDER = "AIDALAMBENTLOCAL"
_FAULT_FIELDS = ("Code", "Message")


def queue_name(params: Params) -> str:
    """The queue's name, which ends its URL."""
    name: str = params["QueueUrl"].rstrip("/").rpartition("/")[2]
    return name


def send_message(store: QueueStore, params: Params) -> Params:
    """Queues a message, once per deduplication id."""
    name = queue_name(params)
    _, settings = store.queue(name)
    _check_body(settings, params)
    if settings.fifo and not params.get("MessageGroupId"):
        raise _missing("The request must contain the parameter MessageGroupId.")
    attributes = packed(params.get("MessageAttributes") or {})
    draft = Message(
        sequence=0,
        id="",
        body=params["MessageBody"],
        group=params.get("MessageGroupId", "") if settings.fifo else "",
        sent_at=0.0,
        deduplication=_deduplication(settings, params),
        attributes=attributes,
        visible_at=float(_delay(settings, params)),
    )
    sent = store.send(name, draft, _scoped(settings, draft))
    answer = {"MessageId": sent.id, "MD5OfMessageBody": _md5(sent.body)}
    if attributes:
        answer["MD5OfMessageAttributes"] = _attributes_md5(params["MessageAttributes"])
    return {**answer, "SequenceNumber": str(sent.sequence)} if settings.fifo else answer


def _check_body(settings: Settings, params: Params) -> None:
    body = params["MessageBody"]
    if not body:
        raise _missing("The request must contain the parameter MessageBody.")
    if _UNPRINTABLE.search(body):
        raise ServiceError("InvalidMessageContents", "The message contains characters outside the allowed set.")
    if len(body.encode()) > settings.maximum_bytes:
        raise _invalid(
            f"One or more parameters are invalid. Reason: Message must be shorter than {settings.maximum_bytes} bytes."
        )


def _deduplication(settings: Settings, params: Params) -> str | None:
    given: str | None = params.get("MessageDeduplicationId")
    if not settings.fifo:
        return None
    if given is None and settings.content_deduplication:
        return hashlib.sha256(params["MessageBody"].encode()).hexdigest()
    if given is None:
        raise _invalid(
            "The queue should either have ContentBasedDeduplication enabled or "
            "MessageDeduplicationId provided explicitly"
        )
    return given


def _scoped(settings: Settings, draft: Message) -> str | None:
    if draft.deduplication is None or not settings.deduplication_per_group:
        return draft.deduplication
    return f"{draft.group}\n{draft.deduplication}"


def _delay(settings: Settings, params: Params) -> int:
    given = params.get("DelaySeconds")
    if given is None:
        return settings.delay
    if settings.fifo and given:
        raise _invalid(
            f"Value {given} for parameter DelaySeconds is invalid. "
            "Reason: The request include parameter that is not valid for this queue type."
        )
    if not 0 <= given <= 900:
        raise _invalid(
            f"Value {given} for parameter DelaySeconds is invalid. Reason: DelaySeconds must be >= 0 and <= 900."
        )
    return int(given) or settings.delay


def _missing(message: str) -> ServiceError:
    return ServiceError("MissingParameter", message)


def _invalid(message: str) -> ServiceError:
    return ServiceError("InvalidParameterValue", message)


def _md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


def _attributes_md5(attributes: dict[str, Any]) -> str:
    digest = hashlib.md5(usedforsecurity=False)

    def put(data: bytes) -> None:
        digest.update(struct.pack("!I", len(data)) + data)

    for name in sorted(attributes):
        put(name.encode())
        put(attributes[name]["DataType"].encode())
        binary = attributes[name].get("BinaryValue")
        digest.update(b"\x01" if binary is None else b"\x02")
        put(attributes[name].get("StringValue", "").encode() if binary is None else bytes(binary))
    return digest.hexdigest()


def _each(store: QueueStore, params: Params, serve: Callable[[QueueStore, Params], Params]) -> Params:
    """Serves every entry of a batch on its own; a refused one does not hinder the others."""
    entries = params["Entries"]
    if not 1 <= len(entries) <= _MAX_BATCH:
        raise ServiceError(
            "AWS.SimpleQueueService.TooManyEntriesInBatchRequest",
            f"Maximum number of entries per request are 10. You have sent {len(entries)}.",
        )
    if len({entry["Id"] for entry in entries}) < len(entries):
        raise ServiceError("AWS.SimpleQueueService.BatchEntryIdsNotDistinct", "Id repeated.")
    store.queue(queue_name(params))
    done: list[Params] = []
    failed: list[Params] = []
    for entry in entries:
        try:
            answer = serve(store, {**entry, "QueueUrl": params["QueueUrl"]})
            done.append({"Id": entry["Id"], **answer})
        except ServiceError as error:
            fault = dict(zip(_FAULT_FIELDS, (error.code, error.message), strict=True))
            failed.append({"Id": entry["Id"], "SenderFault": True, **fault})
    return {"Successful": done, **({"Failed": failed} if failed else {})}


def receive_message(store: QueueStore, params: Params) -> Params:
    """Takes up to ten messages, waiting for a first one when asked to."""
    count, wait = params.get("MaxNumberOfMessages", 1), params.get("WaitTimeSeconds")
    if not 1 <= count <= _MAX_BATCH:
        raise _invalid(
            f"Value {count} for parameter MaxNumberOfMessages is invalid. "
            "Reason: Must be between 1 and 10, if provided."
        )
    if wait is not None and not 0 <= wait <= _MAX_WAIT:
        raise _invalid(
            f"Value {wait} for parameter WaitTimeSeconds is invalid. Reason: Must be >= 0 and <= 20, if provided."
        )
    name = queue_name(params)
    taken = store.receive(name, count, wait, params.get("VisibilityTimeout"))
    if not taken:
        return {}
    _, settings = store.queue(name)
    return {"Messages": [_received(settings, message, params) for message in taken]}


def _received(settings: Settings, message: Message, params: Params) -> Params:
    answer: Params = {
        "MessageId": message.id,
        "ReceiptHandle": message.receipt,
        "MD5OfBody": _md5(message.body),
        "Body": message.body,
    }
    wanted = {*params.get("AttributeNames", ()), *params.get("MessageSystemAttributeNames", ())}
    system = _system_attributes(settings, message)
    chosen = {name: value for name, value in system.items() if name in wanted or "All" in wanted}
    if chosen:
        answer["Attributes"] = chosen
    shown = _chosen_attributes(unpacked(message.attributes), params.get("MessageAttributeNames", ()))
    if shown:
        answer["MessageAttributes"] = shown
        answer["MD5OfMessageAttributes"] = _attributes_md5(shown)
    return answer


def _chosen_attributes(attributes: Params, wanted: Any) -> Params:
    prefixes = tuple(name[:-2] + "." for name in wanted if name.endswith(".*"))
    everything = "All" in wanted or ".*" in wanted
    return {
        name: value
        for name, value in attributes.items()
        if everything or name in wanted or (prefixes and name.startswith(prefixes))
    }


def _system_attributes(settings: Settings, message: Message) -> dict[str, str]:
    system = {
        "SenderId": _SENDER,
        "SentTimestamp": str(int(message.sent_at * 1000)),
        "ApproximateReceiveCount": str(message.receives),
        "ApproximateFirstReceiveTimestamp": str(int(message.first_received_at * 1000)),
    }
    if settings.fifo:
        system["SequenceNumber"] = str(message.sequence)
        system["MessageGroupId"] = message.group
        system["MessageDeduplicationId"] = message.deduplication or ""
    if message.source_arn:
        system["DeadLetterQueueSourceArn"] = message.source_arn
    return system


def delete_message(store: QueueStore, params: Params) -> Params:
    """Deletes a held message."""
    store.delete(queue_name(params), params["ReceiptHandle"])
    return {}


def change_message_visibility(store: QueueStore, params: Params) -> Params:
    """Changes when a held message is seen again."""
    seconds = params["VisibilityTimeout"]
    if not 0 <= seconds <= _MAX_VISIBILITY:
        raise _invalid(
            f"Value {seconds} for parameter VisibilityTimeout is invalid. Reason: Must be between 0 and 43200."
        )
    store.change_visibility(queue_name(params), params["ReceiptHandle"], seconds)
    return {}


def purge_queue(store: QueueStore, params: Params) -> Params:
    """Deletes every message of a queue."""
    store.purge(queue_name(params))
    return {}


OPERATIONS: dict[str, Callable[[QueueStore, Params], Params]] = {
    "SendMessage": send_message,
    "SendMessageBatch": lambda store, params: _each(store, params, send_message),
    "ReceiveMessage": receive_message,
    "DeleteMessage": delete_message,
    "DeleteMessageBatch": lambda store, params: _each(store, params, delete_message),
    "ChangeMessageVisibility": change_message_visibility,
    "ChangeMessageVisibilityBatch": lambda store, params: _each(store, params, change_message_visibility),
    "PurgeQueue": purge_queue,
}
