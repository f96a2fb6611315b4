"""What is told of a directory in which things happen."""

import contextlib
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from chalicelib.sandbox.client import GuestProblem, messages
from tests.functional.sandbox.guest.conftest import Guest
from tests.functional.sandbox.guest.shellcalls import until

_KINDS = "EVENT_TYPE_"


class Watcher:
    """A watcher that is asked for its events."""

    def __init__(self, guest: Guest, path: str, **options: Any) -> None:
        self.guest = guest
        self.id = self._ask("CreateWatcher", path=path, **options)["watcherId"]

    def _ask(self, method: str, **body: Any) -> dict[str, Any]:
        return self.guest.call(f"/filesystem.Filesystem/{method}", body)

    def full(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self._ask("GetWatcherEvents", watcherId=self.id)["events"]
        return found

    def events(self) -> list[tuple[str, str]]:
        return [(one["name"], one["type"].removeprefix(_KINDS)) for one in self.full()]

    def close(self) -> None:
        self._ask("RemoveWatcher", watcherId=self.id)


@pytest.fixture
def real(guest: Guest, folder: str) -> Path:
    return guest.root / folder.lstrip("/")


@pytest.fixture
def watcher(guest: Guest, folder: str) -> Iterator[Watcher]:
    one = Watcher(guest, folder, recursive=True)
    yield one
    one.close()


def put(guest: Guest, path: str, data: bytes) -> None:
    answer = guest.http.post(
        "/files", params={"path": path}, content=data, headers={"content-type": "application/octet-stream"}
    )
    assert answer.status_code == 200


def test_each_thing_is_told_once(guest: Guest, folder: str, watcher: Watcher) -> None:
    put(guest, f"{folder}/f", b"x" * (3 << 20))
    assert watcher.events() == [("f", "CREATE"), ("f", "WRITE")]
    put(guest, f"{folder}/f", b"y")
    assert watcher.events() == [("f", "WRITE")]
    guest.call("/filesystem.Filesystem/Move", {"source": f"{folder}/f", "destination": f"{folder}/g"})
    assert watcher.events() == [("f", "RENAME"), ("g", "CREATE")]
    guest.call("/filesystem.Filesystem/Remove", {"path": f"{folder}/g"})
    assert watcher.events() == [("g", "REMOVE")]
    assert watcher.events() == []


def test_writes_of_commands(guest: Guest, folder: str, watcher: Watcher) -> None:
    guest.run("for i in 1 2 3 4 5; do echo $i; done > new", cwd=folder)
    assert watcher.events() == [("new", "CREATE"), ("new", "WRITE")]
    guest.run("echo more >> new; chmod 600 new", cwd=folder)
    assert watcher.events() == [("new", "WRITE"), ("new", "CHMOD")]


def test_a_file_that_stays_open_is_told_of_meanwhile(real: Path, watcher: Watcher) -> None:
    with (real / "log").open("w") as file:
        for _ in range(3):
            file.write("x")
            file.flush()
        time.sleep(0.5)
        assert watcher.events() == [("log", "CREATE"), ("log", "WRITE")]
    assert watcher.events() == []


def test_new_directories_are_watched_with_what_is_in_them_already(guest: Guest, folder: str, watcher: Watcher) -> None:
    guest.run("mkdir -p a/b/c && echo 1 > a/b/c/f && touch a/e", cwd=folder)
    events = watcher.events()
    for name in ("a", "a/b", "a/b/c", "a/b/c/f", "a/e"):
        assert events.count((name, "CREATE")) == 1
    time.sleep(0.4)
    events += watcher.events()
    assert events.count(("a/b/c/f", "WRITE")) == 1
    guest.run("echo 2 > a/b/c/g", cwd=folder)
    assert watcher.events() == [("a/b/c/g", "CREATE"), ("a/b/c/g", "WRITE")]


def test_names_follow_a_directory_that_is_moved(real: Path, watcher: Watcher) -> None:
    (real / "old" / "in").mkdir(parents=True)
    watcher.events()
    (real / "old").rename(real / "new")
    (real / "new" / "in" / "f").mkdir()
    assert watcher.events() == [("old", "RENAME"), ("new", "CREATE"), ("new/in/f", "CREATE")]


def test_what_is_moved_away_is_watched_no_longer(guest: Guest, real: Path, watcher: Watcher) -> None:
    (real / "dir").mkdir()
    watcher.events()
    away = guest.workspace / f"away-{real.name}"
    (real / "dir").rename(away)
    assert watcher.events() == [("dir", "RENAME")]
    time.sleep(0.2)
    watcher.events()
    (away / "f").touch()
    assert watcher.events() == []


def test_without_recursion_only_the_directory_itself(guest: Guest, folder: str, real: Path) -> None:
    (real / "sub").mkdir()
    flat = Watcher(guest, folder)
    (real / "sub" / "f").touch()
    (real / "sub2").mkdir()
    (real / "sub2" / "f").touch()
    assert flat.events() == [("sub2", "CREATE")]
    flat.close()


def test_entries_when_asked_for(guest: Guest, folder: str) -> None:
    described = Watcher(guest, folder, recursive=True, includeEntry=True)
    put(guest, f"{folder}/f", b"abc")
    guest.call("/filesystem.Filesystem/Remove", {"path": f"{folder}/f"})
    put(guest, f"{folder}/g", b"abc")
    told = {(one["name"], one["type"]): one.get("entry") for one in described.full()}
    entry = told["g", "EVENT_TYPE_WRITE"]
    assert entry is not None
    assert (entry["path"], entry["size"], entry["type"]) == (f"{folder}/g", "3", "FILE_TYPE_FILE")
    assert told["f", "EVENT_TYPE_REMOVE"] is None
    described.close()


def test_a_stream_tells_at_once_and_ends_with_its_client(guest: Guest, folder: str, real: Path) -> None:
    # Streams of other tests end a moment after their clients.
    until(lambda: not _watches(guest))
    headers = {"keepalive-ping-interval": "1"}
    with guest.stream("/filesystem.Filesystem/WatchDir", {"path": folder, "recursive": True}, **headers) as answer:
        told = messages(answer.iter_raw())
        assert next(told) == {"start": {}}
        assert len(_watches(guest)) == 1
        begun = time.monotonic()
        (real / "f").touch()
        assert next(told) == {"filesystem": {"name": "f", "type": "EVENT_TYPE_CREATE"}}
        assert time.monotonic() - begun < 0.5
        assert next(one for one in told if "filesystem" not in one) == {"keepalive": {}}
    until(lambda: not _watches(guest))


def _watches(guest: Guest) -> list[str]:
    found = []
    for link in Path(f"/proc/{guest.process.pid}/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):
            found += [link.name] if "inotify" in str(link.readlink()) else []
    return found


def test_a_stream_ends_when_its_time_is_over(guest: Guest, folder: str) -> None:
    limit = {"connect-timeout-ms": "300"}
    with (
        guest.stream("/filesystem.Filesystem/WatchDir", {"path": folder}, **limit) as answer,
        pytest.raises(GuestProblem) as caught,
    ):
        list(messages(answer.iter_raw()))
    assert caught.value.guest_code == "deadline_exceeded"


def test_what_cannot_be_watched(guest: Guest, folder: str, real: Path) -> None:
    (real / "f").touch()
    for path, code in (
        (f"{folder}/none", "not_found"),
        (f"{folder}/f", "invalid_argument"),
        ("../x", "permission_denied"),
    ):
        with pytest.raises(GuestProblem) as caught:
            Watcher(guest, path)
        assert caught.value.guest_code == code
        with pytest.raises(GuestProblem) as caught:
            list(guest.events("/filesystem.Filesystem/WatchDir", {"path": path}))
        assert (caught.value.guest_code, caught.value.guest_status != 200) == (code, True)


def test_a_removed_watcher_is_not_known(guest: Guest, folder: str) -> None:
    one = Watcher(guest, folder)
    one.close()
    for attempt in (one.events, one.close):
        with pytest.raises(GuestProblem) as caught:
            attempt()
        assert caught.value.guest_code == "not_found"


def test_events_nobody_asks_for_are_bounded(guest: Guest, folder: str, real: Path, watcher: Watcher) -> None:
    for name in "ab":
        (real / name).touch()
    for number in range(10_100):
        os.utime(real / "ab"[number % 2])
    (real / "b").unlink()
    events = watcher.events()
    assert len(events) == 10_000
    assert events[-2:] == [("b", "CHMOD"), ("b", "REMOVE")]
