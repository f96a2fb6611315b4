"""What a workspace is made of: entries by path, kept in layers."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Kind = Literal["file", "dir", "symlink"]


@dataclass(frozen=True, slots=True)
class Entry:
    """What stands at a path. A file's bytes are ``size`` bytes from ``offset`` on in the object ``pack``.

    ``mtime`` is in nanoseconds, ``digest`` the SHA-256 of the content, ``labels`` what its uploader put on it; ``link``
    is the path of the file that this is another name of, if that is still what it was.
    """

    kind: Kind
    mode: int
    mtime: int = 0
    size: int = 0
    digest: str = ""
    pack: str = ""
    offset: int = 0
    target: str = ""
    labels: Mapping[str, str] | None = None
    link: str = ""

    def packed(self) -> list[Any]:
        """The entry as it stands in an index."""
        if self.kind == "file":
            more: list[Any] = [dict(self.labels or {})] if self.labels or self.link else []
            more += [self.link] if self.link else []
            return ["f", self.mode, self.mtime, self.size, self.digest, self.pack, self.offset, *more]
        return ["l", self.mode, self.mtime, self.target] if self.kind == "symlink" else ["d", self.mode, self.mtime]

    @staticmethod
    def unpacked(fields: list[Any]) -> "Entry":
        """The entry behind ``packed``."""
        kind, mode, mtime, *rest = fields
        if kind == "f":
            size, digest, pack, offset, *more = rest
            labels, link = (*more, None, None)[:2]
            return Entry("file", mode, mtime, size, digest, pack, offset, labels=labels or None, link=link or "")
        return Entry("symlink", mode, mtime, target=rest[0]) if kind == "l" else Entry("dir", mode, mtime)


Changes = dict[str, Entry | None]
"""By absolute path as a sandbox shows it; None: nothing stands there any more."""


@dataclass(frozen=True, slots=True)
class Layer:
    """Where one index of changes lies: ``size`` bytes from ``offset`` on in object ``id``. ``count`` are its paths."""

    id: str
    count: int
    offset: int
    size: int


@dataclass(frozen=True, slots=True)
class State:
    """A tree as it was from ``at`` on (milliseconds), until the next one."""

    layers: tuple[Layer, ...]
    at: int


@dataclass(frozen=True, slots=True)
class Head:
    """The changing part of a workspace: its layers, oldest first.

    ``lineage`` is the workspace whose folder of the bucket holds the objects; forks and snapshots share it.
    ``boot`` names the computer that may write (none: whoever asks), ``seq`` the last of its scans that was taken.
    ``run`` is the run that changed the tree last (none: it was changed between runs), ``at`` when that was, and
    ``past`` what the tree was before, oldest first.
    """

    id: str
    lineage: str
    version: int = 0
    layers: tuple[Layer, ...] = ()
    boot: str = ""
    seq: int = 0
    shared: bool = False
    created_at: int = 0
    run: str = ""
    at: int = 0
    past: tuple[State, ...] = ()


@dataclass(frozen=True, slots=True)
class Index:
    """A layer's content: changes, and the objects that were first written with it and are still needed by them."""

    changes: Mapping[str, Entry | None] = field(default_factory=dict)
    owned: tuple[str, ...] = ()
