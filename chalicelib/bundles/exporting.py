"""Writes sessions into bundles, entry by entry."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass, field
from typing import Any

from chalicelib.bundles import trees
from chalicelib.bundles.cards import card_of
from chalicelib.bundles.errors import SessionTooLarge
from chalicelib.bundles.model import (
    EVENTS,
    FILES,
    FORMAT,
    MANIFEST,
    MOST_ENTRIES,
    MOST_LEFT_OUT,
    SESSION,
    THREADS,
    VERSION,
    EntryFacts,
    FileFacts,
    LeftOut,
    Manifest,
    SessionCard,
    Source,
)
from chalicelib.bundles.naming import named_files
from chalicelib.bundles.zipping import ZipStream
from chalicelib.core.clock import iso, now_ms
from chalicelib.core.jsonio import dump_bytes
from chalicelib.events.event import Event
from chalicelib.events.log import SessionLog, SessionRef
from chalicelib.files.model import File
from chalicelib.files.service import FileService
from chalicelib.forks.copying import Copied
from chalicelib.forks.heads import thread_of
from chalicelib.forks.points import rest_before
from chalicelib.sandbox.sessions import outputs
from chalicelib.sessions.model import Session, Thread
from chalicelib.sessions.store import SessionStore
from chalicelib.storage.errors import ObjectMissing
from chalicelib.storage.objects import Objects
from chalicelib.workspaces import history
from chalicelib.workspaces.errors import WorkspaceNotFound
from chalicelib.workspaces.index import Indexes, flat
from chalicelib.workspaces.model import Entry
from chalicelib.workspaces.service import WorkspaceService
from chalicelib.workspaces.tree import files_in_order

_LINES_BYTES = 1 << 18
_SEGMENTS = 8
_TRIES = 8
_ROOM = 500
"""So many entries are left for what is no part of the tree: documents, and files that only messages name."""


@dataclass(slots=True)
class _Writing:
    """A bundle on its way: what was met so far."""

    ref: SessionRef
    session: Session
    upto: int
    at: int
    now: bool
    card: SessionCard | None = None
    archive: ZipStream = field(default_factory=ZipStream)
    copied: Copied = field(default_factory=Copied)
    named: set[str] = field(default_factory=set)
    entries: list[EntryFacts] = field(default_factory=list)
    left: list[LeftOut] = field(default_factory=list)
    tree: dict[str, Entry] = field(default_factory=dict)
    files: list[File] = field(default_factory=list)
    exact: bool = True

    @property
    def until(self) -> int | None:
        """The moment of whose files and resources this is; None for the present."""
        return None if self.now or not self.exact else self.at

    def done(self, name: str, **more: Any) -> None:
        """An entry is written."""
        self.entries.append(EntryFacts(name=name, sha256=self.archive.sha256, size=self.archive.size, **more))


class Exporter:
    """Reads sessions out; nothing is written to storage."""

    def __init__(
        self,
        store: SessionStore,
        files: FileService,
        workspaces: Callable[[], WorkspaceService],
        objects: Objects,
    ) -> None:
        self._store = store
        self._files = files
        self._workspaces = workspaces
        self._objects = objects

    def export(self, ref: SessionRef, product: str) -> Iterator[bytes]:
        """The bundle of a session up to where it last rested, in pieces.

        Raises SessionNotFound and SessionTooLarge, both before the first piece.
        """
        session = self._store.get(ref)
        last = self._store.load(ref).tail.next_seq - 1
        upto, rested = rest_before(self._store.log, ref, last)
        at = session.head.created_at if rested is None else rested.at
        writing = _Writing(ref, session, upto, at, now=session.head.run is None)
        writing.tree = self._tree(writing)
        writing.card = card_of(session, writing.until)
        writing.files = self._attached(writing)
        if len(writing.tree) + len(writing.files) > MOST_ENTRIES - _ROOM:
            raise SessionTooLarge
        return self._written(writing, product)

    def _written(self, writing: _Writing, product: str) -> Iterator[bytes]:
        yield from self._events(writing)
        yield from self._document(writing, SESSION, writing.card)
        yield from self._document(writing, THREADS, self._threads(writing))
        yield from self._workspace(writing)
        yield from self._session_files(writing)
        yield from self._manifest(writing, product)
        yield from writing.archive.end()

    def _events(self, writing: _Writing) -> Iterator[bytes]:
        yield from writing.archive.file(EVENTS, self._lines(writing))
        writing.done(EVENTS)

    def _lines(self, writing: _Writing) -> Iterator[bytes]:
        held = bytearray()
        for event in _until(self._store.log, writing.ref, writing.upto):
            writing.copied.meet(event)
            writing.named.update(named_files(event))
            held += dump_bytes(asdict(event)) + b"\n"
            if len(held) >= _LINES_BYTES:
                yield bytes(held)
                held.clear()
        yield bytes(held)

    def _document(self, writing: _Writing, name: str, document: Any) -> Iterator[bytes]:
        raw = dump_bytes(document)
        yield from writing.archive.file(name, [raw], len(raw))
        writing.done(name)

    def _threads(self, writing: _Writing) -> list[dict[str, Any]]:
        known = {thread.id: thread for thread in self._store.threads(writing.ref)} | writing.session.head.threads
        made: Iterable[Thread | None] = (thread_of(known[one], writing.copied) for one in sorted(known))
        return [asdict(thread) for thread in made if thread is not None]

    def _workspace(self, writing: _Writing) -> Iterator[bytes]:
        kept, left = trees.carried(writing.tree)
        writing.left += left
        names = {trees.path_of(name): name for name in kept}
        ordered = files_in_order({path: entry for path, entry in writing.tree.items() if path in names})
        if not ordered:
            return
        for path, entry, pieces in self._workspaces().contents(writing.ref.space, writing.ref.id, ordered):
            yield from self._entry(writing, names[path], entry, pieces)

    def _entry(self, writing: _Writing, name: str, entry: Entry, pieces: Iterable[bytes]) -> Iterator[bytes]:
        facts: dict[str, Any] = {"mode": entry.mode & 0o7777, "mtime": entry.mtime}
        if entry.kind == "symlink":
            yield from writing.archive.link(name, entry.target)
        elif entry.kind == "dir":
            name += "/"
            yield from writing.archive.folder(name, entry.mode & 0o7777)
        else:
            facts["labels"] = dict(entry.labels) if entry.labels else None
            yield from writing.archive.file(name, pieces, entry.size, entry.mode & 0o7777)
        writing.done(name, **facts)

    def _tree(self, writing: _Writing) -> dict[str, Entry]:
        """The tree as it is, or of a session at work as it was when that rested, as far as it is kept."""
        space, workspaces = writing.ref.space, self._workspaces()
        for _ in range(_TRIES):
            try:
                head = workspaces.head(space, writing.ref.id)
                if not writing.now:
                    head = history.back_to(head, writing.at)
                    writing.exact = head.at <= writing.at
                indexes = Indexes(self._objects)
                return flat(indexes.read(space, head.lineage, layer) for layer in head.layers)
            except WorkspaceNotFound:
                return {}
            except ObjectMissing:
                continue
        raise ObjectMissing(writing.ref.id)

    def _session_files(self, writing: _Writing) -> Iterator[bytes]:
        made, attached = _outputs(writing), {file.id for file in writing.files}
        named = self._files.find_many(writing.ref.space, sorted(writing.named - attached))
        gone = writing.named - attached - {file.id for file in named}
        writing.left += [LeftOut(type="file", id=one, reason="the file is gone") for one in sorted(gone)]
        for file in sorted([*writing.files, *named], key=lambda one: one.id):
            yield from self._file(writing, file, made.get(file.id), attached=file.id in attached)

    def _attached(self, writing: _Writing) -> list[File]:
        own = self._files.of_session(writing.ref.space, writing.ref.id)
        if (until := writing.until) is None:
            return own
        made = _outputs(writing)
        return [file for file in own if file.created_at <= until or file.id in made]

    def _file(self, writing: _Writing, file: File, output: str | None, *, attached: bool) -> Iterator[bytes]:
        name = FILES + file.id
        _, pieces = self._files.content(writing.ref.space, file.id, even_held_back=True)
        yield from writing.archive.file(name, pieces, file.size)
        facts = FileFacts(
            filename=file.filename,
            media_type=file.media_type,
            maker=file.maker,
            downloadable=file.downloadable,
            attached=attached,
            output=output,
        )
        writing.done(name, file=facts)

    def _manifest(self, writing: _Writing, product: str) -> Iterator[bytes]:
        head = writing.session.head
        manifest = Manifest(
            format=FORMAT,
            version=VERSION,
            product=product,
            exported_at=iso(now_ms()),
            source=Source(
                session_id=head.id,
                agent_id=head.agent_id,
                agent_version=head.agent_version,
                environment_id=head.environment_id,
            ),
            last_seq=writing.upto,
            files="at_point" if writing.exact else "current",
            entries=writing.entries,
            left_out=writing.left[:MOST_LEFT_OUT],
        )
        raw = dump_bytes(manifest.model_dump(mode="json", exclude_none=True))
        yield from writing.archive.file(MANIFEST, [raw], len(raw))


def _outputs(writing: _Writing) -> dict[str, str]:
    """The paths of the agent's output files, by their ids."""
    ref = writing.ref
    return {
        outputs.output_id(ref.space, ref.id, path, entry): path
        for path, entry in writing.tree.items()
        if path.startswith(outputs.FOLDER) and entry.kind == "file"
    }


def _until(log: SessionLog, ref: SessionRef, last: int) -> Iterator[Event]:
    """The records up to a number; few segments at once, for each may hold pictures."""
    met = 0
    while met < last and (page := log.read_aligned(ref, met, _SEGMENTS)):
        yield from (event for event in page if event.seq <= last)
        met = page[-1].seq
