"""The framing of Connect streams."""

import json
from typing import Any

import pytest

from chalicelib.doors.e2b.plane.frames import LONGEST, BrokenFrames, FrameReader, failure


def frame(message: Any, flag: int = 0) -> bytes:
    raw = json.dumps(message).encode()
    return bytes((flag,)) + len(raw).to_bytes(4, "big") + raw


START = frame({"event": {"start": {"pid": 7}}})
DATA = frame({"event": {"data": {"stdout": "QQ=="}}})
EXIT = frame({"event": {"end": {"exitCode": 0, "exited": True, "status": "exit status 0"}}})
LAST = frame({}, 2)


@pytest.mark.parametrize("size", [1, 3, 7, 64, 10_000])
def test_frames_come_whole_however_they_are_cut(size: int) -> None:
    stream, reader = START + DATA + EXIT + LAST, FrameReader()
    pieces = [stream[at : at + size] for at in range(0, len(stream), size)]
    found = [one for piece in pieces for one in reader.feed(piece)]
    assert [one.raw for one in found] == [START, DATA, EXIT, LAST]
    assert [one.is_exit for one in found] == [False, False, True, False]
    assert [one.is_last for one in found] == [False, False, False, True]


def test_an_exit_is_told_by_its_place_not_by_its_words() -> None:
    sayings: list[Any] = [{"event": {"data": {"end": 1}}}, {"end": {}}, {"event": {"end": None}}, {"event": "end"}]
    for message in sayings:
        (found,) = FrameReader().feed(frame(message))
        assert not found.is_exit


def test_what_cannot_be_read_is_broken() -> None:
    with pytest.raises(BrokenFrames):
        list(FrameReader().feed(b"\0" + (LONGEST + 1).to_bytes(4, "big")))
    (found,) = FrameReader().feed(b'\0\0\0\0\x07["end"]')
    with pytest.raises(BrokenFrames):
        _ = found.is_exit


def test_a_failure_ends_a_stream() -> None:
    (found,) = FrameReader().feed(failure("unavailable", "gone"))
    assert found.is_last
    assert json.loads(found.raw[5:]) == {"error": {"code": "unavailable", "message": "gone"}}
