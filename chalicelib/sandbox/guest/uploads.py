"""Putting a file in place: whole or not at all."""

import contextlib
import itertools
import os
import stat
from collections.abc import Iterator, Mapping

from . import metadata, paths
from .failures import told
from .paths import Place
from .wire import Problem, Readable

_PIECE = 256 << 10
_FOLDER_MODE = 0o755
_FILE_MODE = 0o644
_PREFIX = ".lambent-upload-"
_NEW, _OLD = "new", "old"
_numbers = itertools.count()


def is_temporary(name: str) -> bool:
    """Whether a file name is that of an upload under way."""
    return name.startswith(_PREFIX)


def makes_new(name: str) -> bool:
    """Whether the upload of that name puts a file where none was."""
    return name.startswith(f"{_PREFIX}{_NEW}-")


def upload(path: str, source: Readable, labels: Mapping[str, str]) -> Place:
    """Write all of ``source`` to a caller's path, in the place of a file that is there. Raises Problem."""
    place = paths.resolve(path)
    with told(place.shown):
        mode = _mode_before(place)
        with _folders(os.path.dirname(place.real)):
            _write(place, source, labels, mode)
    return place


def _mode_before(place: Place) -> int | None:
    """The mode of the file that is replaced; None when there is none."""
    try:
        mode = os.lstat(place.real).st_mode
    except FileNotFoundError:
        return None
    if stat.S_ISDIR(mode):
        raise Problem("invalid_argument", f"path '{place.shown}' is a directory")
    if not stat.S_ISREG(mode):
        raise Problem("invalid_argument", f"path '{place.shown}' is not a file")
    # A new file under the old name would get round the protection of the old one.
    if not os.access(place.real, os.W_OK):
        raise Problem("permission_denied", f"permission denied for path '{place.shown}'")
    return stat.S_IMODE(mode)


def _write(place: Place, source: Readable, labels: Mapping[str, str], mode: int | None) -> None:
    kind = _NEW if mode is None else _OLD
    aside = os.path.join(os.path.dirname(place.real), f"{_PREFIX}{kind}-{os.getpid()}-{next(_numbers)}")
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    descriptor = os.open(aside, flags, 0o600)
    try:
        with os.fdopen(descriptor, "wb", buffering=0):
            while piece := source.read(_PIECE):
                _write_all(descriptor, piece)
            metadata.put(descriptor, labels)
            os.fchmod(descriptor, _FILE_MODE if mode is None else mode)
        os.rename(aside, place.real)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(aside)
        raise


def _write_all(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


@contextlib.contextmanager
def _folders(folder: str) -> Iterator[None]:
    """Make a folder and those above it; when what follows fails, those that were made go again."""
    made = make_folders(folder)
    try:
        yield
    except BaseException:
        _unmake(made)
        raise


def _unmake(made: list[str]) -> None:
    with contextlib.suppress(OSError):
        for one in reversed(made):
            os.rmdir(one)


def make_folders(folder: str) -> list[str]:
    """Make a folder and those above it that are missing; what was made, outermost first.

    Raises OSError, and nothing was made then.
    """
    missing: list[str] = []
    while not os.path.lexists(folder):
        missing.append(folder)
        folder = os.path.dirname(folder)
    made: list[str] = []
    try:
        for one in reversed(missing):
            with contextlib.suppress(FileExistsError):
                os.mkdir(one, _FOLDER_MODE)
                made.append(one)
    except OSError:
        _unmake(made)
        raise
    return made
