"""The worker's side: shares out what happened among the endpoints, and delivers what is due."""

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

from chalicelib.core.clock import now_ms
from chalicelib.observability import count, logger
from chalicelib.storage.errors import TransactionRefused
from chalicelib.storage.keys import Space
from chalicelib.storage.queue import DoorbellQueue, Errand
from chalicelib.storage.table import Table
from chalicelib.webhooks import outbox, passage, queue_store, schedule
from chalicelib.webhooks.delivery_store import DeliveryStore
from chalicelib.webhooks.due import QUEUE
from chalicelib.webhooks.endpoints import EndpointService
from chalicelib.webhooks.model import Attempt, Delivery, Endpoint
from chalicelib.webhooks.outbox import Parcel
from chalicelib.webhooks.queue_store import Bell
from chalicelib.webhooks.ringing import ring
from chalicelib.webhooks.sending import Sender

_PARCELS = 25
_ROUND = 64
_LANES = 8
_BUDGET_SECONDS = 25.0
_NEEDED_MS = 15_000


@dataclass(slots=True)
class Round:
    """What came of one look at an endpoint's queue."""

    succeeded: int = 0
    failed: int = 0


class Courier:
    """Carries messages from the outbox to their receivers. ``handle`` may run in many threads."""

    def __init__(
        self,
        table: Table,
        endpoints: EndpointService,
        deliveries: DeliveryStore,
        sender: Sender,
        doorbells: DoorbellQueue,
    ) -> None:
        self._table = table
        self._endpoints = endpoints
        self._deliveries = deliveries
        self._sender = sender
        self._doorbells = doorbells

    def share_out(self, space: Space) -> None:
        """Turn everything in a tenant's outbox into deliveries, in order, and ring for the endpoints that have some."""
        while parcels := outbox.waiting(self._table, space, _PARCELS):
            endpoints = self._endpoints.all(space)
            rung: dict[str, None] = {}
            for parcel in parcels:
                made = passage.shared_out(space, endpoints, parcel.happened)
                self._share(space, parcel, made)
                rung |= dict.fromkeys(one.endpoint for one in made)
            for endpoint_id in rung:
                self._ring(space, endpoint_id)

    def _share(self, space: Space, parcel: Parcel, made: Sequence[Delivery]) -> None:
        try:
            self._deliveries.share(space, made, [parcel.removal()])
        except TransactionRefused:
            # A try that was cut off, or another courier, has put some of them into their queues.
            if outbox.still_there(self._table, parcel):
                self._deliveries.share(space, self._deliveries.unknown(space, made), [parcel.removal()])

    def _ring(self, space: Space, endpoint_id: str) -> None:
        ring(self._doorbells, Errand(QUEUE, space.tenant, endpoint_id))

    def deliver(self, space: Space, endpoint_id: str, remaining_ms: Callable[[], int]) -> None:
        """Try what is due at one endpoint, and settle when to look again."""
        endpoint = self._endpoints.find(space, endpoint_id)
        if endpoint is None:
            if not self._deliveries.purge(space, endpoint_id):
                self._ring(space, endpoint_id)
            return
        seen = queue_store.bell(self._table, space, endpoint_id)
        if not endpoint.enabled:
            self._give_up_all(space, endpoint_id)
        elif seen.hold <= now_ms():
            seen = self._rounds(space, endpoint, seen, remaining_ms)
        self._settle(space, endpoint_id, seen)

    def _rounds(self, space: Space, endpoint: Endpoint, seen: Bell, remaining_ms: Callable[[], int]) -> Bell:
        until = time.monotonic() + _BUDGET_SECONDS
        total = Round()
        keys = self._endpoints.signing_secrets(space, endpoint)
        if not keys:
            self._endpoints.disable(space, endpoint, "its secret cannot be read; rotate it")
            self._give_up_all(space, endpoint.id)
        while keys and time.monotonic() < until and remaining_ms() > _NEEDED_MS:
            due = self._deliveries.due(space, endpoint.id, now_ms(), _ROUND)
            if not due:
                break
            self._round(space, endpoint, due, keys, total, until)
            if total.failed:
                break
        return self._judged(space, endpoint, seen, total)

    def _round(
        self, space: Space, endpoint: Endpoint, due: list[Delivery], keys: list[str], total: Round, until: float
    ) -> None:
        """Deliver side by side what belongs to different things, and one after another what belongs to the same."""
        lanes: dict[str, list[Delivery]] = {}
        for one in due:
            lanes.setdefault(one.subject, []).append(one)

        def lane(waiting: list[Delivery]) -> list[bool]:
            went: list[bool] = []
            for one in waiting:
                if time.monotonic() > until or not all(went):
                    break
                went.append(self._one(space, one, self._sender.attempt(endpoint, one, keys)))
            return went

        results = _side_by_side(lane, list(lanes.values()))
        total.succeeded += sum(went.count(True) for went in results)
        total.failed += sum(went.count(False) for went in results)

    def _one(self, space: Space, before: Delivery, attempt: Attempt) -> bool:
        after = passage.tried(before, attempt)
        if not self._deliveries.move(space, [(before, after)]):
            logger("webhooks").info("a delivery was changed by somebody else meanwhile")
        count("WebhookTried", outcome=attempt.error or "delivered")
        return attempt.error is None

    def _judged(self, space: Space, endpoint: Endpoint, seen: Bell, total: Round) -> Bell:
        """Draw conclusions about the receiver as a whole."""
        if total.succeeded:
            self._endpoints.note_success(space, endpoint)
            return replace(seen, misses=0, hold=0)
        if not total.failed:
            return seen
        if not self._endpoints.note_failure(space, endpoint):
            self._give_up_all(space, endpoint.id)
        misses = seen.misses + 1
        return replace(seen, misses=misses, hold=now_ms() + schedule.hold_ms(misses))

    def _give_up_all(self, space: Space, endpoint_id: str) -> None:
        """What waits for a disabled endpoint has failed."""
        while waiting := self._deliveries.due(space, endpoint_id, 10**13 - 1, _ROUND):
            given_up = [(one, passage.over(one, "endpoint_disabled")) for one in waiting]
            if not self._deliveries.move(space, given_up):
                return

    def _settle(self, space: Space, endpoint_id: str, seen: Bell) -> None:
        following = self._deliveries.next_at(space, endpoint_id)
        due = None if following is None else max(following, seen.hold)
        settled = queue_store.settle(self._table, space, endpoint_id, seen, due)
        if settled and due is not None and due <= now_ms():
            self._ring(space, endpoint_id)


def _side_by_side(work: Callable[[list[Delivery]], list[bool]], lanes: Sequence[list[Delivery]]) -> list[list[bool]]:
    if len(lanes) == 1:
        return [work(lanes[0])]
    with ThreadPoolExecutor(min(_LANES, len(lanes)), thread_name_prefix="webhook") as pool:
        return list(pool.map(work, lanes))
