"""Puts the parts together that bound and stop what is at work."""

from typing import TYPE_CHECKING

from chalicelib.core.lazy import lazy
from chalicelib.running.orders import OrderStore
from chalicelib.running.service import RunningService
from chalicelib.spending.knowing import KnownLimits
from chalicelib.spending.limit_service import LimitService
from chalicelib.spending.limit_store import LimitStore
from chalicelib.spending.purse import Purse

if TYPE_CHECKING:
    from chalicelib.wiring import Services


class Limiting:
    """Spending limits, and the list and stop of what runs, in one process."""

    def __init__(self, services: "Services") -> None:
        self._services = services
        self.lock = services.lock
        self._store = LimitStore(services.table)
        self._known = KnownLimits(self._store)
        self.purse = Purse(self._store, self._known)

    @lazy
    def running(self) -> RunningService:
        services = self._services
        return RunningService(services.session_store, OrderStore(services.table), services.inbox.accept)

    @lazy
    def limits(self) -> LimitService:
        return LimitService(self._store, self._known, lambda space, limit: self.running.switch_off(space, limit))
