"""The framing of Connect streams: a flag byte, four bytes of length, JSON."""

from collections.abc import Iterator
from dataclasses import dataclass

from chalicelib.core.jsonio import dump_bytes, loads

LONGEST = 4 << 20
"""Far more than a guest puts into one message; it is held until it is whole."""
_HEAD = 5
_LAST = 2


class BrokenFrames(ValueError):
    """The bytes are not such a stream."""


@dataclass(frozen=True, slots=True)
class Frame:
    """One message or the end of the stream, as it travels."""

    raw: bytes

    @property
    def is_last(self) -> bool:
        """Whether the stream ends with it."""
        return bool(self.raw[0] & _LAST)

    @property
    def is_exit(self) -> bool:
        """Whether it tells how a process ended."""
        if self.is_last or b'"end"' not in self.raw:
            return False
        try:
            event = loads(self.raw[_HEAD:]).get("event")
        except (ValueError, AttributeError) as error:
            raise BrokenFrames("a message is not a JSON object") from error
        return isinstance(event, dict) and event.get("end") is not None


class FrameReader:
    """Cuts a stream of bytes into frames."""

    def __init__(self) -> None:
        self._held = bytearray()

    def feed(self, piece: bytes) -> Iterator[Frame]:
        """The frames that are whole now. Raises BrokenFrames for one that is far too long."""
        held = self._held
        held += piece
        at = 0
        try:
            while len(held) - at >= _HEAD:
                size = int.from_bytes(held[at + 1 : at + _HEAD], "big")
                if size > LONGEST:
                    raise BrokenFrames(f"a message of {size} bytes")
                end = at + _HEAD + size
                if len(held) < end:
                    return
                frame, at = Frame(bytes(held[at:end])), end
                yield frame
        finally:
            del held[:at]


def failure(code: str, message: str) -> bytes:
    """The frame that ends a stream with an error."""
    body = dump_bytes({"error": {"code": code, "message": message}})
    return bytes((_LAST,)) + len(body).to_bytes(4, "big") + body
