"""Computes the vectors of memories after they were written: writers never wait for them."""

import time
from collections.abc import Sequence

from chalicelib.core.clock import now_ms
from chalicelib.embeddings.base import Embedder, EmbeddingFailed
from chalicelib.embeddings.passages import passages
from chalicelib.embeddings.vectors import packed
from chalicelib.memory.facets import FacetRows, Facets
from chalicelib.memory.store import MemoryRows
from chalicelib.observability import log_failure, logger
from chalicelib.storage.errors import ConditionFailed
from chalicelib.storage.keys import Space

_A_TICK = 64
_TICK_SECONDS = 20.0
_FIRST_PAUSE_MS = 60_000
_MOST_DOUBLINGS = 10


class Embedding:
    """Gives memories their vectors; doing it twice does no harm."""

    def __init__(self, store: MemoryRows, facets: FacetRows, embedder: Embedder | None) -> None:
        self._store = store
        self._facets = facets
        self.embedder = embedder

    def refresh(self, space: Space, store_id: str, wanted: Sequence[Facets], seconds: float) -> dict[str, Facets]:
        """Fresh facets by memory, as many as fit into the time. Raises EmbeddingFailed."""
        made: dict[str, Facets] = {}
        until = time.monotonic() + seconds
        contents = self._store.contents(space, store_id, [one.version for one in wanted])
        for one in wanted:
            if time.monotonic() >= until:
                break
            if (fresh := self._embed(one, contents.get(one.version))) is not None:
                made[one.memory_id] = fresh
                self._keep(space, store_id, fresh)
        return made

    def _embed(self, one: Facets, content: str | None) -> Facets | None:
        if self.embedder is None or content is None:
            return None
        parts = passages(content)
        vectors = packed(self.embedder.embed(parts, "passage")) if parts else b""
        return Facets(one.memory_id, one.version, one.terms, vectors, self.embedder.model)

    def _keep(self, space: Space, store_id: str, fresh: Facets) -> None:
        try:
            self._store.table.write(self._facets.embedded(space, store_id, fresh))
        except ConditionFailed:
            # The memory changed meanwhile, and waits for vectors of what it holds now.
            return

    def sweep(self) -> int:
        """Give vectors to memories that wait for them, of all tenants; how many waited."""
        if self.embedder is None:
            return 0
        due = self._facets.due(now_ms(), _A_TICK)
        until = time.monotonic() + _TICK_SECONDS
        for space, store_id, one in due:
            if time.monotonic() >= until:
                break
            try:
                self.refresh(space, store_id, [one], until - time.monotonic())
            except EmbeddingFailed as error:
                log_failure(logger("memory"), "a memory got no vectors", error)
                self._put_off(space, store_id, one)
                break
            except Exception as error:  # noqa: BLE001 - one of them must not keep the others waiting
                log_failure(logger("memory"), "a memory cannot be given vectors", error)
                self._put_off(space, store_id, one)
        return len(due)

    def _put_off(self, space: Space, store_id: str, one: Facets) -> None:
        pause = _FIRST_PAUSE_MS << min(one.tries, _MOST_DOUBLINGS)
        try:
            self._store.table.write(self._facets.later(space, store_id, one, now_ms() + pause))
        except ConditionFailed:
            return
