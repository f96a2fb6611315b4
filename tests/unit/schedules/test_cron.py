"""Cron against a walk over every minute, in zones whose clocks are set in odd ways; and what is refused."""

from datetime import UTC, datetime
from functools import cache
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.core.clock import iso, parse_iso
from chalicelib.schedules.cron import Cron
from chalicelib.schedules.errors import BadSchedule

MINUTE = 60_000
CHANGES = {
    "America/New_York": ("2026-03-08T07:00Z", "2026-11-01T06:00Z"),
    "Europe/Berlin": ("2026-03-29T01:00Z", "2026-10-25T01:00Z"),
    "Europe/Dublin": ("2026-03-29T01:00Z", "2026-10-25T01:00Z"),
    "Australia/Lord_Howe": ("2026-10-03T15:30Z", "2026-04-04T15:00Z"),
    "America/Havana": ("2026-03-08T05:00Z", "2026-11-01T05:00Z"),
    "Antarctica/Troll": ("2026-03-29T01:00Z", "2026-10-25T01:00Z"),
    "Africa/Casablanca": ("2026-02-15T02:00Z", "2026-03-22T02:00Z"),
    "America/St_Johns": ("2026-03-08T05:30Z", "2026-11-01T04:30Z"),
    "Pacific/Apia": ("2011-12-30T10:00Z", "2010-09-26T11:00Z"),
}
"""Moments around which the clocks of a zone are set, forwards and back."""


@cache
def numbers(text: str, least: int, most: int) -> set[int]:
    """The values a field names, read in the plainest way."""
    found: set[int] = set()
    for term in text.split(","):
        span, _, step = term.partition("/")
        low, _, high = span.partition("-")
        first = least if low == "*" else int(low)
        last = most if low == "*" or (step and not high) else int(high or low)
        found |= set(range(first, last + 1, int(step or 1)))
    return found


def named(expression: str, wall: datetime) -> bool:
    """Whether the clock on the wall shows a time the expression names."""
    minute, hour, day, month, weekday = expression.split()
    days, weekdays = (
        wall.day in numbers(day, 1, 31),
        wall.isoweekday() % 7 in {number % 7 for number in numbers(weekday, 0, 7)},
    )
    either = not (day.startswith("*") or weekday.startswith("*"))
    return (
        wall.minute in numbers(minute, 0, 59)
        and wall.hour in numbers(hour, 0, 23)
        and wall.month in numbers(month, 1, 12)
        and ((days or weekdays) if either else (days and weekdays))
    )


