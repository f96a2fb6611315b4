"""Changes of files are told to who watches."""

import asyncio
from collections.abc import Iterable

import pytest
from e2b import FileNotFoundException, FilesystemEvent, FilesystemEventType, Sandbox, SandboxException

from tests.e2e.e2b.conftest import Options, opened
from tests.e2e.e2b.helpers import PATIENCE, eventually

EXPECTED = {
    ("new.txt", FilesystemEventType.CREATE),
    ("new.txt", FilesystemEventType.WRITE),
    ("deep/inner.txt", FilesystemEventType.CREATE),
    ("new.txt", FilesystemEventType.RENAME),
    ("other.txt", FilesystemEventType.REMOVE),
}


def told(events: Iterable[FilesystemEvent]) -> list[tuple[str, FilesystemEventType]]:
    return [(event.name, event.type) for event in events]


def test_a_watch_is_asked_what_happened(sandbox: Sandbox) -> None:
    files = sandbox.files
    files.make_dir("watched/deep")
    watch = files.watch_dir("watched", recursive=True)
    seen: list[FilesystemEvent] = []

    def saw() -> bool:
        seen.extend(watch.get_new_events())
        return set(told(seen)) >= EXPECTED

    files.write("watched/new.txt", "x")
    files.write("watched/deep/inner.txt", "x")
    files.rename("watched/new.txt", "watched/other.txt")
    files.remove("watched/other.txt")
    files.write("elsewhere.txt", "x")
    assert eventually(saw), told(seen)
    for event in ("new.txt", FilesystemEventType.CREATE), ("other.txt", FilesystemEventType.REMOVE):
        assert told(seen).count(event) == 1
    assert not any("elsewhere" in name for name, _ in told(seen))
    assert watch.get_new_events() == []
    watch.stop()
    with pytest.raises(SandboxException):
        watch.get_new_events()


def test_entries_come_with_events_when_asked_for(sandbox: Sandbox) -> None:
    sandbox.files.make_dir("watched")
    watch = sandbox.files.watch_dir("watched", include_entry=True)
    sandbox.files.write("watched/a.txt", "four")
    seen: list[FilesystemEvent] = []
    assert eventually(lambda: bool(seen.extend(watch.get_new_events()) or any(event.entry for event in seen)))
    assert {event.entry.path for event in seen if event.entry} == {"/workspace/watched/a.txt"}


def test_only_folders_are_watched(sandbox: Sandbox) -> None:
    sandbox.files.write("a.txt", "x")
    with pytest.raises(FileNotFoundException):
        sandbox.files.watch_dir("missing")
    with pytest.raises(SandboxException):
        sandbox.files.watch_dir("a.txt")


def test_a_watch_tells_by_itself_and_can_be_stopped(options: Options) -> None:
    async def scenario() -> None:
        async with opened(options) as sandbox:
            seen: list[FilesystemEvent] = []
            await sandbox.files.make_dir("watched/deep")
            watch = await sandbox.files.watch_dir("watched", on_event=seen.append, recursive=True)
            await sandbox.files.write("watched/new.txt", "x")
            await sandbox.files.write("watched/deep/inner.txt", "x")
            await sandbox.files.rename("watched/new.txt", "watched/other.txt")
            await sandbox.files.remove("watched/other.txt")
            async with asyncio.timeout(PATIENCE):
                while not set(told(seen)) >= EXPECTED:
                    await asyncio.sleep(0.02)
            await watch.stop()
            before = len(seen)
            await sandbox.files.write("watched/late.txt", "x")
            await asyncio.sleep(0.1)
            assert len(seen) == before

    asyncio.run(scenario())
