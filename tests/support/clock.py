"""The time by which processes judge how old what they remember of tenants and keys is."""

import time

from chalicelib.wiring import Services


class Clock:
    """Stands still until it is moved; everything else in those processes goes by the real time."""

    def __init__(self, *processes: Services) -> None:
        self._seconds = time.time()
        for services in processes:
            self.hold(services)

    def hold(self, services: Services) -> None:
        """Have one more process go by it."""
        services.holdings.clock = lambda: int(self._seconds * 1000)
        for recent in (services.keys._recent, services.tenant_register._recent):
            recent._clock = lambda: self._seconds

    def pass_by(self, seconds: float) -> None:
        """Let time pass."""
        self._seconds += seconds
