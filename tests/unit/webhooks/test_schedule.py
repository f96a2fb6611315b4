"""When a failed delivery is tried again."""

from chalicelib.webhooks.schedule import LIFE_MS, hold_ms, next_try

SECOND = 1000


def test_pauses_grow_and_vary_by_a_fifth() -> None:
    for stage, seconds in ((1, 5), (2, 30), (3, 120), (4, 600), (6, 3600)):
        pauses = {(next_try(stage, 0, LIFE_MS) or 0) / SECOND for _ in range(200)}
        assert seconds * 0.8 <= min(pauses) < seconds < max(pauses) <= seconds * 1.2


def test_the_last_try_is_at_the_deadline() -> None:
    assert next_try(9, LIFE_MS - SECOND, LIFE_MS) == LIFE_MS
    assert next_try(10, LIFE_MS, LIFE_MS) is None


def test_a_day_holds_about_a_dozen_tries() -> None:
    now, tries = 0, 1
    while (following := next_try(tries, now, LIFE_MS)) is not None:
        now, tries = following, tries + 1
    assert now == LIFE_MS
    assert 10 <= tries <= 16


def test_a_receiver_is_left_alone_for_minutes_at_most() -> None:
    holds = [hold_ms(misses) for misses in range(9)]
    assert holds[0] == 0
    assert holds == sorted(holds)
    assert holds[-1] == 300 * SECOND
