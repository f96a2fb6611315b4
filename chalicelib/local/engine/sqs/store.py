"""The queues of the engine: sending, receiving, giving back, and what the journal says of them."""

import secrets
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing
from copy import copy
from typing import Any

from chalicelib.local.engine.errors import EngineClosed, ServiceError
from chalicelib.local.engine.journal import Journal, Record
from chalicelib.local.engine.sqs.queue import DEDUPLICATION_SECONDS, Message, Queue, Settings

_MAX_HELD_SECONDS = 43200
# Sequence numbers are 20 digits, as the service's are, and never repeat across restarts.
_SEQUENCE_BASE = 10**19


class QueueStore:
    """All queues. Everything happens under one lock; a waiting receive gives it up."""

    def __init__(self, journal: Journal, announce: Callable[[str], None]) -> None:
        self.lock = threading.RLock()
        self.queues: dict[str, Queue] = {}
        self._journal = journal
        self._announce = announce
        self._sequence = _SEQUENCE_BASE
        self._closed = False

    def queue(self, name: str) -> tuple[Queue, Settings]:
        """The queue of a name and its settings. Raises NonExistentQueue."""
        queue = self.queues.get(name)
        if queue is None or queue.settings is None:
            raise ServiceError("AWS.SimpleQueueService.NonExistentQueue", "The specified queue does not exist.")
        return queue, queue.settings

    def define(self, settings: Settings) -> None:
        """Serves a queue from now on, with whatever the journal kept of it."""
        with self.lock:
            self._known(settings.name).settings = settings

    def drop(self, name: str) -> None:
        """Forgets a queue and its messages."""
        with self.lock:
            if self.queues.pop(name, None):
                self._journal.append({"o": "qdrop", "q": name})

    def purge(self, name: str) -> None:
        """Deletes every message of a queue."""
        with self.lock:
            queue, _ = self.queue(name)
            self._journal.append({"o": "qdel", "q": name, "s": [m.sequence for m in queue.messages()]})
            for message in queue.messages():
                queue.remove(message)

    def send(self, name: str, draft: Message, deduplication: str | None) -> Message:
        """Queues a message, once per deduplication id; answers the message that stands for it."""
        with self.lock:
            queue, settings = self.queue(name)
            now = time.time()
            known = queue.duplicate_of(deduplication, now) if deduplication else None
            if known:
                draft.id, draft.sequence = known
                return draft
            self._sequence += 1
            draft.sequence, draft.id, draft.sent_at = self._sequence, str(uuid.uuid4()), now
            draft.group = draft.group or draft.id
            draft.visible_at = now + draft.visible_at if draft.visible_at else 0.0
            self._journal.append(_sent(name, draft, deduplication))
            queue.add(draft)
            if deduplication:
                queue.remember(deduplication, now, draft.id, draft.sequence)
            queue.arrived.notify()
        self._announce(settings.name)
        return draft

    def receive(self, name: str, count: int, wait: float | None, hold: int | None) -> list[Message]:
        """Up to `count` messages for a consumer; waits up to `wait` seconds for a first one."""
        with self.lock:
            queue, settings = self.queue(name)
            deadline = time.monotonic() + (settings.wait if wait is None else wait)
            hold_seconds = settings.visibility_timeout if hold is None else hold
            while True:
                taken = self._take(queue, settings, count, hold_seconds)
                left = deadline - time.monotonic()
                if taken or left <= 0:
                    return taken
                waking = queue.next_wake()
                until_wake = max(0.001, waking - time.time()) if waking else left
                queue.arrived.wait(min(left, until_wake))
                if self._closed:
                    raise EngineClosed("the engine was closed while a receive was waiting")

    def _take(self, queue: Queue, settings: Settings, count: int, hold: int) -> list[Message]:
        now = time.time()
        taken: list[Message] = []
        with closing(queue.deliverable(now)) as deliverable:
            for message in deliverable:
                if message.sent_at + settings.retention <= now:
                    self._delete(queue, message)
                elif settings.dead_letter_queue and message.receives >= settings.maximum_receives:
                    self._bury(queue, settings, message)
                else:
                    self._give(queue, message, now, hold)
                    taken.append(copy(message))
                    if len(taken) == count:
                        break
        if taken:
            self._journal.append({"o": "qrecv", "q": queue.name, "s": [m.sequence for m in taken]})
        return taken

    def _give(self, queue: Queue, message: Message, now: float, hold: int) -> None:
        message.receives += 1
        message.first_received_at = message.first_received_at or now
        queue.hold(message, f"{message.sequence}.{secrets.token_urlsafe(16)}", now + hold)

    def _bury(self, queue: Queue, settings: Settings, message: Message) -> None:
        target, _ = self.queue(settings.dead_letter_queue or "")
        self._sequence += 1
        buried = Message(
            sequence=self._sequence,
            id=message.id,
            body=message.body,
            group=message.group,
            sent_at=time.time() if settings.fifo else message.sent_at,
            deduplication=message.deduplication,
            attributes=message.attributes,
            source_arn=settings.arn,
        )
        moved = {**_sent(target.name, buried, None), "from": [queue.name, message.sequence]}
        self._journal.append(moved)
        queue.remove(message)
        target.add(buried)
        target.arrived.notify()

    def _delete(self, queue: Queue, message: Message) -> bool:
        self._journal.append({"o": "qdel", "q": queue.name, "s": [message.sequence]})
        return queue.remove(message)

    def delete(self, name: str, receipt: str) -> None:
        """Deletes a held message; deleting it again is no error. Raises for a stale or malformed handle."""
        with self.lock:
            queue, settings = self.queue(name)
            message = self._held(queue, settings, receipt)
            if message is None:
                return
            more = self._delete(queue, message)
            if more:
                queue.arrived.notify()
        if more:
            self._announce(name)

    def change_visibility(self, name: str, receipt: str, seconds: int) -> None:
        """Makes a held message visible in so many seconds. Raises when it is not held by this handle."""
        with self.lock:
            queue, settings = self.queue(name)
            message = self._held(queue, settings, receipt)
            now = time.time()
            if message is None or message.receipt is None:
                raise ServiceError(
                    "AWS.SimpleQueueService.MessageNotInflight",
                    "The message referred to isn't in flight.",
                )
            if now + seconds - message.sent_at > _MAX_HELD_SECONDS:
                raise ServiceError(
                    "InvalidParameterValue",
                    f"Value {seconds} for parameter VisibilityTimeout is invalid. Reason: Total "
                    "VisibilityTimeout for the message is beyond the limit [43200 seconds]",
                )
            queue.show_at(message, now + seconds)
            queue.wake(now)
            queue.arrived.notify()
        self._announce(name)

    def _held(self, queue: Queue, settings: Settings, receipt: str) -> Message | None:
        sequence = receipt.partition(".")[0]
        if not sequence.isdigit():
            raise ServiceError(
                "ReceiptHandleIsInvalid", f'The input receipt handle "{receipt}" is not a valid receipt handle.'
            )
        queue.wake(time.time())
        message = queue.find(int(sequence))
        if message is None or message.receipt == receipt:
            return message
        if settings.fifo:
            raise ServiceError(
                "InvalidParameterValue",
                f"Value {receipt} for parameter ReceiptHandle is invalid. Reason: The receipt handle has expired.",
            )
        return message

    def close(self) -> None:
        """Ends every waiting receive."""
        with self.lock:
            self._closed = True
            for queue in self.queues.values():
                queue.arrived.notify_all()

    def clear(self) -> None:
        """Empties every queue."""
        with self.lock:
            for queue in self.queues.values():
                queue.clear()

    def _known(self, name: str) -> Queue:
        queue = self.queues.get(name)
        if queue is None:
            queue = self.queues[name] = Queue(name, self.lock)
        return queue

    def replay(self, record: Record) -> None:
        """Applies one record of the journal."""
        queue = self._known(record["q"])
        match record["o"]:
            case "qsend":
                self._replay_send(queue, record)
            case "qseen":
                queue.remember(*record["d"])
            case "qdrop":
                del self.queues[record["q"]]
            case "qseq":
                self._sequence = max(self._sequence, record["n"])
            case _:
                self._replay_known(queue, record)

    def _replay_send(self, queue: Queue, record: Record) -> None:
        message = Message(**record["m"])
        self._sequence = max(self._sequence, message.sequence)
        if "from" in record:
            source, sequence = record["from"]
            self.queues[source].remove(self._must_find(self.queues[source], sequence))
        queue.add(message)
        deduplication = record.get("d")
        if deduplication and message.sent_at > time.time() - DEDUPLICATION_SECONDS:
            queue.remember(deduplication, message.sent_at, message.id, message.sequence)

    def _replay_known(self, queue: Queue, record: Record) -> None:
        for sequence in record["s"]:
            message = self._must_find(queue, sequence)
            if record["o"] == "qdel":
                queue.remove(message)
            else:
                message.receives += 1

    def _must_find(self, queue: Queue, sequence: int) -> Message:
        message = queue.find(sequence)
        if message is None:
            raise KeyError(sequence)
        return message

    def snapshot(self) -> Iterator[Record]:
        """Records that rebuild the state at the moment of the call. The caller holds the lock."""
        records: list[Record] = []
        for name, queue in self.queues.items():
            records.append({"o": "qseq", "q": name, "n": self._sequence})
            records.extend({"o": "qseen", "q": name, "d": list(seen)} for seen in queue.remembered())
            records.extend(_sent(name, message, None) for message in queue.messages())
        return iter(records)


def _sent(name: str, message: Message, deduplication: str | None) -> Record:
    kept: dict[str, Any] = {
        "sequence": message.sequence,
        "id": message.id,
        "body": message.body,
        "group": message.group,
        "sent_at": message.sent_at,
        "deduplication": message.deduplication,
        "attributes": message.attributes,
        "source_arn": message.source_arn,
        "receives": message.receives,
        "first_received_at": message.first_received_at,
        # A delay outlives a restart; a consumer's hold does not.
        "visible_at": 0.0 if message.receipt else message.visible_at,
    }
    return {"o": "qsend", "q": name, "m": kept, "d": deduplication}