def walked(expression: str, zone: str, after: int, hours: int) -> list[int]:
    """Every minute of a stretch of time at which the zone's clock shows a named time."""
    first = after - after % MINUTE + MINUTE
    minutes = range(first, after + hours * 60 * MINUTE, MINUTE)
    place = ZoneInfo(zone)
    return [at for at in minutes if named(expression, datetime.fromtimestamp(at // 1000, UTC).astimezone(place))]


def field(least: int, most: int) -> st.SearchStrategy[str]:
    """A field of an expression."""
    number = st.integers(least, most)
    span = st.tuples(number, number).map(lambda two: f"{min(two)}-{max(two)}")
    stepped = st.tuples(st.one_of(st.just("*"), span, number.map(str)), st.integers(1, most)).map(
        lambda two: f"{two[0]}/{two[1]}"
    )
    term = st.one_of(number.map(str), span, stepped)
    return st.one_of(st.just("*"), st.just("*"), st.lists(term, min_size=1, max_size=3).map(",".join))


EXPRESSIONS = st.tuples(field(0, 59), field(0, 5), field(1, 31), st.just("*"), field(0, 7)).map(" ".join)


@settings(max_examples=100, deadline=None)
@given(
    expression=EXPRESSIONS,
    zone=st.sampled_from(sorted(CHANGES)),
    back=st.booleans(),
    before=st.integers(0, 8 * 3600),
)
def test_moments_are_those_a_walk_over_all_minutes_finds(expression: str, zone: str, back: bool, before: int) -> None:
    after = parse_iso(CHANGES[zone][back]) - before * 1000
    expected = walked(expression, zone, after, 30)
    until = after + 30 * 60 * MINUTE
    try:
        cron = Cron(expression, zone)
    except BadSchedule:
        assert expected == []
        return
    found, at = [], cron.after(after)
    while at is not None and at < until:
        found.append(at)
        at = cron.after(at)
    assert found == expected


def upcoming(expression: str, zone: str, after: str, most: int = 3) -> list[str]:
    """The next moments, without seconds."""
    return [iso(at)[:16] for at in Cron(expression, zone).upcoming(parse_iso(after), most)]


def test_an_hour_the_clock_skips_has_no_moments() -> None:
    assert upcoming("30 2 * * *", "America/New_York", "2026-03-07T00:00Z") == [
        "2026-03-07T07:30",
        "2026-03-09T06:30",
        "2026-03-10T06:30",
    ]


def test_an_hour_the_clock_shows_twice_has_every_moment_twice() -> None:
    assert upcoming("30 1 * * *", "America/New_York", "2026-11-01T00:00Z") == [
        "2026-11-01T05:30",
        "2026-11-01T06:30",
        "2026-11-02T06:30",
    ]


def test_the_time_of_day_stays_when_the_offset_changes() -> None:
    assert upcoming("0 9 * * 1-5", "Europe/Berlin", "2026-03-26T12:00Z") == [
        "2026-03-27T08:00",
        "2026-03-30T07:00",
        "2026-03-31T07:00",
    ]


@pytest.mark.parametrize("weekday", ["0", "7", "0,7"])
def test_sunday_has_two_numbers(weekday: str) -> None:
    assert upcoming(f"0 0 * * {weekday}", "UTC", "2026-01-01T00:00Z", 2) == ["2026-01-04T00:00", "2026-01-11T00:00"]


def test_of_a_day_and_a_weekday_either_is_enough() -> None:
    assert upcoming("0 0 13 * 5", "UTC", "2026-01-01T00:00Z", 4) == [
        "2026-01-02T00:00",
        "2026-01-09T00:00",
        "2026-01-13T00:00",
        "2026-01-16T00:00",
    ]


def test_a_leap_day_is_found() -> None:
    assert upcoming("0 0 29 2 *", "UTC", "2096-03-01T00:00Z", 1) == ["2104-02-29T00:00"]


def test_a_moment_is_not_its_own_successor() -> None:
    cron = Cron("* * * * *", "UTC")
    now = parse_iso("2026-01-01T00:00Z")
    assert cron.after(now) == now + MINUTE
    assert cron.after(now - 1) == now
    assert cron.after(now + 59_999) == now + MINUTE


@pytest.mark.parametrize(
    "expression",
    [
        "",
        "* * * *",
        "* * * * * *",
        "@daily",
        "0 0 L * *",
        "0 0 15W * *",
        "0 0 * * 5#2",
        "0 0 ? * *",
        "0 0 * * MON",
        "60 * * * *",
        "* 24 * * *",
        "* * 0 * *",
        "* * * 13 *",
        "* * * * 8",
        "5-2 * * * *",
        "*/0 * * * *",
        "1,,2 * * * *",
        "-1 * * * *",
        "0 0 30 2 *",
        "0 0 31 4,6 *",
        "\u0661 * * * *",
        "*," * 200 + "* * * * *",
    ],
)
def test_an_expression_that_is_no_cron_is_refused(expression: str) -> None:
    with pytest.raises(BadSchedule):
        Cron(expression, "UTC")


@pytest.mark.parametrize(
    "zone", ["", "Mars/Base", "America", "../UTC", "/etc/localtime", "posix/UTC", "utc+1", "x" * 99]
)
def test_a_zone_that_is_not_in_the_database_is_refused(zone: str) -> None:
    with pytest.raises(BadSchedule, match="no time zone"):
        Cron("* * * * *", zone)


def test_the_walk_itself_knows_the_clocks() -> None:
    start = parse_iso("2026-11-01T04:00Z")
    assert len(walked("* 1 * * *", "America/New_York", start, 6)) == 120
    assert walked("0 2 * * *", "America/New_York", parse_iso("2026-03-08T00:00Z"), 20) == []
