"""Memories on real storage: writers that meet lose no version, stores hold so many, tenants are apart, a large store is
removed bit by bit, and everything can be paged through."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from chalicelib.core.errors import LambentError
from chalicelib.memory import removal, rows
from chalicelib.memory.draft import Precondition, StoreCreate
from chalicelib.memory.errors import (
    MemoryNotFound,
    MemoryPathTaken,
    MemoryStoreArchived,
    MemoryStoreNotFound,
    PreconditionMissed,
    StoreIsFull,
)
from chalicelib.memory.listing import Wanted
from chalicelib.memory.memories import Held, Place
from chalicelib.memory.model import MOST_MEMORIES, Actor, Memory, Store, Version
from chalicelib.memory.service import MemoryStoreService
from chalicelib.memory.store import MemoryRows
from chalicelib.memory.versions import VersionFilter
from chalicelib.storage import writes
from chalicelib.storage.keys import Space
from chalicelib.storage.writes import Write
from chalicelib.webhooks.happening import Happening
from chalicelib.wiring import Services

HERE, THERE = Space("tenant-a"), Space("tenant-b")
ME, OTHER = Actor("api_key", "me"), Actor("session", "other")


@pytest.fixture
def store(services: Services) -> Store:
    return services.memory_stores.create(HERE, StoreCreate(name="Notes"))


def write(services: Services, store: Store, path: str, content: str, actor: Actor = ME) -> Memory:
    """A memory written by path."""
    return services.memories.create(HERE, store.id, Place(path), content, actor)


def history(services: Services, store: Store, wanted: VersionFilter | None = None) -> list[Version]:
    """All versions, newest first, read in small pages."""
    found: list[Version] = []
    after: str | None = None
    while True:
        page = services.memory_versions.page(HERE, store.id, 3, after, wanted or VersionFilter(), full=False)
        found += [past.version for past in page.items]
        after = page.next
        if after is None:
            return found


def count(services: Services, store: Store) -> int:
    """How many memories the store says it holds."""
    return services.memory_stores.get(HERE, store.id).count


def test_writers_of_one_path_make_one_memory_and_a_version_each(services: Services, store: Store) -> None:
    texts = [f"text {number}" for number in range(12)]
    with ThreadPoolExecutor(6) as pool:
        made = list(pool.map(lambda text: write(services, store, "/same", text), texts))
    assert len({memory.id for memory in made}) == 1
    versions = history(services, store, VersionFilter(memory_id=made[0].id))
    assert len(versions) == 12
    assert versions[-1].operation == "created"
    held = {services.memory_versions.content(HERE, version) for version in versions}
    assert held == set(texts)
    current = services.memories.get(HERE, store.id, made[0].id)
    assert current.version == versions[0].id
    assert count(services, store) == 1


def test_of_writers_with_the_same_precondition_one_wins(services: Services, store: Store) -> None:
    made = write(services, store, "/a", "ground")
    same = Precondition(type="content_sha256", content_sha256=made.sha256)

    def update(text: str) -> bool:
        try:
            services.memories.update(HERE, store.id, made.id, ME, content=text, precondition=same)
        except PreconditionMissed:
            return False
        return True

    with ThreadPoolExecutor(6) as pool:
        won = list(pool.map(update, [f"text {number}" for number in range(8)]))
    assert sum(won) == 1
    assert len(history(services, store)) == 2


def test_two_moves_to_one_path_leave_one_of_them_where_it_was(services: Services, store: Store) -> None:
    made = [write(services, store, f"/from/{number}", str(number)) for number in range(4)]

    def move(memory: Memory) -> bool:
        try:
            services.memories.update(HERE, store.id, memory.id, ME, place=Place("/to"))
        except MemoryPathTaken:
            return False
        return True

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(move, made)) == 1
    paths = [one.memory.path for one in _listed(services, store) if isinstance(one, Held)]
    assert len(paths) == len(set(paths)) == 4
    assert "/to" in paths


def _listed(services: Services, store: Store, **wanted: object) -> list[object]:
    found: list[object] = []
    after: str | None = None
    while True:
        page = services.memory_lists.by_path(HERE, store.id, Wanted(limit=2, after=after, **wanted))  # type: ignore[arg-type]
        found += page.items
        after = page.next
        if after is None:
            return found


def test_a_write_that_changes_nothing_makes_no_version(services: Services, store: Store) -> None:
    made = write(services, store, "/a", "same")
    assert write(services, store, "/a", "same") == made
    assert services.memories.update(HERE, store.id, made.id, ME, place=Place("/a"), content="same") == made
    assert len(history(services, store)) == 1


def test_a_removed_memory_leaves_its_path_and_its_history(services: Services, store: Store) -> None:
    made = write(services, store, "/a", "one")
    services.memories.delete(HERE, store.id, made.id, OTHER)
    assert count(services, store) == 0
    for gone in (
        lambda: services.memories.get(HERE, store.id, made.id),
        lambda: services.memories.delete(HERE, store.id, made.id, ME),
        lambda: services.memories.update(HERE, store.id, made.id, ME, content="x"),
    ):
        with pytest.raises(MemoryNotFound):
            gone()
    again = write(services, store, "/a", "two")
    assert again.id != made.id
    assert [one.operation for one in history(services, store)] == ["created", "deleted", "created"]
    assert [one.operation for one in history(services, store, VersionFilter(actor=OTHER))] == ["deleted"]
    assert [one.operation for one in history(services, store, VersionFilter(operation="created"))] == ["created"] * 2


def test_versions_of_a_memory_follow_each_other_whatever_the_clocks_say(
    services: Services, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = write(services, store, "/a", "one")
    monkeypatch.setattr("chalicelib.memory.memories.now_ms", lambda: made.updated_at - 60_000)
    changed = write(services, store, "/a", "two")
    assert changed.version > made.version
    assert [one.id for one in history(services, store)] == [changed.version, made.version]


def test_a_full_store_takes_changes_but_no_more_memories(services: Services, store: Store) -> None:
    made = write(services, store, "/a", "one")
    head = rows.key(HERE, store.id)
    services.table.write(writes.update(head, {}, add={"count": MOST_MEMORIES - 2}))
    write(services, store, "/last", "fits")
    with pytest.raises(StoreIsFull):
        write(services, store, "/more", "x")
    assert write(services, store, "/a", "two").id == made.id
    services.memories.delete(HERE, store.id, made.id, ME)
    write(services, store, "/more", "x")


def test_an_archived_store_takes_nothing_even_from_who_looked_before(services: Services, store: Store) -> None:
    made = write(services, store, "/a", "one")
    services.memory_stores.archive(HERE, store.id)
    for change in (
        lambda: write(services, store, "/b", "x"),
        lambda: services.memories.update(HERE, store.id, made.id, ME, content="x"),
    ):
        with pytest.raises(MemoryStoreArchived):
            change()
    services.memories.delete(HERE, store.id, made.id, ME)


def test_paths_of_any_length_are_listed_once_and_in_pages(services: Services, store: Store) -> None:
    long = ["/" + "p" * 960 + f"/{number}" for number in range(3)]
    paths = ["/a/b/c", "/a/b/d", "/a!", "/a", "/b", *long]
    for path in paths:
        write(services, store, path, path)
    found = [one.memory.path for one in _listed(services, store) if isinstance(one, Held)]
    assert sorted(found) == sorted(paths)
    assert found[:5] == sorted(paths[:5])
    flat = [one.memory.path if isinstance(one, Held) else one.path for one in _listed(services, store, flat=True)]  # type: ignore[attr-defined]
    assert flat == ["/a", "/a!", "/a/", "/b", "/" + "p" * 960 + "/"]
    below = _listed(services, store, prefix="/" + "p" * 960 + "/", full=True)
    assert {one.content for one in below if isinstance(one, Held)} == set(long)


def test_a_store_of_another_tenant_is_unknown(services: Services, store: Store) -> None:
    made = write(services, store, "/a", "one")
    asked = (
        lambda: services.memory_stores.get(THERE, store.id),
        lambda: services.memories.get(THERE, store.id, made.id),
        lambda: services.memories.create(THERE, store.id, Place("/b"), "x", ME),
        lambda: services.memory_versions.get(THERE, store.id, made.version),
        lambda: services.memory_search.search(THERE, store.id, "one", 5),
        lambda: services.memory_stores.delete(THERE, store.id),
    )
    for ask in asked:
        with pytest.raises(MemoryStoreNotFound):
            ask()
    assert services.memories.get(HERE, store.id, made.id) == made


def test_what_a_request_leaves_of_a_large_store_the_clock_removes(
    services: Services, other_process: Services, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = services.memory_stores.create(HERE, StoreCreate(name="Kept"))
    write(services, kept, "/a", "kept")
    for number in range(6):
        write(services, store, f"/{number}", str(number))
    for name, value in (("_AT_ONCE", 5), ("_PAGE", 4), ("_PATIENCE_MS", -1)):
        monkeypatch.setattr(removal, name, value)
    services.memory_stores.delete(HERE, store.id)
    partition = HERE.partition(rows.NOUN, store.id)
    left = list(services.table.walk(partition))
    assert len(left) > 10
    for ask in (
        lambda: services.memory_stores.get(HERE, store.id),
        lambda: services.memory_stores.delete(HERE, store.id),
        lambda: write(services, store, "/x", "x"),
    ):
        with pytest.raises(LambentError):
            ask()
    other_process.memory_removal.sweep()
    assert list(services.table.walk(partition)) == []
    assert other_process.memory_removal.sweep() == 0
    assert count(services, kept) == 1


def test_a_store_that_cannot_be_removed_keeps_no_other_waiting(
    services: Services, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    second = services.memory_stores.create(HERE, StoreCreate(name="Second"))
    for name, value in (("_AT_ONCE", 0), ("_PATIENCE_MS", -1)):
        monkeypatch.setattr(removal, name, value)
    for one in (store, second):
        write(services, one, "/a", "x")
        services.memory_stores.delete(HERE, one.id)
    going_on = removal.Removal._go_on

    def breaks(self: removal.Removal, space: Space, store_id: str, most: int) -> int:
        if store_id == store.id:
            raise RuntimeError
        return going_on(self, space, store_id, most)

    monkeypatch.setattr(removal.Removal, "_go_on", breaks)
    services.memory_removal.sweep()
    assert list(services.table.walk(HERE.partition(rows.NOUN, second.id))) == []


class Ear:
    """Remembers what was told."""

    def __init__(self) -> None:
        self.heard: list[tuple[str, str]] = []

    def tell(self, space: Space, *happened: Happening) -> list[Write]:
        """A write, so that it can be seen that it goes along."""
        self.heard += [(one.type, one.thing) for one in happened]
        return [writes.put({"pk": space.partition("ear"), "sk": one.type}) for one in happened]


def test_receivers_are_told_of_a_stores_life_once(services: Services) -> None:
    ear = Ear()
    stores = MemoryStoreService(MemoryRows(services.table, services.documents), services.memory_removal, ear)
    made = stores.create(HERE, StoreCreate(name="Notes"))
    for _ in range(2):
        stores.archive(HERE, made.id)
    stores.delete(HERE, made.id)
    kinds = ["memory_store.created", "memory_store.archived", "memory_store.deleted"]
    assert ear.heard == [(kind, made.id) for kind in kinds]
    assert [row["sk"] for row in services.table.walk(HERE.partition("ear"))] == sorted(kinds)
