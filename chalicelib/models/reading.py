"""What all HTTP providers share: payloads in, chunks out, and an end that must have been said."""

from collections.abc import Iterator
from typing import Protocol

from chalicelib.models.chunks import Chunk
from chalicelib.models.errors import ModelStreamBroken


class Reader(Protocol):
    """Turns the payloads of one stream into chunks; ``finished`` once the ``Finished`` chunk was given."""

    finished: bool

    def feed(self, payload: bytes) -> Iterator[Chunk]: ...

    def end(self) -> Iterator[Chunk]:
        """What the end of the bytes still gives."""
        ...


def read(reader: Reader, payloads: list[bytes]) -> Iterator[Chunk]:
    """The chunks of some payloads; none at all means the end of the bytes.

    Raises ModelStreamBroken when the stream ends before it is finished or cannot be understood.
    """
    try:
        for payload in payloads:
            yield from reader.feed(payload)
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise ModelStreamBroken(f"The model's answer cannot be read: {error!r}") from error
    if not payloads:
        yield from reader.end()
        if not reader.finished:
            raise ModelStreamBroken("The model's answer broke off before its end.")
