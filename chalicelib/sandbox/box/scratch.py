"""The directory that boxes of this machine share: the guest's code, ids in use, and one private place per box."""

import os
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path

from chalicelib.sandbox.box import owners
from chalicelib.sandbox.box.errors import NoIsolation
from chalicelib.sandbox.box.settings import default_scratch

_LONGEST_SOCKET = 100
SOCKET = "s"


class Scratch:
    """``root`` may be passed by all and read by none; ``boxes`` belongs to servers alone."""

    def __init__(self, root: Path | None = None) -> None:
        """Raises NoIsolation when the place is somebody else's or cannot be used."""
        self.root = Path(os.path.abspath(root or default_scratch(os.geteuid())))
        self.boxes = self.root / "boxes"
        self.uids = self.boxes / "uids"
        self._lay()
        self._check()

    def _lay(self) -> None:
        _own(self.root, 0o711)
        _own(self.boxes, 0o700)

    def _check(self) -> None:
        if os.geteuid() == 0 and (wall := blocked_at(self.root)):
            raise NoIsolation(f"the scratch directory {self.root} cannot be reached by other users: {wall} is private")
        if len(os.fsencode(self.boxes / owners.new_name() / SOCKET)) > _LONGEST_SOCKET:
            raise NoIsolation(f"the path of the scratch directory {self.root} is too long for sockets")

    def place(self, name: str) -> Path:
        """The private directory of a box, there or not. Raises ValueError for what is not a box's name."""
        if not owners.is_name(name):
            raise ValueError("not the name of a box")
        return self.boxes / name

    def make(self, name: str) -> Path:
        """The private directory of a new box. Raises OSError and NoIsolation."""
        self._lay()  # temporary directories get tidied by the system now and then
        (place := self.place(name)).mkdir(mode=0o700)
        return place

    def abandoned(self) -> Iterator[str]:
        """The names of boxes whose server is dead."""
        yield from (entry.name for entry in self.boxes.iterdir() if owners.is_abandoned(entry.name))

    def remove(self, name: str) -> None:
        """Take a box's directory away; a missing one is no error."""
        shutil.rmtree(self.place(name), ignore_errors=True)


def blocked_at(path: Path) -> Path | None:
    """The first directory on the way to ``path`` (itself included) that an unrelated user may not pass."""
    for step in (*reversed(path.parents), path):
        mode = step.stat().st_mode
        if stat.S_ISDIR(mode) and not mode & stat.S_IXOTH:
            return step
    return None


def _own(path: Path, mode: int) -> None:
    """Make a directory of ours. The parent may be writable by all, so what lies there already is not trusted."""
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = path.lstat()
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid():
            raise NoIsolation(f"{path} belongs to somebody else")
        path.chmod(mode)
    except OSError as error:
        raise NoIsolation(f"{path} cannot be used ({error.strerror})") from error
