"""A workspace's tree in memory: what stands where, and where content of a digest lies."""

from collections.abc import Iterator, Mapping
from dataclasses import replace

from chalicelib.workspaces.errors import NotAFile, PathEscapes, PathNotFound
from chalicelib.workspaces.model import Changes, Entry

ROOT = "/workspace"
_LINKS = 40


class Tree:
    """Entries by absolute path. ``version`` is the head's that it shows."""

    def __init__(self, version: int, entries: dict[str, Entry]) -> None:
        self.version = version
        self.entries = entries
        self._paths = {entry.digest: path for path, entry in entries.items() if entry.pack}

    def apply(self, version: int, changes: Changes) -> None:
        """Bring it up to a new version."""
        for path, entry in changes.items():
            if entry is None:
                self.entries.pop(path, None)
                continue
            self.entries[path] = entry
            if entry.pack:
                self._paths[entry.digest] = path
        self.version = version

    def twin(self, digest: str) -> Entry | None:
        """A file in the tree with this content. What is not in the tree any more may be gone from the bucket."""
        entry = self.entries.get(self._paths.get(digest, ""))
        return entry if entry is not None and entry.digest == digest and entry.pack else None

    def resolve(self, path: str, *, follow_last: bool = True) -> str:
        """The path with ``.``, ``..`` and links worked out. Raises PathEscapes when it leads out of the workspace."""
        done, waiting, links = [""], [part for part in absolute(path).split("/") if part], 0
        while waiting:
            part = waiting.pop(0)
            if part == "..":
                done = done[:-1] or [""]
                continue
            here = "/".join([*done, part])
            entry = self.entries.get(here)
            if entry is not None and entry.kind == "symlink" and (waiting or follow_last):
                links += 1
                if links > _LINKS:
                    raise PathEscapes("path: too many links on the way", field="path")
                waiting = [step for step in entry.target.split("/") if step and step != "."] + waiting
                done = [""] if entry.target.startswith("/") else done
                continue
            done.append(part)
        found = "/".join(done) or "/"
        if found != ROOT and not found.startswith(f"{ROOT}/") and not found.startswith("/mnt/session/"):
            raise PathEscapes("path: leads out of the workspace", field="path")
        return found

    def file(self, path: str) -> Entry:
        """The file at a path. Raises PathNotFound, NotAFile, PathEscapes."""
        at = self.resolve(path)
        entry = self.entries.get(at)
        if entry is None:
            if at == ROOT or any(self.children(at)):
                raise NotAFile("path: is a folder", field="path")
            raise PathNotFound(f"path: there is nothing at {at}", field="path")
        if entry.kind != "file":
            raise NotAFile("path: is a folder", field="path")
        return entry

    def children(self, folder: str) -> Iterator[str]:
        """The paths directly in a folder."""
        prefix = f"{folder.rstrip('/')}/"
        return (path for path in self.entries if path.startswith(prefix) and "/" not in path[len(prefix) :])


def absolute(path: str) -> str:
    """A path as given by a client: relative ones and ``~`` are under the workspace's root."""
    if path == "~" or path.startswith("~/"):
        path = ROOT + path[1:]
    joined = path if path.startswith("/") else f"{ROOT}/{path}"
    return "/".join(part for part in joined.split("/") if part != ".") or "/"


def files_in_order(entries: Mapping[str, Entry]) -> list[tuple[str, Entry]]:
    """All entries in the order in which they are best put back: folders, links, files as they lie in the bucket."""
    folders = sorted((pair for pair in entries.items() if pair[1].kind == "dir"), key=lambda pair: pair[0])
    links = [pair for pair in entries.items() if pair[1].kind == "symlink"]
    files = [pair for pair in entries.items() if pair[1].kind == "file"]
    return [*folders, *links, *sorted(files, key=lambda pair: (pair[1].pack, pair[1].offset))]


def with_names(entries: Mapping[str, Entry]) -> list[tuple[str, Entry]]:
    """As ``files_in_order``; behind them, without content, what is but another name of one of them."""
    names = {path: replace(entry, pack="") for path, entry in entries.items() if _is_name(entries, entry)}
    rest = {path: replace(entry, link="") for path, entry in entries.items() if path not in names}
    return [*files_in_order(rest), *names.items()]


def _is_name(entries: Mapping[str, Entry], entry: Entry) -> bool:
    """Whether the file that this was a name of still stands there."""
    if not entry.link or (file := entries.get(entry.link)) is None:
        return False
    return not file.link and (file.digest, file.mtime, file.mode) == (entry.digest, entry.mtime, entry.mode)
