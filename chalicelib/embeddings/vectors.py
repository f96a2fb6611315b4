"""Vectors as they are kept: a byte a number behind the length, and how alike two of them are."""

import math
import struct
from array import array
from collections.abc import Sequence
from operator import mul

_TOP = 127
_LENGTH = struct.Struct("<f")


def packed(vectors: Sequence[Sequence[float]]) -> bytes:
    """Vectors of one size in a row, each scaled to use the whole range of a signed byte."""
    return b"".join(_LENGTH.pack(_length(scaled)) + scaled.tobytes() for scaled in map(_scaled, vectors))


def _scaled(vector: Sequence[float]) -> "array[int]":
    top = max((abs(value) for value in vector), default=0.0) or 1.0
    return array("b", (round(value / top * _TOP) for value in vector))


def _length(vector: "array[int]") -> float:
    return math.sqrt(sum(map(mul, vector, vector))) or 1.0


class Question:
    """A vector that many are compared with."""

    def __init__(self, vector: Sequence[float]) -> None:
        self._vector = _scaled(vector)
        self._length = _length(self._vector)

    def likeness(self, kept: bytes) -> float | None:
        """The cosine with the closest of the vectors kept; None when they are of another size."""
        size = len(self._vector) + _LENGTH.size
        if not self._vector or not kept or len(kept) % size:
            return None
        return max(self._cosine(kept[at : at + size]) for at in range(0, len(kept), size))

    def _cosine(self, kept: bytes) -> float:
        (length,) = _LENGTH.unpack_from(kept)
        other = array("b", kept[_LENGTH.size :])
        return float(sum(map(mul, self._vector, other)) / (self._length * length))
