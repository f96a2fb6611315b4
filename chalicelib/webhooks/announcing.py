"""Decides who has to be told, and sees to it that the telling is as durable as the change."""

import time
from collections.abc import Callable, Sequence
from dataclasses import replace

from chalicelib.events.event import Event
from chalicelib.events.log import SessionRef
from chalicelib.storage.keys import Space
from chalicelib.storage.queue import DoorbellQueue, Errand
from chalicelib.storage.table import Table
from chalicelib.storage.writes import Write
from chalicelib.tenants.cache import Recent
from chalicelib.webhooks import kinds, outbox
from chalicelib.webhooks.due import OUTBOX
from chalicelib.webhooks.endpoint_store import EndpointStore
from chalicelib.webhooks.happening import Happening, of_records
from chalicelib.webhooks.ringing import ring

FRESH_SECONDS = 10.0
"""How long a process goes by what it knows of a tenant's endpoints."""


class Subscriptions:
    """What a tenant's endpoints want to hear, as it was at most ``FRESH_SECONDS`` ago."""

    def __init__(self, store: EndpointStore, clock: Callable[[], float] = time.monotonic) -> None:
        self._store = store
        self._recent: Recent[tuple[str, ...]] = Recent(FRESH_SECONDS, clock)

    def of(self, space: Space) -> tuple[str, ...]:
        """The patterns of all endpoints that are enabled."""
        return self._recent.get(space.tenant, lambda: self._read(space)) or ()

    def forget(self, space: Space) -> None:
        """Something was changed: look anew."""
        self._recent.drop(space.tenant)

    def _read(self, space: Space) -> tuple[str, ...]:
        return tuple({pattern for one in self._store.all(space) if one.enabled for pattern in one.events})


class Announcing:
    """The announcer of a process whose changes are heard outside."""

    def __init__(self, table: Table, subscriptions: Subscriptions, doorbells: Callable[[], DoorbellQueue]) -> None:
        self._table = table
        self._subscriptions = subscriptions
        self._doorbells = doorbells

    def tell(self, space: Space, *happened: Happening) -> list[Write]:
        """The write that goes into the transaction of the change; none where nobody listens."""
        patterns = self._subscriptions.of(space) if happened else ()
        heard = [one for one in happened if kinds.wanted(one.type, patterns)] if patterns else []
        if not heard:
            return []
        return [replace(outbox.parcel_write(space, heard), after=lambda: self._ring(space))]

    def tell_of_records(self, ref: SessionRef, events: Sequence[Event]) -> list[Write]:
        """As ``tell``, for records that are about to be appended to a session's log."""
        return self.tell(ref.space, *of_records(ref, events)) if self._subscriptions.of(ref.space) else []

    def tell_now(self, space: Space, *happened: Happening) -> None:
        """Tell of what changes nothing that is stored."""
        if steps := self.tell(space, *happened):
            self._table.transact(steps)

    def refresh_failed(self, space: Space, vault_id: str, credential_id: str) -> None:
        """Tell that an access token could not be renewed."""
        self.tell_now(space, Happening("vault_credential.refresh_failed", credential_id, {"vault_id": vault_id}))

    def _ring(self, space: Space) -> None:
        ring(self._doorbells(), Errand(OUTBOX, space.tenant, space.tenant))
