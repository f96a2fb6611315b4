"""Puts the parts together that bound and stop what is at work."""

from typing import TYPE_CHECKING

from chalicelib.core.lazy import lazy
from chalicelib.running.orders import OrderStore
from chalicelib.running.service import RunningService
from chalicelib.spending.limit_service import LimitService
from chalicelib.spending.limit_store import LimitStore
from chalicelib.spending.limits import Limit
from chalicelib.spending.purse import Purse
from chalicelib.storage.keys import Space
from chalicelib.tenants.knowing import Known

if TYPE_CHECKING:
    from chalicelib.wiring import Services


class Limiting:
    """Spending limits, and the list and stop of what runs, in one process."""

    def __init__(self, services: "Services") -> None:
        self._services = services
        self.lock = services.lock
        self._store = LimitStore(services.table, services.holdings)
        self._known: Known[tuple[Limit, ...]] = Known(services.holdings, "limits", self._all, ())
        self.purse = Purse(self._store, self._known.of)

    def _all(self, space: Space) -> tuple[Limit, ...]:
        return tuple(self._store.all(space))

    @lazy
    def running(self) -> RunningService:
        services = self._services

        def rest(space: Space) -> None:
            services.sandboxes.rest(space)

        return RunningService(services.session_store, OrderStore(services.table), services.inbox.accept, rest)

    @lazy
    def limits(self) -> LimitService:
        return LimitService(self._store, lambda space, limit: self.running.switch_off(space, limit))
