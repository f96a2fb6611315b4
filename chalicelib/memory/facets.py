"""What search knows of a memory: its words, and vectors of its content once they are computed."""

from dataclasses import dataclass

from chalicelib.memory import rows, terms
from chalicelib.memory.model import Memory
from chalicelib.storage import writes
from chalicelib.storage.keys import Key, Space, list_sk
from chalicelib.storage.marshal import Row, Scalar
from chalicelib.storage.table import Table
from chalicelib.storage.writes import Write


@dataclass(frozen=True, slots=True)
class Facets:
    """The words of a version, and ``vectors`` (packed) that ``model`` made of it, None while there are none."""

    memory_id: str
    version: str
    terms: bytes
    vectors: bytes | None = None
    model: str = ""
    tries: int = 0


class FacetRows:
    """Reads and writes what search knows. ``embeds``: vectors are computed, so new rows are handed to the clock."""

    def __init__(self, table: Table, *, embeds: bool) -> None:
        self._table = table
        self._embeds = embeds

    def write(self, space: Space, memory: Memory, content: str) -> Write:
        """The write that makes what is known of a memory fresh, vectors not yet among it."""
        place = _key(space, memory.store_id, memory.id)
        words = terms.packed(terms.words(content) | terms.words(memory.path))
        row: Row = {"pk": place.pk, "sk": place.sk, "memory": memory.id, "version": memory.version, "terms": words}
        if self._embeds:
            row |= {"due_pk": rows.EMBEDDING, "due_sk": list_sk(memory.updated_at, memory.id)}
        return writes.put(row)

    @staticmethod
    def removal(space: Space, memory: Memory) -> Write:
        """The write that forgets a memory."""
        return writes.delete(_key(space, memory.store_id, memory.id))

    def all(self, space: Space, store_id: str) -> list[Facets]:
        """Everything that is known of a store's memories."""
        found = self._table.walk(space.partition(rows.NOUN, store_id), low=rows.FACETS, high=rows.FACETS + "~")
        return [_facets(row) for row in found]

    def due(self, now_ms: int, most: int) -> list[tuple[Space, str, Facets]]:
        """(tenant, store, facets) of memories that wait for vectors, of all tenants, the longest waiting first."""
        page = self._table.query_list(
            rows.EMBEDDING, high=f"{now_ms:013d}~", descending=False, limit=most, index=rows.DUE_INDEX
        )
        found = self._table.get_many([Key(row["pk"], row["sk"]) for row in page.rows])
        return [(*rows.owner_of(place.pk), _facets(row)) for place, row in found.items() if "due_pk" in row]

    def embedded(self, space: Space, store_id: str, facets: Facets) -> Write:
        """The write that adds vectors, if they are of what the memory holds now."""
        changes: dict[str, Scalar | None] = {"vectors": facets.vectors, "model": facets.model}
        changes |= {"due_pk": None, "due_sk": None}
        still = writes.equals("version", facets.version)
        return writes.update(_key(space, store_id, facets.memory_id), changes, still)

    def later(self, space: Space, store_id: str, facets: Facets, at_ms: int) -> Write:
        """The write that has the clock try again at a moment."""
        changes: dict[str, Scalar | None] = {"due_sk": list_sk(at_ms, facets.memory_id), "tries": facets.tries + 1}
        still = writes.equals("version", facets.version)
        return writes.update(_key(space, store_id, facets.memory_id), changes, still)


def _key(space: Space, store_id: str, memory_id: str) -> Key:
    return rows.key(space, store_id, rows.FACETS + memory_id)


def _facets(row: Row) -> Facets:
    return Facets(
        row["memory"], row["version"], row["terms"], row.get("vectors"), row.get("model", ""), row.get("tries", 0)
    )
