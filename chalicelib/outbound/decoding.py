"""Undoing content codings without ever holding more than asked for."""

import zlib

from chalicelib.outbound.errors import AnswerUnreadable

ACCEPTED = "gzip, deflate"
_GZIP_OR_ZLIB = 47
_RAW_DEFLATE = -15


class BodyReader:
    """Collects a body up to ``limit`` bytes after decoding."""

    def __init__(self, coding: str, limit: int) -> None:
        """``coding`` is the Content-Encoding header's value. Raises AnswerUnreadable for one that was not offered."""
        name = coding.strip().lower()
        if name not in ("", "identity", "gzip", "x-gzip", "deflate"):
            raise AnswerUnreadable("The answer has a content encoding that was not asked for.")
        self._deflate = name == "deflate"
        self._inflate = None if name in ("", "identity") else zlib.decompressobj(_GZIP_OR_ZLIB)
        self._limit = limit
        self._started = False
        self.body = bytearray()
        self.truncated = False

    def feed(self, data: bytes) -> None:
        """Take the next bytes; sets ``truncated`` once there is more than fits. Raises AnswerUnreadable."""
        room = self._limit - len(self.body) + 1
        plain = data if self._inflate is None else self._inflated(data, room)
        self.body += plain[:room]
        if len(self.body) > self._limit:
            del self.body[self._limit :]
            self.truncated = True

    def _inflated(self, data: bytes, room: int) -> bytes:
        if self._inflate is None or self._inflate.eof:
            return b""
        first, self._started = not self._started and bool(data), True
        try:
            return self._inflate.decompress(data, room)
        except zlib.error:
            if not (first and self._deflate):
                raise AnswerUnreadable("The compressed answer cannot be decoded.") from None
        self._inflate = zlib.decompressobj(_RAW_DEFLATE)
        return self._inflated(data, room)
