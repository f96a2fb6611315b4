"""Finds memories by what they say."""

from dataclasses import dataclass

from chalicelib.embeddings.base import EmbeddingFailed
from chalicelib.embeddings.vectors import Question
from chalicelib.memory.embedding import Embedding
from chalicelib.memory.errors import MemoryStoreNotFound
from chalicelib.memory.facets import FacetRows, Facets
from chalicelib.memory.model import Memory
from chalicelib.memory.ranking import ranked
from chalicelib.memory.store import MemoryRows
from chalicelib.observability import log_failure, logger
from chalicelib.storage.keys import Space

LEXICAL = "lexical"
_FRESH_AT_ONCE = 32
_FRESH_SECONDS = 1.0
_LONGEST_QUERY = 2000


@dataclass(frozen=True, slots=True)
class Hit:
    """A memory that was found, with what it holds and how well it fits."""

    memory: Memory
    content: str
    score: float


class MemorySearch:
    """Reads what is known of all memories of a store, which is little, and ranks it."""

    def __init__(self, store: MemoryRows, facets: FacetRows, embedding: Embedding) -> None:
        self._store = store
        self._facets = facets
        self._embedding = embedding

    @property
    def model(self) -> str:
        """What ranks: a model of vectors, or words alone."""
        embedder = self._embedding.embedder
        return LEXICAL if embedder is None else embedder.model

    def search(self, space: Space, store_id: str, query: str, limit: int) -> list[Hit]:
        """The best memories for a query, best first. Raises MemoryStoreNotFound."""
        if not self._store.find_stores(space, [store_id]):
            raise MemoryStoreNotFound
        known = self._facets.all(space, store_id)
        question, known = self._asked(space, store_id, query, known) if known else (None, known)
        best = ranked(known, query, question, self.model)[:limit]
        memories = self._store.memories(space, store_id, [one.memory_id for one in best])
        contents = self._store.contents(space, store_id, [memory.version for memory in memories.values()])
        return [
            Hit(memory, contents[memory.version], one.score)
            for one in best
            if (memory := memories.get(one.memory_id)) is not None and memory.version in contents
        ]

    def _asked(
        self, space: Space, store_id: str, query: str, known: list[Facets]
    ) -> tuple[Question | None, list[Facets]]:
        """The query's vector, and what is known with some missing vectors computed; no vector when that fails."""
        embedder = self._embedding.embedder
        if embedder is None:
            return None, known
        try:
            (vector,) = embedder.embed([query[:_LONGEST_QUERY]], "query")
            stale = [one for one in known if one.vectors is None or one.model != embedder.model][:_FRESH_AT_ONCE]
            fresh = self._embedding.refresh(space, store_id, stale, _FRESH_SECONDS) if stale else {}
        except EmbeddingFailed as error:
            log_failure(logger("memory"), "a search went by words alone", error)
            return None, known
        return Question(vector), [fresh.get(one.memory_id, one) for one in known]
