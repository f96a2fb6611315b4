"""What may be done with deliveries: look at them, have them tried again, send a test."""

from collections.abc import Callable
from dataclasses import dataclass

from chalicelib.core.clock import parse_iso
from chalicelib.core.errors import InvalidRequest
from chalicelib.core.ids import derive_id, new_id
from chalicelib.core.paging import Page
from chalicelib.storage.errors import TransactionRefused
from chalicelib.storage.keys import Space
from chalicelib.storage.listing import Window
from chalicelib.storage.queue import DoorbellQueue, Errand
from chalicelib.webhooks import kinds, passage
from chalicelib.webhooks.delivery_store import DeliveryStore
from chalicelib.webhooks.due import QUEUE
from chalicelib.webhooks.endpoints import EndpointService
from chalicelib.webhooks.errors import DeliveryNotFound, DeliveryPending, EndpointDisabled
from chalicelib.webhooks.happening import Happening
from chalicelib.webhooks.model import Delivery
from chalicelib.webhooks.ringing import ring

_MOST_REDRIVEN = 500


@dataclass(frozen=True, slots=True)
class DeliveryFilter:
    """Which deliveries a list shows; None is any."""

    state: str | None = None
    event_type: str | None = None
    event_id: str | None = None

    def takes(self, one: Delivery) -> bool:
        """Whether it is shown."""
        wanted = ((self.state, one.state), (self.event_type, one.event_type), (self.event_id, one.event_id))
        return all(want is None or want == has for want, has in wanted)


class DeliveryService:
    """Reads deliveries and begins them anew. Every error is one of ``webhooks.errors``."""

    def __init__(
        self, endpoints: EndpointService, store: DeliveryStore, doorbells: Callable[[], DoorbellQueue]
    ) -> None:
        self._endpoints = endpoints
        self._store = store
        self._doorbells = doorbells

    def page(self, space: Space, endpoint_id: str, window: Window, wanted: DeliveryFilter) -> Page[Delivery]:
        """An endpoint's deliveries by creation; ``next`` is the position to go on after. Raises EndpointNotFound."""
        self._endpoints.get(space, endpoint_id)
        found = self._store.page(space, endpoint_id, window, wanted.takes)
        following = found.rows[-1]["list_sk"] if found.more else None
        return Page([self._store.restored(row) for row in found.rows], following)

    def get(self, space: Space, endpoint_id: str, delivery_id: str) -> Delivery:
        """One delivery. Raises EndpointNotFound, DeliveryNotFound."""
        self._endpoints.get(space, endpoint_id)
        found = self._store.find(space, endpoint_id, delivery_id)
        if found is None:
            raise DeliveryNotFound
        return found

    def redeliver(self, space: Space, endpoint_id: str, delivery_id: str) -> Delivery:
        """Send an event again under its id.

        Raises EndpointNotFound, DeliveryNotFound, DeliveryPending, EndpointDisabled.
        """
        before = self.get(space, endpoint_id, delivery_id)
        self._demand_enabled(space, endpoint_id)
        if before.state == "pending":
            raise DeliveryPending("the delivery is under way", code="delivery_pending")
        after = passage.anew(before)
        if not self._store.move(space, [(before, after)], anew=True):
            return self.get(space, endpoint_id, delivery_id)
        self._ring(space, endpoint_id)
        return after

    def redrive(self, space: Space, endpoint_id: str, since: str) -> tuple[int, bool]:
        """Send again what failed from a moment (RFC 3339) on, so much at a time; how many, and whether there are more.

        Raises EndpointNotFound, EndpointDisabled, InvalidRequest.
        """
        try:
            start = parse_iso(since)
        except (ValueError, OverflowError) as error:
            raise InvalidRequest("since: not a date-time", field="since", code="invalid_timestamp") from error
        self._demand_enabled(space, endpoint_id)
        window = Window(_MOST_REDRIVEN, created_from=start, ascending=True)
        found = self._store.page(space, endpoint_id, window, lambda one: one.state == "failed")
        failed = [self._store.restored(row) for row in found.rows]
        if failed:
            self._store.move(space, [(one, passage.anew(one)) for one in failed], anew=True)
            self._ring(space, endpoint_id)
        return len(failed), found.more

    def test(self, space: Space, endpoint_id: str, seed: str | None = None) -> Delivery:
        """Send a test event to this endpoint alone. Raises EndpointNotFound, EndpointDisabled."""
        self._demand_enabled(space, endpoint_id)
        own = derive_id("webhook-test", space.tenant, endpoint_id, seed) if seed else new_id()
        made = passage.fresh(space, endpoint_id, Happening(kinds.TEST, endpoint_id, id=own))
        try:
            self._store.share(space, [made], anew=True)
        except TransactionRefused:
            return self.get(space, endpoint_id, made.id)
        self._ring(space, endpoint_id)
        return made

    def _demand_enabled(self, space: Space, endpoint_id: str) -> None:
        if not self._endpoints.get(space, endpoint_id).enabled:
            raise EndpointDisabled

    def _ring(self, space: Space, endpoint_id: str) -> None:
        ring(self._doorbells(), Errand(QUEUE, space.tenant, endpoint_id))
