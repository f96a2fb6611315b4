"""The workspace in a bundle: which entry stands for which path, and what cannot stand there."""

import posixpath
from collections.abc import Iterator, Mapping

from chalicelib.bundles.errors import bad
from chalicelib.bundles.model import LeftOut
from chalicelib.workspaces.errors import PathEscapes
from chalicelib.workspaces.model import Entry
from chalicelib.workspaces.tree import Tree

FOLDERS = {
    "workspace/": "/workspace/",
    "outputs/": "/mnt/session/outputs/",
    "results/": "/mnt/session/results/",
}
"""Where the entries of each folder of a bundle lie in a sandbox."""
_MOST_BYTES, _MOST_PART_BYTES, _MOST_DEEP = 4096, 255, 128


def name_of(path: str) -> str | None:
    """The entry for a path; None when it lies nowhere that a bundle holds."""
    for folder, root in FOLDERS.items():
        if path.startswith(root):
            return folder + path[len(root) :]
    return None


def path_of(name: str) -> str | None:
    """The path an entry stands for; None when it is not one of the workspace."""
    for folder, root in FOLDERS.items():
        if name.startswith(folder):
            return root + name[len(folder) :].removesuffix("/")
    return None


def problem(path: str) -> str | None:
    """Why a path cannot be carried by a bundle; None when it can."""
    try:
        raw = path.encode()
    except UnicodeEncodeError:
        return "the name is not UTF-8"
    parts = path[1:].split("/")
    if any(ord(letter) < 32 or ord(letter) == 127 for letter in path) or "\\" in path:
        return "the name holds a control character or a backslash"
    if {"", ".", ".."} & set(parts):
        return "the name has an empty part or climbs"
    if (
        len(raw) > _MOST_BYTES
        or len(parts) > _MOST_DEEP
        or any(len(part.encode()) > _MOST_PART_BYTES for part in parts)
    ):
        return "the name is too long or too deep"
    return None


def carried(entries: Mapping[str, Entry]) -> tuple[dict[str, Entry], list[LeftOut]]:
    """Those of a tree's entries that a bundle can hold, by the names they have there; and those it cannot."""
    tree, kept, left = Tree(0, dict(entries)), dict[str, Entry](), list[LeftOut]()
    for path, entry in sorted(entries.items()):
        name = name_of(path)
        reason = problem(path) if name is not None else "it lies outside of the workspace"
        if reason is None and entry.kind == "symlink" and _leads_out(tree, path, entry):
            reason = "the link leads out of the workspace"
        if reason is not None or name is None:
            left.append(LeftOut(type=entry.kind, id=ascii(path)[1:-1][:_MOST_BYTES], reason=str(reason)))
            continue
        kept[name] = entry
    return kept, left


def demand_sound(entries: Mapping[str, tuple[str, Entry]]) -> None:
    """Whether entries (by path: their name in the bundle and what stands there) make a tree whose links stay inside.

    Raises BadBundle.
    """
    for path, (name, _) in entries.items():
        if reason := problem(path):
            raise bad(name, reason)
        for above in _above(path):
            if above in entries and entries[above][1].kind != "dir":
                raise bad(name, "lies below something that is no folder")
    tree = Tree(0, {path: entry for path, (_, entry) in entries.items()})
    for path, (name, entry) in entries.items():
        if entry.kind == "symlink" and _leads_out(tree, path, entry):
            raise bad(name, "is a link that leads out of the workspace")


def _above(path: str) -> Iterator[str]:
    while (path := posixpath.dirname(path)) != "/":
        yield path


def _leads_out(tree: Tree, path: str, entry: Entry) -> bool:
    if not entry.target or len(entry.target) > _MOST_BYTES or "\0" in entry.target:
        return True
    try:
        tree.resolve(path)
    except PathEscapes:
        return True
    return False
