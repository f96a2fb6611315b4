"""The parts of a bundle read and held against each other, before anything is made of them."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from pydantic import BaseModel, TypeAdapter, ValidationError
from pydantic_core import from_json

from chalicelib.bundles import trees
from chalicelib.bundles.archives import Archive
from chalicelib.bundles.errors import bad, unfit
from chalicelib.bundles.model import (
    EVENTS,
    FILES,
    FORMAT,
    MANIFEST,
    MOST_EVENTS_BYTES,
    MOST_MANIFEST_BYTES,
    MOST_SESSION_BYTES,
    MOST_THREADS_BYTES,
    SESSION,
    THREADS,
    VERSION,
    EntryFacts,
    Manifest,
    SessionCard,
)
from chalicelib.core.ids import is_core_id
from chalicelib.core.schema import Schema
from chalicelib.workspaces.model import Entry

M = TypeVar("M", bound=BaseModel)
T = TypeVar("T")
_MOST_TARGET = 4096
_DOCUMENTS = (EVENTS, SESSION, THREADS)


class _Kind(Schema):
    """What can be said of any manifest."""

    format: str = ""
    version: int | str = 0


@dataclass(slots=True)
class Bundle:
    """A bundle whose parts fit together. ``tree`` is by path: the entry's name, and what stands there; ``files`` are by
    core id."""

    archive: Archive
    manifest: Manifest
    card: SessionCard
    tree: dict[str, tuple[str, Entry]] = field(default_factory=dict)
    files: dict[str, EntryFacts] = field(default_factory=dict)

    def threads(self) -> list[Any]:
        """The threads as they stand there. Raises BadBundle."""
        found = _json(self.archive, THREADS, MOST_THREADS_BYTES)
        if not isinstance(found, list):
            raise bad(THREADS, "is no list")
        return found


def read(archive: Archive) -> Bundle:
    """The bundle in an archive. Checksums are not computed yet. Raises BadBundle."""
    manifest = _manifest(archive)
    listed = _listed(archive, manifest)
    for name in _DOCUMENTS:
        if name not in listed:
            raise bad(name, "is not in the bundle")
    if listed[EVENTS].size > MOST_EVENTS_BYTES:
        raise bad(EVENTS, f"has more than {MOST_EVENTS_BYTES} bytes")
    card = parsed(SessionCard, _json(archive, SESSION, MOST_SESSION_BYTES), SESSION)
    if card.id != manifest.source.session_id:
        raise bad(SESSION, "is not of the session that the manifest names")
    bundle = Bundle(archive, manifest, card)
    for name, facts in listed.items():
        if name not in _DOCUMENTS:
            _sort_in(bundle, name, facts)
    trees.demand_sound(bundle.tree)
    return bundle


def verify(bundle: Bundle) -> None:
    """Read every entry and hold it against its checksum. Raises BadBundle."""
    for facts in bundle.manifest.entries:
        digest = hashlib.sha256()
        for piece in bundle.archive.pieces(facts.name):
            digest.update(piece)
        if digest.hexdigest() != facts.sha256:
            raise bad(facts.name, "does not have the checksum that the manifest names")


def parsed(form: type[M], document: Any, name: str) -> M:
    """A document of that form. Raises BadBundle."""
    try:
        return form.model_validate(document)
    except ValidationError as error:
        raise bad(name, unfit(error)) from None


def all_parsed(form: TypeAdapter[T], documents: Sequence[Any], name: str) -> list[T]:
    """Documents of that form. Raises BadBundle."""
    try:
        return [form.validate_python(one) for one in documents]
    except ValidationError as error:
        raise bad(name, unfit(error)) from None


def _json(archive: Archive, name: str, most: int) -> Any:
    try:
        return from_json(archive.read(name, most), allow_inf_nan=False)
    except (ValueError, RecursionError) as error:
        raise bad(name, "is no JSON") from error


def _manifest(archive: Archive) -> Manifest:
    raw = archive.read(MANIFEST, MOST_MANIFEST_BYTES)
    try:
        kind = _Kind.model_validate_json(raw)
    except ValidationError as error:
        raise bad(MANIFEST, unfit(error)) from None
    if kind.format != FORMAT:
        raise bad(MANIFEST, f"is not of the format {FORMAT}")
    if kind.version != VERSION:
        raise bad(MANIFEST, f"is of a version that is not read here; this server reads version {VERSION}")
    try:
        # Straight from the text: what has no place in a manifest takes no room.
        return Manifest.model_validate_json(raw)
    except ValidationError as error:
        raise bad(MANIFEST, unfit(error)) from None


def _listed(archive: Archive, manifest: Manifest) -> dict[str, EntryFacts]:
    """What the manifest says of the entries, which are exactly those that are there."""
    listed: dict[str, EntryFacts] = {}
    for facts in manifest.entries:
        if facts.name in listed or facts.name == MANIFEST:
            raise bad(facts.name, "is named more than once by the manifest")
        if facts.name not in archive:
            raise bad(facts.name, "is named by the manifest and not in the bundle")
        if archive.size(facts.name) != facts.size:
            raise bad(facts.name, "does not have the size that the manifest names")
        listed[facts.name] = facts
    for name in archive.names:
        if name not in listed and name != MANIFEST:
            raise bad(name, "is not named by the manifest")
        if name in (MANIFEST, *_DOCUMENTS) and archive.kind(name) != "file":
            raise bad(name, "is no file")
    return listed


def _sort_in(bundle: Bundle, name: str, facts: EntryFacts) -> None:
    if name.startswith(FILES):
        file_id = name[len(FILES) :]
        if not is_core_id(file_id) or facts.file is None or bundle.archive.kind(name) != "file":
            raise bad(name, "is no file of a session")
        bundle.files[file_id] = facts
        return
    path = trees.path_of(name)
    if path is None:
        raise bad(name, "is no part of a bundle")
    if path in bundle.tree:
        raise bad(name, "is there more than once")
    bundle.tree[path] = (name, _entry(bundle.archive, name, facts))


def _entry(archive: Archive, name: str, facts: EntryFacts) -> Entry:
    kind, mtime = archive.kind(name), facts.mtime or 0
    if kind == "symlink":
        return Entry("symlink", 0o777, mtime, target=_target(archive, name))
    if kind == "dir":
        if facts.size:
            raise bad(name, "is a folder with content")
        return Entry("dir", 0o755 if facts.mode is None else facts.mode, mtime)
    mode = 0o644 if facts.mode is None else facts.mode
    return Entry("file", mode, mtime, facts.size, facts.sha256, labels=facts.labels)


def _target(archive: Archive, name: str) -> str:
    try:
        return archive.read(name, _MOST_TARGET).decode()
    except UnicodeDecodeError:
        raise bad(name, "is a link to a name that is not UTF-8") from None
