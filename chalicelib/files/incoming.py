"""Content on its way into storage: counted, cut off at the limit, and gone without trace unless it arrives whole."""

import hashlib

from chalicelib.core.errors import TooLarge
from chalicelib.storage.objects import ObjectWriter


class Incoming:
    """One content being stored. Write, then ``close``; or ``abort``."""

    def __init__(self, writer: ObjectWriter, limit_bytes: int) -> None:
        self._writer = writer
        self._limit = limit_bytes
        self._hash = hashlib.sha256()

    @property
    def size(self) -> int:
        """Bytes taken so far."""
        return self._writer.size

    @property
    def sha256(self) -> str:
        """Checksum of the bytes taken so far."""
        return self._hash.hexdigest()

    def write(self, data: bytes) -> None:
        """Take bytes. Raises TooLarge."""
        if self._writer.size + len(data) > self._limit:
            raise TooLarge(f"a file may have at most {self._limit} bytes", details={"limit_bytes": self._limit})
        self._hash.update(data)
        self._writer.write(data)

    def close(self) -> None:
        """Make the content readable."""
        self._writer.close()

    def abort(self) -> None:
        """Leave nothing behind."""
        self._writer.abort()
