import gzip
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.outbound.decoding import BodyReader
from chalicelib.outbound.errors import AnswerUnreadable


@given(st.binary(max_size=3000), st.integers(0, 3000), st.integers(1, 500), st.sampled_from(["", "gzip", "deflate"]))
def test_any_cutting_into_pieces_gives_the_same_bounded_body(body: bytes, limit: int, size: int, coding: str) -> None:
    packed = {"": lambda b: b, "gzip": gzip.compress, "deflate": zlib.compress}[coding](body)
    reader = BodyReader(coding, limit)
    for at in range(0, len(packed), size):
        if not reader.truncated:
            reader.feed(packed[at : at + size])
    assert bytes(reader.body) == body[:limit]
    assert reader.truncated == (len(body) > limit)


@pytest.mark.parametrize("coding", ["br", "zstd", "gzip, gzip", "compress"])
def test_a_coding_that_was_not_offered_is_refused(coding: str) -> None:
    with pytest.raises(AnswerUnreadable):
        BodyReader(coding, 10)


def test_bytes_after_the_compressed_stream_are_ignored() -> None:
    reader = BodyReader("gzip", 100)
    reader.feed(gzip.compress(b"all") + b"trailing")
    reader.feed(b"more")
    assert bytes(reader.body) == b"all"
