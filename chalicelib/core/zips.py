"""What the end of a zip archive announces, told before anybody reads its directory as a whole."""

import zipfile
from typing import IO

METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
ENCRYPTED, UTF8 = 0x1, 0x800
"""Bits of an entry's flags."""
UNIX = 3
"""The system of entries that have modes."""
_END = b"PK\x05\x06"
_END_BYTES = 22
_LARGE = b"PK\x06\x07"
_LARGE_BYTES = 20
_LONGEST_COMMENT = 1 << 16


class NoZip(ValueError):
    """The file is no zip archive, or was cut off."""


class LargeForm(ValueError):
    """The archive has the form for very large ones, which is not read here."""


def announced(file: IO[bytes]) -> tuple[int, int]:
    """How many entries the directory has, and its bytes. Raises NoZip, LargeForm."""
    length = file.seek(0, 2)
    start = max(length - _LARGE_BYTES - _END_BYTES - _LONGEST_COMMENT, 0)
    file.seek(start)
    tail = file.read(length - start)
    plain = tail[-_END_BYTES:]
    at = len(tail) - _END_BYTES if plain[:4] == _END and plain[-2:] == b"\0\0" else tail.rfind(_END)
    record = tail[at : at + _END_BYTES]
    if at < 0 or len(record) < _END_BYTES:
        raise NoZip
    if tail[max(at - _LARGE_BYTES, 0) : at].startswith(_LARGE):
        raise LargeForm
    return int.from_bytes(record[10:12], "little"), int.from_bytes(record[12:16], "little")
