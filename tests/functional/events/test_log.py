"""The log on real storage: numbers without gaps, one winner at each place, and the same reading from every cursor."""

import threading
from collections.abc import Callable

import pytest

from chalicelib.core.ids import new_id
from chalicelib.events.event import Draft, Event
from chalicelib.events.log import LogMoved, SessionLog, SessionRef, Tail
from chalicelib.storage.keys import Space
from chalicelib.wiring import Services

SIZES = (1, 3, 1, 7, 2, 5, 1, 1, 4)


@pytest.fixture
def log(services: Services) -> SessionLog:
    return services.log


@pytest.fixture
def ref() -> SessionRef:
    return SessionRef(Space(new_id()), new_id())


def drafts(count: int) -> list[Draft]:
    return [Draft("session.warning", {"n": number}) for number in range(count)]


def fill(log: SessionLog, ref: SessionRef, sizes: tuple[int, ...] = SIZES) -> list[Event]:
    """Bursts of these sizes."""
    tail = Tail()
    return [event for size in sizes for event in log.append(ref, tail, drafts(size))]


def test_every_cursor_reads_exactly_what_follows(log: SessionLog, ref: SessionRef) -> None:
    written = fill(log, ref)
    for after in range(len(written) + 3):
        assert log.read(ref, after) == written[after:]
        assert list(log.walk(ref, after)) == written[after:]


def test_every_cursor_reads_backwards_what_came_before(log: SessionLog, ref: SessionRef) -> None:
    written = fill(log, ref)
    for before in range(1, len(written) + 3):
        assert log.read_back(ref, before) == written[: before - 1][::-1]


def test_pages_of_any_size_make_the_same_log(log: SessionLog, ref: SessionRef) -> None:
    written = fill(log, ref)
    for segments in (1, 2, 5):
        found: list[Event] = []
        while page := log.read(ref, found[-1].seq if found else 0, segments):
            found += page
        assert found == written


def test_a_reader_is_not_held_up_by_writers(log: SessionLog, ref: SessionRef) -> None:
    done, seen = threading.Event(), list[list[int]]()

    def read() -> None:
        numbers: list[int] = []
        while not done.is_set():
            numbers += [event.seq for event in log.read(ref, len(numbers), segments=3)]
        numbers += [event.seq for event in log.walk(ref, len(numbers))]
        seen.append(numbers)

    readers = [threading.Thread(target=read) for _ in range(3)]
    for reader in readers:
        reader.start()
    written = fill(log, ref, SIZES * 8)
    done.set()
    for reader in readers:
        reader.join(20)
    assert seen == [list(range(1, len(written) + 1))] * 3


def test_of_writers_at_one_place_one_wins(log: SessionLog, ref: SessionRef) -> None:
    won, lost = list[int](), list[int]()

    def write(writer: int) -> None:
        try:
            log.append(ref, Tail(), [Draft("session.warning", {"writer": writer})])
            won.append(writer)
        except LogMoved:
            lost.append(writer)

    writers = [threading.Thread(target=write, args=(number,)) for number in range(8)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(20)
    assert (len(won), len(lost)) == (1, 7)
    assert [event.data["writer"] for event in log.read(ref, 0)] == won


def test_an_append_repeated_because_its_answer_was_lost_stands_once(log: SessionLog, ref: SessionRef) -> None:
    tail, burst = Tail(), drafts(2)
    first = log.append(ref, Tail(writer=tail.writer), burst)
    again = log.append(ref, tail, burst)
    assert [event.id for event in again] == [event.id for event in first]
    assert len(log.read(ref, 0)) == 2
    assert tail.next_seq == 3


@pytest.mark.parametrize("size", [10, 20_000, 2_000_000])
def test_records_of_any_size_are_read_as_written(
    log: SessionLog, ref: SessionRef, size: int, make_text: Callable[[int], str]
) -> None:
    written = log.append(ref, Tail(), [Draft("agent.message", {"text": make_text(size)})])
    assert log.read(ref, 0) == written


@pytest.fixture
def make_text() -> Callable[[int], str]:
    """Text that does not compress, of about so many letters."""
    return lambda size: "".join(new_id() for _ in range(size // 36 + 1))


def test_time_never_falls(log: SessionLog, ref: SessionRef) -> None:
    tail = Tail()
    log.append(ref, tail, drafts(1))
    tail.last_at += 60_000
    ahead = tail.last_at
    assert log.append(ref, tail, drafts(1))[0].at == ahead
