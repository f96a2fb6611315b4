"""One tenant's webhooks without a pump: a test decides when which bell is answered, and what time it is."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest

from chalicelib.core import clock
from chalicelib.core.ids import new_id
from chalicelib.runs import entry
from chalicelib.runs.worker import NO_LIMIT_MS
from chalicelib.storage.keys import Space
from chalicelib.storage.listing import Window
from chalicelib.vaults.draft import VaultCreate
from chalicelib.webhooks.deliveries import DeliveryFilter
from chalicelib.webhooks.drafts import EndpointCreate
from chalicelib.webhooks.model import Delivery, Endpoint
from chalicelib.wiring import Services
from tests.support.receiver import Receiver

MINUTE, HOUR = 60_000, 3_600_000
_TIMED = ("announcing", "courier", "delivery_store", "endpoints", "happening", "outbox", "passage", "sending")


@dataclass
class Time:
    """The present moment as webhooks see it."""

    ahead_ms: int = 0

    def now(self) -> int:
        """Milliseconds."""
        return clock.now_ms() + self.ahead_ms

    def pass_by(self, milliseconds: int) -> None:
        """Let time pass."""
        self.ahead_ms += milliseconds


@dataclass
class Post:
    """A tenant's webhooks."""

    services: Services
    time: Time
    space: Space = field(default_factory=lambda: Space(new_id()))

    def endpoint(self, url: str, *events: str) -> Endpoint:
        """A new endpoint."""
        sent = EndpointCreate(url=url, events=list(events) or ["*"])
        return self.services.webhook_endpoints.create(self.space, sent)[0]

    def happen(self, name: str = "Keys") -> str:
        """Something worth telling: a vault is made; its id."""
        return self.services.vaults.create(self.space, VaultCreate(display_name=name)).id

    def bells(self, by: Services | None = None) -> int:
        """Answer every bell that rings until none does; how many rang."""
        known, rang = by or self.services, 0
        url, client = known.settings.queue_url, known.doorbells.client
        while messages := client.receive_message(QueueUrl=url, WaitTimeSeconds=0).get("Messages"):
            for message in messages:
                rang += 1
                with self._taken(message["ReceiptHandle"]):
                    entry.ring(message["Body"], receipt=None, remaining_ms=lambda: NO_LIMIT_MS, parts=known)
        return rang

    @contextmanager
    def _taken(self, receipt: str) -> Iterator[None]:
        """What is handled is removed; what a process died over comes back at once."""
        url, client = self.services.settings.queue_url, self.services.doorbells.client
        try:
            yield
        except BaseException:
            client.change_message_visibility(QueueUrl=url, ReceiptHandle=receipt, VisibilityTimeout=0)
            raise
        client.delete_message(QueueUrl=url, ReceiptHandle=receipt)

    def silence(self) -> int:
        """Lose every bell that rings; how many."""
        url, client, lost = self.services.settings.queue_url, self.services.doorbells.client, 0
        while messages := client.receive_message(QueueUrl=url, WaitTimeSeconds=0).get("Messages"):
            lost += len(messages)
            for message in messages:
                client.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        return lost

    def tick(self, pass_by: int = 0) -> None:
        """Let time pass, then the clock look, then all bells be answered."""
        self.time.pass_by(pass_by)
        entry.tick(self.services)
        self.bells()

    def deliveries(self, endpoint: Endpoint, **wanted: Any) -> list[Delivery]:
        """An endpoint's deliveries, oldest first."""
        window = Window(500, ascending=True)
        found = self.services.webhook_deliveries.page(self.space, endpoint.id, window, DeliveryFilter(**wanted))
        return found.items

    def read(self, endpoint: Endpoint) -> Endpoint:
        """The endpoint as it is now."""
        return self.services.webhook_endpoints.get(self.space, endpoint.id)


@pytest.fixture
def time(monkeypatch: pytest.MonkeyPatch) -> Time:
    """The time of everything about webhooks, and of the clock that looks after them."""
    made = Time()
    for name in _TIMED:
        monkeypatch.setattr(f"chalicelib.webhooks.{name}.now_ms", made.now, raising=False)
    monkeypatch.setattr("chalicelib.runs.entry.now_ms", made.now)
    return made


@pytest.fixture
def post(services: Services, time: Time) -> Post:
    """One tenant's webhooks."""
    return Post(services, time)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """Somebody who listens."""
    with Receiver() as running:
        yield running
