"""Archives as clients send them: looked at before anything is expanded, and never expanded beyond what is allowed."""

import stat
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO

from chalicelib.core import zips
from chalicelib.skills import paths
from chalicelib.skills.errors import InvalidSkill, invalid
from chalicelib.skills.model import MIB, MOST_BYTES, MOST_FILE_BYTES, MOST_FILES
from chalicelib.skills.sources import PIECE, Source, spool

_MOST_ENTRIES = 4 * MOST_FILES
_MOST_DIRECTORY_BYTES = MIB
_MOST_RATIO = 200
_KINDS = (0, stat.S_IFREG, stat.S_IFDIR)


@contextmanager
def unpacked(archive: Source) -> Iterator[list[Source]]:
    """The files of an archive, to be read while the context lasts. Raises InvalidSkill."""
    with spool() as file:
        for piece in archive.pieces():
            file.write(piece)
        _check_directory(file)
        with _opened(file) as reader:
            yield _sources(reader)


@contextmanager
def _opened(file: IO[bytes]) -> Iterator[zipfile.ZipFile]:
    try:
        reader = zipfile.ZipFile(file)
    except (zipfile.BadZipFile, UnicodeDecodeError, ValueError, OSError, NotImplementedError) as error:
        raise invalid("files", "the archive cannot be read, or a name in it is not UTF-8") from error
    with reader:
        yield reader


def _check_directory(file: IO[bytes]) -> None:
    """Refuse by what the end of the archive announces: its directory is read as a whole. Raises InvalidSkill."""
    try:
        entries, size = zips.announced(file)
    except zips.NoZip:
        raise invalid("files", "the archive cannot be read: it is no zip file, or it was cut off") from None
    except zips.LargeForm:
        raise invalid("files", "the archive has the form for very large ones, which is not read here") from None
    if entries > _MOST_ENTRIES or size > _MOST_DIRECTORY_BYTES:
        raise _too_many()


def _too_many() -> InvalidSkill:
    return invalid("files", f"a skill has at most {MOST_FILES} files")


def _sources(reader: zipfile.ZipFile) -> list[Source]:
    entries = reader.infolist()
    found = [_source(reader, entry) for entry in entries]
    kept = [one for one in found if not one.path.endswith("/") and not _is_litter(one.path)]
    for one in found:
        paths.checked(one.path.removesuffix("/"))
    if len(kept) > MOST_FILES or len(entries) > _MOST_ENTRIES:
        raise _too_many()
    if sum(one.size for one in kept) > MOST_BYTES:
        raise invalid("files", f"a skill has at most {MOST_BYTES} bytes")
    for entry in entries:
        _check(entry)
    return kept


def _is_litter(path: str) -> bool:
    """What some systems put into every archive."""
    return path.startswith("__MACOSX/") or path.rsplit("/", 1)[-1] == ".DS_Store"


def _check(entry: zipfile.ZipInfo) -> None:
    shown = ascii(entry.orig_filename[:80])
    if stat.S_IFMT(entry.external_attr >> 16) not in _KINDS:
        raise invalid("files", f"{shown} is a link or a device; only files and folders make a skill")
    if entry.flag_bits & zips.ENCRYPTED:
        raise invalid("files", f"{shown} is encrypted")
    if entry.compress_type not in zips.METHODS:
        raise invalid("files", f"{shown} is packed in a way that is not read here; use deflate")
    if entry.file_size > MOST_FILE_BYTES:
        raise invalid("files", f"{shown} has more than {MOST_FILE_BYTES} bytes")
    if entry.file_size > max(MIB, entry.compress_size * _MOST_RATIO):
        raise invalid("files", f"{shown} is packed more than {_MOST_RATIO} to one")


def _source(reader: zipfile.ZipFile, entry: zipfile.ZipInfo) -> Source:
    mode = entry.external_attr >> 16 if entry.create_system == zips.UNIX else 0
    executable = bool(mode & 0o111) if mode else None
    return Source(_name(entry), entry.file_size, lambda: _pieces(reader, entry), executable)


def _name(entry: zipfile.ZipInfo) -> str:
    """The name as its maker wrote it: most who write UTF-8 without saying so do write UTF-8."""
    if entry.flag_bits & zips.UTF8:
        return entry.orig_filename
    try:
        return entry.orig_filename.encode("cp437").decode()
    except UnicodeError:
        raise invalid("files", f"the name {entry.orig_filename[:80]!a} is not UTF-8") from None


def _pieces(reader: zipfile.ZipFile, entry: zipfile.ZipInfo) -> Iterator[bytes]:
    try:
        with reader.open(entry) as file:
            while piece := file.read(PIECE):
                yield piece
    except (zipfile.BadZipFile, zlib.error, EOFError, ValueError, NotImplementedError, RuntimeError) as error:
        raise invalid("files", f"{entry.orig_filename[:80]!a} in the archive is damaged") from error
