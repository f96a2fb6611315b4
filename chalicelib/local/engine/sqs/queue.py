"""One queue: messages in groups, who holds them, and when they may be seen again."""

import heapq
import threading
from collections import OrderedDict
from collections.abc import Generator, Iterator
from dataclasses import dataclass, field
from typing import Any

DEDUPLICATION_SECONDS = 300


@dataclass(slots=True, eq=False)
class Message:
    """A message of a queue. `visible_at` is in seconds since the epoch; `receipt` is set while held."""

    sequence: int
    id: str
    body: str
    group: str
    sent_at: float
    deduplication: str | None = None
    attributes: dict[str, Any] = field(default_factory=dict)
    source_arn: str | None = None
    visible_at: float = 0.0
    receipt: str | None = None
    receives: int = 0
    first_received_at: float = 0.0


@dataclass(slots=True)
class Group:
    """Messages that are delivered in order, and how many of them are held by consumers."""

    messages: OrderedDict[int, Message] = field(default_factory=OrderedDict)
    held: int = 0


@dataclass(frozen=True, slots=True)
class Settings:
    """What a queue's attributes say. Times in seconds."""

    name: str
    arn: str
    fifo: bool
    content_deduplication: bool
    deduplication_per_group: bool
    visibility_timeout: int
    delay: int
    wait: int
    retention: int
    maximum_bytes: int
    dead_letter_queue: str | None
    maximum_receives: int


class Queue:
    """Messages of one queue. Not thread-safe: the store's lock, shared by `arrived`, guards it."""

    def __init__(self, name: str, lock: threading.RLock) -> None:
        self.name = name
        self.settings: Settings | None = None
        self.arrived = threading.Condition(lock)
        self._groups: dict[str, Group] = {}
        self._messages: dict[int, Message] = {}
        self._ready: list[tuple[int, str]] = []
        self._timers: list[tuple[float, int]] = []
        self._seen: OrderedDict[str, tuple[float, str, int]] = OrderedDict()

    def add(self, message: Message) -> None:
        """Puts a message at the end of its group."""
        self._messages[message.sequence] = message
        group = self._groups.setdefault(message.group, Group())
        group.messages[message.sequence] = message
        if message.visible_at:
            heapq.heappush(self._timers, (message.visible_at, message.sequence))
        if len(group.messages) == 1:
            heapq.heappush(self._ready, (message.sequence, message.group))

    def remember(self, deduplication: str, when: float, message_id: str, sequence: int) -> None:
        """Notes a deduplication id for the next five minutes."""
        self._seen[deduplication] = (when, message_id, sequence)

    def duplicate_of(self, deduplication: str, now: float) -> tuple[str, int] | None:
        """Id and sequence number of the message sent with this deduplication id, also when deleted."""
        while self._seen:
            oldest, (when, _, _) = next(iter(self._seen.items()))
            if when > now - DEDUPLICATION_SECONDS:
                break
            del self._seen[oldest]
        known = self._seen.get(deduplication)
        return (known[1], known[2]) if known else None

    def remembered(self) -> list[tuple[str, float, str, int]]:
        """The deduplication ids that still count."""
        return [(key, *value) for key, value in self._seen.items()]

    def find(self, sequence: int) -> Message | None:
        """The message of a sequence number, unless it was deleted."""
        return self._messages.get(sequence)

    def messages(self) -> list[Message]:
        """Every message, in order of sending."""
        return [self._messages[sequence] for sequence in sorted(self._messages)]

    def remove(self, message: Message) -> bool:
        """Deletes a message; tells whether its group now has another to deliver."""
        del self._messages[message.sequence]
        group = self._groups[message.group]
        del group.messages[message.sequence]
        group.held -= message.receipt is not None
        message.receipt = None
        if not group.messages:
            del self._groups[message.group]
            return False
        self._offer(message.group, group)
        return not group.held

    def _offer(self, name: str, group: Group) -> None:
        if not group.held:
            heapq.heappush(self._ready, (next(iter(group.messages)), name))

    def hold(self, message: Message, receipt: str, until: float) -> None:
        """Gives a message to a consumer."""
        group = self._groups[message.group]
        group.held += message.receipt is None
        message.receipt = receipt
        self.show_at(message, until)

    def show_at(self, message: Message, when: float) -> None:
        """Changes when a held message is seen again."""
        message.visible_at = when
        heapq.heappush(self._timers, (when, message.sequence))

    def wake(self, now: float) -> None:
        """Gives back what consumers held for too long."""
        while self._timers and self._timers[0][0] <= now:
            _, sequence = heapq.heappop(self._timers)
            message = self._messages.get(sequence)
            if message is None or message.visible_at > now:
                continue
            group = self._groups[message.group]
            group.held -= message.receipt is not None
            message.receipt = None
            self._offer(message.group, group)

    def next_wake(self) -> float | None:
        """When the next held or delayed message becomes visible."""
        return self._timers[0][0] if self._timers else None

    def deliverable(self, now: float) -> Generator[Message, None, None]:
        """Visible messages in order of delivery. The caller holds or removes each before the next."""
        self.wake(now)
        while self._ready:
            sequence, name = heapq.heappop(self._ready)
            group = self._groups.get(name)
            if group is None or group.held or next(iter(group.messages)) != sequence:
                continue
            yield from self._deliver_group(name, group, now)

    def _deliver_group(self, name: str, group: Group, now: float) -> Iterator[Message]:
        try:
            for message in list(group.messages.values()):
                if message.visible_at > now:
                    return
                yield message
        finally:
            # Whatever was not taken must be found again, also when the caller stops in the middle.
            # A delayed head is offered by its timer.
            if name in self._groups and next(iter(group.messages.values())).visible_at <= now:
                self._offer(name, group)

    def clear(self) -> None:
        """Forgets everything but the settings."""
        self._groups, self._messages, self._ready, self._timers = {}, {}, [], []
        self._seen.clear()

    def counts(self, now: float) -> tuple[int, int, int]:
        """How many messages are visible, held, and delayed."""
        self.wake(now)
        held = sum(message.receipt is not None for message in self._messages.values())
        delayed = sum(m.receipt is None and m.visible_at > now for m in self._messages.values())
        return len(self._messages) - held - delayed, held, delayed
