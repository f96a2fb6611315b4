"""Jitter: always the same for an owner, within its bounds, and spread over them."""

import pytest

from chalicelib.core.ids import new_id
from chalicelib.schedules.jitter import jitter

MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000


@pytest.mark.parametrize(("interval", "most"), [(MINUTE, 9_000), (HOUR, 9 * MINUTE), (DAY, 9 * MINUTE)])
def test_it_lies_between_five_seconds_and_a_share_of_the_interval(interval: int, most: int) -> None:
    waits = [jitter(new_id(), 0, interval) for _ in range(300)]
    assert min(waits) >= 5_000
    assert max(waits) <= most
    assert max(waits) - min(waits) > (most - 5_000) / 2


def test_it_is_the_same_every_time() -> None:
    owner = new_id()
    assert {jitter(owner, at, at + HOUR) for at in range(0, DAY, HOUR)} == {jitter(owner, 0, HOUR)}


def test_a_last_moment_has_one_too() -> None:
    assert 5_000 <= jitter(new_id(), 0, None) <= 9 * MINUTE
