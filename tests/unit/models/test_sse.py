"""Server-sent events in pieces."""

import pytest

from chalicelib.models.sse import DataDecoder, EventTooLong

STREAM = (
    b': a comment\n\nevent: a\ndata: {"x": 1}\n\ndata:tight\r\n\r\nid: 7\n\ndata: two\ndata: lines\n\n'
    + "data: grüße\n\n".encode()
)
PAYLOADS = [b'{"x": 1}', b"tight", b"two\nlines", "grüße".encode()]


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
def test_events_come_whole_whatever_the_pieces(size):
    decoder = DataDecoder()
    found = [payload for at in range(0, len(STREAM), size) for payload in decoder.feed(STREAM[at : at + size])]
    assert found == PAYLOADS
    assert decoder.end() == []


def test_the_last_event_may_lack_its_blank_line():
    decoder = DataDecoder()
    assert decoder.feed(b"data: a\n\ndata: [DONE]\n") == [b"a"]
    assert decoder.end() == [b"[DONE]"]


def test_lines_that_end_in_any_way_and_any_place_are_one_stream():
    stream = b"data: a\r\n\r\ndata: b\n\ndata: c\rd\n\n"
    for cut in range(len(stream) + 1):
        decoder = DataDecoder()
        assert [*decoder.feed(stream[:cut]), *decoder.feed(stream[cut:])] == [b"a", b"b", b"c\rd"], cut


def test_an_event_that_never_ends_is_given_up():
    decoder = DataDecoder()
    mebibyte = b"data: " + b"x" * (1 << 20)
    for _ in range(15):
        assert decoder.feed(mebibyte) == []
    with pytest.raises(EventTooLong):
        decoder.feed(mebibyte)
