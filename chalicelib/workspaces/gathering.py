"""Moving many entries at once."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import groupby

from chalicelib.storage.objects import Objects
from chalicelib.workspaces.errors import WorkspaceFull
from chalicelib.workspaces.model import Changes, Entry
from chalicelib.workspaces.packing import Incoming, Packer

MOST_ENTRIES = 500_000
"""Whoever works with a tree has all of its entries in memory."""
_RUN_BYTES = 8 << 20
_GAP_BYTES = 64 << 10


@dataclass(slots=True)
class Finish:
    """What the end of a scan tells; filled in by whoever reads it."""

    seq: int = 0
    removed: list[str] = field(default_factory=list)


def gather(packer: Packer, incoming: Iterable[Incoming], finish: Finish) -> Changes:
    """Store all that comes in; the changes it amounts to. Another name of a file comes behind the file.

    Raises WorkspaceFull.
    """
    entries: dict[str, Entry] = {}
    for one in incoming:
        link = one.header.get("link")
        entries[one.path] = replace(entries[link], link=link) if link else packer.add(one)
        if len(entries) > MOST_ENTRIES:
            raise _full()
    changes: Changes = dict.fromkeys(finish.removed)
    changes.update(entries)
    return changes


def check_room(entries: Mapping[str, Entry], changes: Changes) -> None:
    """Whether a tree has room for more. Raises WorkspaceFull; making a tree smaller is never refused."""
    more = sum(entry is not None and path not in entries for path, entry in changes.items())
    less = sum(entry is None and path in entries for path, entry in changes.items())
    if more > less and len(entries) + more - less > MOST_ENTRIES:
        raise _full()


def _full() -> WorkspaceFull:
    return WorkspaceFull(f"the workspace would have more than {MOST_ENTRIES} files and folders")


@dataclass(slots=True)
class _Run:
    """Files that lie close together in one object."""

    pack: str
    offset: int
    end: int
    files: list[tuple[str, Entry]]


def read_all(
    objects: Objects, key: Callable[[str], str], entries: list[tuple[str, Entry]]
) -> Iterator[tuple[str, Entry, Iterable[bytes]]]:
    """Entries with their bytes, in the order given."""
    for held, group in groupby(entries, key=lambda pair: bool(pair[1].pack)):
        if not held:
            yield from ((path, entry, ()) for path, entry in group)
            continue
        for run in _runs(group):
            yield from _of_run(objects, key(run.pack), run)


def _runs(files: Iterable[tuple[str, Entry]]) -> Iterator[_Run]:
    run: _Run | None = None
    for path, entry in files:
        end = entry.offset + entry.size
        if run is not None and _joins(run, entry):
            run.files.append((path, entry))
            run.end = max(run.end, end)
            continue
        if run is not None:
            yield run
        run = _Run(entry.pack, entry.offset, end, [(path, entry)])
    if run is not None:
        yield run


def _joins(run: _Run, entry: Entry) -> bool:
    near = run.offset <= entry.offset <= run.end + _GAP_BYTES
    return run.pack == entry.pack and near and entry.offset + entry.size - run.offset <= _RUN_BYTES


def _of_run(objects: Objects, key: str, run: _Run) -> Iterator[tuple[str, Entry, Iterable[bytes]]]:
    if len(run.files) == 1:
        path, entry = run.files[0]
        yield path, entry, objects.stream(key, entry.offset, entry.size)
        return
    data = memoryview(objects.read(key, run.offset, run.end - run.offset))
    for path, entry in run.files:
        start = entry.offset - run.offset
        yield path, entry, (bytes(data[start : start + entry.size]),)
