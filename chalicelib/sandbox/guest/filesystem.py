"""filesystem.Filesystem: looking at files and moving them about."""

import contextlib
import os
import stat
from collections.abc import Iterator
from typing import Any

from . import paths, removing, users
from .entries import entry
from .failures import told
from .listing import listing
from .paths import Place
from .uploads import make_folders
from .wire import Handler, Json, Problem, Reply, Request, Routes

_MISSING = (FileNotFoundError, NotADirectoryError)
_ROOTS = (paths.WORKSPACE, paths.SESSION, paths.MEMORY)


def _unary(handler: Handler) -> Handler:
    def answer(request: Request) -> Reply:
        users.check(request)
        return handler(request)

    return answer


def text(body: dict[str, Any], name: str) -> str:
    """A field that is a text, empty when left out. Raises Problem."""
    value = body.get(name, "")
    if not isinstance(value, str):
        raise Problem("invalid_argument", f"{name} is not a text")
    return value


@contextlib.contextmanager
def found(place: Place) -> Iterator[None]:
    """Turn a missing path into ``not_found``, whichever part of it is missing."""
    try:
        with told(place.shown):
            yield
    except Problem as problem:
        if isinstance(problem.__cause__, _MISSING):
            raise Problem("not_found", f"path '{place.shown}' does not exist") from problem.__cause__
        raise


def _stat(request: Request) -> Reply:
    place = _named(text(request.json(), "path"))
    with found(place):
        return Json({"entry": entry(place)})


def _named(path: str) -> Place:
    """A place whose last part may be a link, as long as that leads nowhere it must not."""
    paths.resolve(path)
    return paths.resolve(path, follow=False)


def _list(request: Request) -> Reply:
    body = request.json()
    place = paths.resolve(text(body, "path"))
    depth = body.get("depth") or 1
    if not isinstance(depth, int) or depth < 1:
        raise Problem("invalid_argument", "depth is a number of at least 1")
    directory(place)
    return listing(place, depth)


def directory(place: Place) -> None:
    """Refuse what is no directory. Raises Problem."""
    with found(place):
        if not stat.S_ISDIR(os.stat(place.real).st_mode):
            raise Problem("invalid_argument", f"path '{place.shown}' is not a directory")


def _make_dir(request: Request) -> Reply:
    place = paths.resolve(text(request.json(), "path"))
    with told(place.shown):
        if os.path.isdir(place.real):
            raise Problem("already_exists", f"directory '{place.shown}' already exists")
        if os.path.lexists(place.real):
            raise Problem("invalid_argument", f"path '{place.shown}' is not a directory")
        make_folders(place.real)
        return Json({"entry": entry(place)})


def _move(request: Request) -> Reply:
    body = request.json()
    source = _movable(text(body, "source"))
    target = _movable(text(body, "destination"))
    with found(source):
        os.lstat(source.real)
    with told(target.shown):
        make_folders(os.path.dirname(target.real))
        _rename(source.real, target.real)
        return Json({"entry": entry(target)})


def _rename(source: str, target: str) -> None:
    import errno

    try:
        os.rename(source, target)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        _carry(source, target)


def _carry(source: str, target: str) -> None:
    """Move between two file systems: a copy beside the target, put in place whole."""
    import shutil

    if not os.access(os.path.dirname(source), os.W_OK):
        raise Problem("permission_denied", f"path '{paths.shown(source)}' cannot be moved away")
    aside = f"{target}.moving-{os.getpid()}"
    try:
        if os.path.isdir(source) and not os.path.islink(source):
            shutil.copytree(source, aside, symlinks=True, copy_function=_copy)
        else:
            _copy(source, aside)
        os.rename(aside, target)
    except (shutil.Error, RecursionError):
        removing.remove(aside)
        raise Problem("failed_precondition", f"'{paths.shown(source)}' cannot be moved as a whole") from None
    except BaseException:
        removing.remove(aside)
        raise
    removing.remove(source)


def _copy(source: str, target: str) -> None:
    """Copy a file or a link. What else there is may have no end, or wait for somebody to write."""
    import shutil

    mode = os.lstat(source).st_mode
    if not stat.S_ISREG(mode) and not stat.S_ISLNK(mode):
        raise Problem("invalid_argument", f"path '{paths.shown(source)}' is not a file")
    shutil.copy2(source, target, follow_symlinks=False)


def _remove(request: Request) -> Reply:
    place = _movable(text(request.json(), "path"))
    with told(place.shown), contextlib.suppress(*_MISSING):
        removing.remove(place.real)
    return Json({})


def _movable(path: str) -> Place:
    place = paths.resolve(path, follow=False)
    if place.shown == "/" or any(paths.within(root, place.shown) for root in _ROOTS):
        raise Problem("permission_denied", f"path '{place.shown}' has to stay")
    return place


_PREFIX = "/filesystem.Filesystem/"
ROUTES: Routes = {
    ("POST", f"{_PREFIX}Stat"): _unary(_stat),
    ("POST", f"{_PREFIX}ListDir"): _unary(_list),
    ("POST", f"{_PREFIX}MakeDir"): _unary(_make_dir),
    ("POST", f"{_PREFIX}Move"): _unary(_move),
    ("POST", f"{_PREFIX}Remove"): _unary(_remove),
}
