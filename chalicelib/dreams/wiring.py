"""Puts the parts of dreams together."""

from typing import TYPE_CHECKING

from chalicelib.core.lazy import lazy
from chalicelib.dreams.desk import Desk
from chalicelib.dreams.running import DreamRuns
from chalicelib.dreams.service import DreamService
from chalicelib.dreams.store import NOUN, DreamStore
from chalicelib.schedules.timers import Handler
from chalicelib.storage.keys import Key, Space

if TYPE_CHECKING:
    from chalicelib.wiring import Services


class Dreams:
    """Everything about dreams in this process."""

    def __init__(self, services: "Services") -> None:
        self._services = services
        self.lock = services.lock

    @lazy
    def _store(self) -> DreamStore:
        return DreamStore(self._services.table, self._services.documents)

    @lazy
    def service(self) -> DreamService:
        """What doors use."""
        known = self._services
        return DreamService(self._store, known.memory_stores, known.sessions, known.session_store, known.agents)

    @lazy
    def runs(self) -> DreamRuns:
        """What moves dreams."""
        known = self._services
        return DreamRuns(self._store, self.service, known.memory_stores, known.sessions, known.log)

    @lazy
    def desk(self) -> Desk:
        """What the tools of dreams reach."""
        return Desk(self._store, self._services.memories, self._services.sessions, self._services.log)

    def handlers(self) -> dict[str, Handler]:
        """Who looks after rows that are due, by their noun."""

        def of_dream(space: Space, key: Key) -> None:
            self.runs.fire(space, key)

        return {NOUN: of_dream}
