"""What a computer changed becomes versions: once however often it is carried, and without losing what others wrote."""

import pytest

from chalicelib.memory.carrying import Carrying, Changes
from chalicelib.memory.draft import StoreCreate
from chalicelib.memory.memories import Place
from chalicelib.memory.model import Actor, Memory
from chalicelib.memory.mounts import UNKNOWN, Base, Mount, MountRows
from chalicelib.memory.versions import VersionFilter
from chalicelib.storage.keys import Space
from chalicelib.wiring import Services

HERE = Space("tenant-a")
SESSION = "session-1"
ELSE = Actor("api_key", "somebody")


class Desk:
    """A store with memories, mounted in a computer."""

    def __init__(self, services: Services) -> None:
        self.services = services
        self.store = services.memory_stores.create(HERE, StoreCreate(name="Notes")).id
        self.made = {path: self.write(path, text) for path, text in (("/a", "one"), ("/b", "two"), ("/c", "three"))}
        self.carrying = Carrying(services.memories, HERE, SESSION)

    def write(self, path: str, text: str) -> Memory:
        """Somebody else writes."""
        return self.services.memories.create(HERE, self.store, Place(path), text, ELSE)

    def mount(self, *, writable: bool = True) -> Mount:
        """The mount as it was when the computer got it."""
        files = {path: Base(memory.id, memory.sha256) for path, memory in self.made.items()}
        return Mount(self.store, "boot", "/mnt/memory/notes", "Notes", writable, files)

    def held(self) -> dict[str, str]:
        """Contents by path."""
        memories = self.services.memories.all(HERE, self.store)
        contents = self.services.memories.contents(HERE, memories)
        return {memory.path: contents[memory.id] for memory in memories}

    def mine(self) -> list[tuple[str, str | None]]:
        """What the session did, latest first."""
        wanted = VersionFilter(actor=Actor("session", SESSION))
        page = self.services.memory_versions.page(HERE, self.store, 100, None, wanted, full=False)
        return [(past.version.operation, past.version.path) for past in page.items]


@pytest.fixture
def desk(services: Services) -> Desk:
    return Desk(services)


CHANGES = Changes({"/a": b"changed", "/new": b"n", "/moved/b": b"two"}, ["/b", "/c"])


def test_changes_carried_again_after_a_crash_have_no_second_effect(desk: Desk) -> None:
    first = desk.mount()
    assert desk.carrying.carry(first, CHANGES) == []
    done = desk.mine()
    assert len(done) == 4
    # The process died before it noted anything: the next one starts from the same ground.
    second = desk.mount()
    assert desk.carrying.carry(second, CHANGES) == []
    assert desk.mine() == done
    assert second.files == first.files
    assert desk.held() == {"/a": "changed", "/new": "n", "/moved/b": "two"}


def test_a_move_keeps_the_memory(desk: Desk) -> None:
    mount = desk.mount()
    desk.carrying.carry(mount, CHANGES)
    assert mount.files["/moved/b"].memory_id == desk.made["/b"].id
    assert set(mount.files) == {"/a", "/new", "/moved/b"}


def test_over_somebody_elses_text_goes_the_sessions_and_both_are_kept(desk: Desk) -> None:
    theirs = desk.write("/a", "theirs")
    (told,) = desk.carrying.carry(desk.mount(), Changes({"/a": b"mine"}))
    assert "changed by somebody else" in told
    assert theirs.version in told
    assert desk.held()["/a"] == "mine"
    version = desk.services.memory_versions.get(HERE, desk.store, theirs.version)
    assert desk.services.memory_versions.content(HERE, version) == "theirs"


def test_a_memory_that_both_made_is_told_of_too(desk: Desk) -> None:
    desk.write("/both", "theirs")
    (told,) = desk.carrying.carry(desk.mount(), Changes({"/both": b"mine"}))
    assert "changed by somebody else" in told
    assert desk.carrying.carry(desk.mount(), Changes({"/both": b"mine"})) == []


def test_what_somebody_else_deleted_is_stored_as_a_new_memory(desk: Desk) -> None:
    desk.services.memories.delete(HERE, desk.store, desk.made["/a"].id, ELSE)
    mount = desk.mount()
    (told,) = desk.carrying.carry(mount, Changes({"/a": b"mine"}))
    assert "deleted by somebody else" in told
    assert desk.held()["/a"] == "mine"
    assert mount.files["/a"].memory_id != desk.made["/a"].id


def test_what_somebody_else_changed_is_not_deleted_and_comes_back(desk: Desk) -> None:
    desk.write("/a", "theirs")
    mount = desk.mount()
    (told,) = desk.carrying.carry(mount, Changes({}, ["/a"]))
    assert "changed by somebody else" in told
    assert desk.held()["/a"] == "theirs"
    assert mount.files["/a"].sha256 == UNKNOWN


def test_a_file_that_moved_in_both_places_is_kept_in_both(desk: Desk) -> None:
    desk.services.memories.update(HERE, desk.store, desk.made["/b"].id, ELSE, place=Place("/theirs"))
    desk.carrying.carry(desk.mount(), Changes({}, ["/b"]))
    assert desk.held()["/theirs"] == "two"


@pytest.mark.parametrize(
    ("path", "content", "reason"),
    [("/x\ny", b"x", "path"), ("/" + "/".join("x" * 21), b"x", "path"), ("/raw", b"\xff", "not UTF-8 text")],
)
def test_what_cannot_be_a_memory_is_told(desk: Desk, path: str, content: bytes, reason: str) -> None:
    (told,) = desk.carrying.carry(desk.mount(), Changes({path: content, "/fine": b"ok"}))
    assert reason in told
    assert set(desk.held()) == {"/a", "/b", "/c", "/fine"}


def test_nothing_leaves_a_mount_for_reading_only(desk: Desk) -> None:
    mount = desk.mount(writable=False)
    (told,) = desk.carrying.carry(mount, CHANGES)
    assert "for reading only" in told
    assert desk.mine() == []
    assert {path for path, base in mount.files.items() if base.sha256 == UNKNOWN} == {
        "/a",
        "/b",
        "/c",
        "/new",
        "/moved/b",
    }


def test_of_two_who_note_a_mount_at_once_one_has_to_look_again(services: Services, desk: Desk) -> None:
    mounts = MountRows(services.table, services.documents)
    assert mounts.save(HERE, SESSION, desk.mount())
    assert not mounts.save(HERE, SESSION, desk.mount())
    (first,), (second,) = mounts.find(HERE, SESSION, "boot"), mounts.find(HERE, SESSION, "boot")
    assert mounts.save(HERE, SESSION, first)
    assert not mounts.save(HERE, SESSION, second)
    assert mounts.find(HERE, SESSION, "another boot") == []
    mounts.forget(HERE, SESSION)
    assert mounts.find(HERE, SESSION, "boot") == []


def test_an_archived_store_takes_nothing_from_a_computer_not_even_removals(desk: Desk) -> None:
    desk.services.memory_stores.archive(HERE, desk.store)
    mount = desk.mount()
    (told,) = desk.carrying.carry(mount, Changes({}, ["/a"]))
    assert "is archived" in told
    assert (desk.mine(), mount.files["/a"].sha256) == ([], UNKNOWN)


def test_what_is_changed_below_a_store_that_is_gone_is_told(desk: Desk) -> None:
    desk.services.memory_stores.delete(HERE, desk.store)
    (told,) = desk.carrying.carry(desk.mount(), CHANGES)
    assert "is gone" in told
