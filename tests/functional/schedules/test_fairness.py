"""The clock's time is shared: neither what fails nor who has much that is due keeps others waiting."""

from types import SimpleNamespace

import pytest

from chalicelib.core.clock import now_ms
from chalicelib.core.ids import new_id
from chalicelib.schedules import timers as timing
from chalicelib.schedules.due import NO_MOMENT, moment
from chalicelib.schedules.timers import Timers
from chalicelib.storage import writes
from chalicelib.storage.keys import Key, Space
from chalicelib.wiring import Services

_NOUN = "reminders"


class Reminders:
    """Rows that are due, and who handles them, each within a second; those of ``broken`` tenants fail."""

    def __init__(self, services: Services) -> None:
        self.table = services.table
        self.broken: set[str] = set()
        self.tried: list[str] = []
        self.done: list[str] = []
        self.seconds = 0.0

    def add(self, tenant: str, at_ms: int) -> None:
        """A row of a tenant that is due at a moment."""
        key = Space(tenant).key(_NOUN, new_id(), sk="HEAD")
        self.table.write(writes.put({"pk": key.pk, "sk": key.sk, **moment(at_ms)}))

    def handle(self, space: Space, key: Key) -> None:
        """Do what a row asks for."""
        self.tried.append(space.tenant)
        self.seconds += 1
        if space.tenant in self.broken:
            raise RuntimeError
        self.table.write(writes.update(key, dict(NO_MOMENT)))
        self.done.append(space.tenant)


@pytest.fixture
def reminders(services: Services) -> Reminders:
    """Rows of a noun of this test alone."""
    return Reminders(services)


@pytest.fixture
def timers(reminders: Reminders, monkeypatch: pytest.MonkeyPatch) -> Timers:
    """A clock that has time for a few rows."""
    monkeypatch.setattr(timing, "_PATIENCE_SECONDS", 14)
    monkeypatch.setattr(timing, "time", SimpleNamespace(monotonic=lambda: reminders.seconds))
    return Timers(reminders.table, {_NOUN: reminders.handle})


def test_what_fails_again_and_again_stands_back_for_the_others(reminders: Reminders, timers: Timers) -> None:
    stuck, other = new_id(), new_id()
    reminders.broken.add(stuck)
    for number in range(40):
        reminders.add(stuck, now_ms() - 10_000 + number)
    timers.sweep()
    reminders.add(other, now_ms() - 1_000)
    reminders.tried.clear()
    timers.sweep()
    assert reminders.done == [other]
    assert reminders.tried[0] == other
    assert stuck in reminders.tried[1:]


def test_what_failed_once_is_done_when_it_can_be(reminders: Reminders, timers: Timers) -> None:
    stuck = new_id()
    reminders.broken.add(stuck)
    reminders.add(stuck, now_ms() - 1_000)
    assert timers.sweep() == 1
    reminders.broken.clear()
    assert timers.sweep() == 1
    assert reminders.done == [stuck]
    assert timers.sweep() == 0


def test_who_has_much_that_is_due_leaves_time_for_others(reminders: Reminders, timers: Timers) -> None:
    busy, other = new_id(), new_id()
    for number in range(60):
        reminders.add(busy, now_ms() - 10_000 + number)
    reminders.add(other, now_ms() - 1_000)
    timers.sweep()
    assert other in reminders.done
    for _ in range(20):
        timers.sweep()
    assert reminders.done.count(busy) == 60
