"""The queue between a command and one listener."""

import threading

import pytest

from chalicelib.sandbox.guest import channel as module
from chalicelib.sandbox.guest.channel import Channel, Event
from chalicelib.sandbox.guest.wire import Problem

BIG = Event({"data": {"stdout": "x"}}, 600 << 10)
END = Event({"exitCode": 0}, 0)


def test_a_full_queue_asks_to_try_again_and_takes_more_when_read() -> None:
    channel = Channel()
    assert channel.offer(BIG, 0.0)
    assert not channel.offer(BIG, 0.01)
    reader = threading.Timer(0.05, channel.take, (0.0,))
    reader.start()
    assert channel.offer(BIG, 5.0)
    reader.join()
    assert channel.lost == 0


def test_who_reads_nothing_for_long_loses_what_does_not_fit_and_never_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PATIENCE_SECONDS", 0.1)
    channel = Channel()
    assert channel.offer(BIG, 0.0)
    assert not channel.offer(BIG, 0.01)
    assert channel.offer(BIG, 0.15)
    assert channel.offer(BIG, 5.0), "once it lags nothing waits for it"
    assert channel.lost == 2 * BIG.size
    assert channel.take(0.0) == BIG.message
    assert channel.offer(BIG, 0.0)
    channel.end(END)
    assert [channel.take(0.0), channel.take(0.0), channel.take(0.0)] == [BIG.message, END.message, None]
    assert channel.lost == 2 * BIG.size


def test_patience_is_counted_from_the_last_reading(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PATIENCE_SECONDS", 0.2)
    channel = Channel()
    small = Event({}, 1)
    for event in (small, small, small, BIG, Event({}, (424 << 10) - 3)):
        assert channel.offer(event, 0.0)
    for _ in range(3):
        assert not channel.offer(BIG, 0.12)
        channel.take(0.0)
    assert channel.lost == 0


def test_a_failure_comes_after_what_was_there() -> None:
    channel = Channel()
    channel.offer(BIG, 0.0)
    channel.end(None, Problem("deadline_exceeded", "over"))
    assert channel.take(0.0) == BIG.message
    with pytest.raises(Problem):
        channel.take(0.0)


def test_a_closed_queue_takes_and_holds_nothing() -> None:
    channel = Channel()
    channel.offer(BIG, 0.0)
    channel.close()
    assert channel.offer(BIG, 0.0)
    assert channel.offer(BIG, 0.0)
    assert channel.take(0.0) is None
