"""Bodies packed with gzip."""

from .wire import Problem, Readable

_PIECE = 64 << 10
_GZIP = 31


class Inflated:
    """A packed body, unpacked as it is read; never more of it at once than is asked for."""

    def __init__(self, body: Readable) -> None:
        import zlib

        self._zlib = zlib
        self._body = body
        self._packed = b""
        self._member = zlib.decompressobj(_GZIP)
        self._begun = False

    def read(self, size: int = -1) -> bytes:
        """At most ``size`` bytes (all that is left when negative), nothing at the end. Raises Problem."""
        if size < 0:
            return b"".join(iter(lambda: self.read(_PIECE), b""))
        while size:
            if not self._packed:
                self._packed = self._body.read(_PIECE)
            if not self._packed and not self._begun:
                return b""
            if piece := self._next(size):
                return piece
        return b""

    def _next(self, size: int) -> bytes:
        ended = not self._packed
        self._begun = True
        try:
            piece = self._member.decompress(self._packed, size)
        except self._zlib.error:
            raise Problem("invalid_argument", "the body is not packed with gzip") from None
        self._packed = self._member.unconsumed_tail
        if self._member.eof:
            self._packed = self._member.unused_data
            self._member = self._zlib.decompressobj(_GZIP)
            self._begun = False
        elif ended and not piece:
            raise Problem("invalid_argument", "the packed body ends too soon")
        return piece
