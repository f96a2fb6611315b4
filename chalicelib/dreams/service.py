"""What may be done with dreams."""

from contextlib import suppress
from dataclasses import dataclass

from chalicelib.agents.service import AgentService
from chalicelib.core.clock import now_ms
from chalicelib.core.errors import InvalidRequest
from chalicelib.core.ids import new_id
from chalicelib.core.paging import Page
from chalicelib.dreams.errors import DreamActive, DreamEnded, DreamNotFound, StoreIsDreamt
from chalicelib.dreams.model import Dream, DreamSpec
from chalicelib.dreams.store import DreamStore
from chalicelib.events.log import SessionRef
from chalicelib.memory.errors import MemoryStoreArchived, MemoryStoreNotFound
from chalicelib.memory.service import MemoryStoreService
from chalicelib.models.usage import Usage
from chalicelib.sessions.errors import SessionEnded, SessionNotFound
from chalicelib.sessions.inputs import Input, Manner
from chalicelib.sessions.service import SessionService
from chalicelib.sessions.store import SessionStore
from chalicelib.storage.errors import StorageBusy
from chalicelib.storage.keys import Space
from chalicelib.storage.listing import Window

_TRIES = 10


@dataclass(frozen=True, slots=True)
class DreamFilter:
    """Which dreams a list shows; no statuses means any."""

    statuses: frozenset[str] = frozenset()
    archived: bool = False

    def takes(self, dream: Dream) -> bool:
        """Whether a dream is one of them."""
        shown = self.archived or dream.archived_at is None
        return shown and (not self.statuses or dream.status in self.statuses)


class DreamService:
    """Creates, shows, cancels and archives dreams; the clock carries them out."""

    def __init__(
        self,
        store: DreamStore,
        memory: MemoryStoreService,
        sessions: SessionService,
        session_store: SessionStore,
        agents: AgentService,
    ) -> None:
        self._store = store
        self._memory = memory
        self._sessions = sessions
        self._session_store = session_store
        self._agents = agents

    def create(self, space: Space, spec: DreamSpec, dream_id: str | None = None) -> Dream:
        """A new dream; with an id that exists already, that dream.

        Raises MemoryStoreNotFound, MemoryStoreArchived, SessionNotFound, InvalidRequest, StoreIsDreamt.
        """
        if dream_id is not None and (earlier := self._store.find(space, dream_id)) is not None:
            return earlier
        self._demand_inputs(space, spec)
        made = Dream(id=dream_id or new_id(), created_at=now_ms(), **spec.model_dump())
        failed = self._store.insert(space, made)
        if 0 in failed:
            return self.get(space, made.id)
        if failed:
            raise StoreIsDreamt
        return made

    def _demand_inputs(self, space: Space, spec: DreamSpec) -> None:
        found = self._memory.find(space, [spec.store_id]).get(spec.store_id)
        if found is None:
            raise MemoryStoreNotFound("inputs")
        if found.archived_at is not None:
            raise MemoryStoreArchived("inputs")
        if len(set(spec.session_ids)) < len(spec.session_ids):
            raise InvalidRequest("inputs: a session is named twice", field="inputs")
        refs = [SessionRef(space, one) for one in spec.session_ids]
        if len(self._session_store.get_many(refs)) < len(refs):
            raise SessionNotFound("inputs: there is no such session", field="inputs")
        self._agents.demand_served(space, {"model": spec.model})

    def get(self, space: Space, dream_id: str) -> Dream:
        """One dream with what it has used so far. Raises DreamNotFound."""
        return self.with_usage(space, self._get(space, dream_id))

    def _get(self, space: Space, dream_id: str) -> Dream:
        found = self._store.find(space, dream_id)
        if found is None:
            raise DreamNotFound
        return found

    def with_usage(self, space: Space, dream: Dream) -> Dream:
        """The dream with the usage of its session; the stored one where that is gone."""
        if dream.session_id is None or not dream.opened:
            return dream
        with suppress(SessionNotFound):
            totals = self._sessions.get(SessionRef(space, dream.session_id)).head.totals
            names = ("input_tokens", "output_tokens", "cache_read_input_tokens", "cache_creation_input_tokens")
            return dream.model_copy(update={"usage": Usage(**{name: getattr(totals, name) for name in names})})
        return dream

    def page(self, space: Space, window: Window, wanted: DreamFilter) -> Page[Dream]:
        """Dreams by creation; ``next`` is the position to go on after."""
        found = self._store.page(space, window, archived=wanted.archived, wanted=wanted.takes)
        following = found.rows[-1]["list_sk"] if found.more else None
        dreams = [self._store.restored(row) for row in found.rows]
        return Page([self.with_usage(space, one) if one.active else one for one in dreams], following)

    def cancel(self, space: Space, dream_id: str) -> Dream:
        """Stop a dream; what it has written stays. A second call changes nothing. Raises DreamNotFound, DreamEnded."""
        for _ in range(_TRIES):
            dream = self._get(space, dream_id)
            if dream.status == "canceled":
                return dream
            if not dream.active:
                raise DreamEnded
            after = self.with_usage(space, dream).model_copy(update={"status": "canceled", "ended_at": now_ms()})
            if self._store.end(space, dream, after):
                self.stop(space, dream)
                return after
        raise StorageBusy("the dream is changed by too many at once")

    def archive(self, space: Space, dream_id: str) -> Dream:
        """Hide an ended dream from lists; a second call changes nothing. Raises DreamNotFound, DreamActive."""
        for _ in range(_TRIES):
            dream = self._get(space, dream_id)
            if dream.archived_at is not None:
                return dream
            if dream.active:
                raise DreamActive
            after = dream.model_copy(update={"archived_at": now_ms()})
            if self._store.archive(space, dream, after):
                return after
        raise StorageBusy("the dream is changed by too many at once")

    def stop(self, space: Space, dream: Dream) -> None:
        """Interrupt the session of a dream, if it has one."""
        if dream.session_id is not None:
            with suppress(SessionNotFound, SessionEnded):
                ref = SessionRef(space, dream.session_id)
                self._sessions.send(ref, [Input("user.interrupt", {})], Manner())
