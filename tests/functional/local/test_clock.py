"""The laptop's clock: it ticks, it is there when something is due, and it does not look for what nobody asked of it."""

import threading
import time
from collections.abc import Callable, Iterator

import pytest

from chalicelib.core.clock import now_ms
from chalicelib.local.clock import Clock
from tests.support.api import wait_for


class Due:
    """Something that is due at a moment, and how often it was asked for and done."""

    def __init__(self) -> None:
        self.moment: int | None = None
        self.asked = 0
        self.done: list[int] = []
        self.doing: Callable[[], None] = self.finish

    def following(self) -> int | None:
        self.asked += 1
        return self.moment

    def finish(self) -> None:
        self.moment = None

    def act(self) -> None:
        self.done.append(now_ms())
        self.doing()


@pytest.fixture
def due() -> Due:
    return Due()


@pytest.fixture
def ticks() -> list[int]:
    return []


@pytest.fixture
def start(due: Due, ticks: list[int]) -> Iterator[Callable[..., Clock]]:
    running: list[Clock] = []

    def begin(seconds: float = 60, look_seconds: float | None = None) -> Clock:
        clock = Clock(lambda: ticks.append(now_ms()), seconds)
        clock.watch(due.following, due.act, look_seconds)
        clock.start()
        running.append(clock)
        return clock

    yield begin
    for clock in running:
        clock.stop()


def test_it_ticks_again_and_again(start: Callable[..., Clock], ticks: list[int]) -> None:
    start(0.05)
    wait_for(lambda: len(ticks) > 2, "three ticks")


def test_it_is_there_when_something_is_due(start: Callable[..., Clock], due: Due, ticks: list[int]) -> None:
    clock = start()
    moment = due.moment = now_ms() + 300
    clock.look()
    wait_for(lambda: due.done, "the moment")
    assert 0 <= due.done[0] - moment < 1_000
    assert (len(due.done), ticks) == (1, [])


def test_it_sleeps_while_nothing_is_due(start: Callable[..., Clock], due: Due) -> None:
    clock = start()
    due.moment = now_ms() + 60_000
    clock.look()
    time.sleep(0.3)
    assert due.asked <= 3
    assert due.done == []


def test_it_looks_by_itself_where_nobody_tells_it(start: Callable[..., Clock], due: Due) -> None:
    start(look_seconds=0.1)
    due.moment = now_ms() + 150
    wait_for(lambda: due.done, "the moment")


def test_what_stays_undone_waits_for_the_next_tick(start: Callable[..., Clock], due: Due, ticks: list[int]) -> None:
    due.doing = lambda: None
    due.moment = now_ms()
    start(0.4)
    wait_for(lambda: len(due.done) > 1 and ticks, "another try")
    assert due.done[0] < ticks[0] <= due.done[1]


def test_a_failure_is_survived(due: Due) -> None:
    beats = threading.Semaphore(0)

    def fail() -> None:
        beats.release()
        raise RuntimeError("out of order")

    clock = Clock(fail, 0.02)
    clock.start()
    assert all(beats.acquire(timeout=5) for _ in range(3))
    clock.stop()
