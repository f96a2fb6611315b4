"""Stands in for the queue's event source mapping: receives doorbells and hands them to a pool of workers.

One receive loop; doorbells for one door that arrive together are handled as one, for they carry no work.
"""

import threading
from collections import defaultdict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from chalicelib.observability import logger
from chalicelib.storage.queue import read_bell

_MOST_RECEIVED = 10
_WAIT_SECONDS = 10
_AGAIN_SECONDS = 2
_PAUSE_SECONDS = 1.0
Message = dict[str, Any]
Handler = Callable[[str, str], None]
"""(body, receipt) of a message; raises to have it delivered again."""


class Pump:
    """Feeds one queue to a handler until stopped.

    Messages stay hidden for ``hidden_seconds``, longer only if the handler sees to it: those of a process that died
    come back soon.
    """

    def __init__(
        self, client: Any, queue_url: str, handler: Handler, *, workers: int, hidden_seconds: int, name: str
    ) -> None:
        self._client = client
        self._url = queue_url
        self._handler = handler
        self._hidden_seconds = hidden_seconds
        self._pool = ThreadPoolExecutor(max_workers=workers, thread_name_prefix=name)
        self._free = threading.Semaphore(workers)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"{name}-pump", daemon=True)

    def start(self) -> None:
        """Begin to receive."""
        self._thread.start()

    def stop(self) -> None:
        """Receive nothing more; what is being handled goes on until the process ends."""
        self._stop.set()
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                self._receive()
            except (BotoCoreError, ClientError):
                logger("local").warning("the queue could not be read", exc_info=True)
                self._stop.wait(_PAUSE_SECONDS)
            except Exception:
                # The queue of an engine that was closed ends a waiting receive in its own way.
                if not self._stop.is_set():
                    raise

    def _receive(self) -> None:
        free = self._reserve()
        handed = 0
        try:
            answer = self._client.receive_message(
                QueueUrl=self._url,
                MaxNumberOfMessages=free,
                WaitTimeSeconds=_WAIT_SECONDS,
                VisibilityTimeout=self._hidden_seconds,
                AttributeNames=["MessageGroupId"],
            )
            for messages in _by_group(answer.get("Messages", [])):
                handed += 1
                self._hand_over(messages)
        finally:
            if handed < free:
                self._free.release(free - handed)

    def _reserve(self) -> int:
        """Workers for as many messages as a receive may give: none that is received waits for its worker."""
        self._free.acquire()
        free = 1
        while free < _MOST_RECEIVED and self._free.acquire(blocking=False):
            free += 1
        return free

    def _hand_over(self, messages: list[Message]) -> None:
        try:
            self._pool.submit(self._handle, messages)
        except RuntimeError:
            self._free.release()

    def _handle(self, messages: list[Message]) -> None:
        """Handle the messages of one group, door after door; behind what fails the others wait their turn again."""
        left = messages
        try:
            while left:
                same, others = _parted(left)
                self._handler(same[0]["Body"], same[0]["ReceiptHandle"])
                self._remove(same)
                self._hide(left := others, self._hidden_seconds)
        except Exception:  # noqa: BLE001 - whatever it was, the loop must go on
            logger("local").exception("a doorbell could not be handled; it will ring again")
            self._hide(left, _AGAIN_SECONDS)
        finally:
            self._free.release()

    def _remove(self, messages: list[Message]) -> None:
        for message in messages:
            try:
                self._client.delete_message(QueueUrl=self._url, ReceiptHandle=message["ReceiptHandle"])
            except (BotoCoreError, ClientError):
                logger("local").warning("a handled doorbell could not be removed", exc_info=True)

    def _hide(self, messages: list[Message], seconds: int) -> None:
        """Keep messages from being received for so long from now."""
        for message in messages:
            try:
                self._client.change_message_visibility(
                    QueueUrl=self._url, ReceiptHandle=message["ReceiptHandle"], VisibilityTimeout=seconds
                )
            except (BotoCoreError, ClientError):
                logger("local").warning("a doorbell could not be kept hidden; it comes by itself", exc_info=True)


def _parted(messages: list[Message]) -> tuple[list[Message], list[Message]]:
    """The messages for the door of the first one, and the others."""
    first = _door(messages[0])
    return [one for one in messages if _door(one) == first], [one for one in messages if _door(one) != first]


def _door(message: Message) -> str:
    try:
        return read_bell(message["Body"]).door
    except ValueError:
        # The handler tells what is wrong with it.
        return str(message["Body"])


def _by_group(messages: list[Message]) -> list[list[Message]]:
    groups: dict[str, list[Message]] = defaultdict(list)
    for message in messages:
        groups[message["Attributes"]["MessageGroupId"]].append(message)
    return list(groups.values())
