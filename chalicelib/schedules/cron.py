"""Cron: which moments an expression names in a time zone.

Fields are matched against the clock on the wall. An hour the clock skips has no moments; in an hour it shows twice,
every match is two moments.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import islice
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from cronsim import CronSim, CronSimError

from chalicelib.schedules.errors import BadSchedule

_FIELDS = 5
_LONGEST = 256
_TERM = re.compile(r"(\*|[0-9]{1,2}(?:-[0-9]{1,2})?)(?:/([0-9]{1,2}))?")
_ZONE = re.compile(r"[A-Za-z][A-Za-z0-9_+-]*(/[A-Za-z0-9_+-]+){0,2}")
_NO_ZONES = frozenset(("localtime", "posixrules", "Factory"))
_NO_FOLDERS = ("posix/", "right/")
_ANY_TIME = datetime.fromisoformat("2024-01-01T00:00:00")
_MOST_WALKED = 2_000
"""Matches tried before an expression counts as one that never fires: all of them in hours the clock skips."""


def zone_of(name: str) -> ZoneInfo:
    """The time zone of an IANA name. Raises BadSchedule."""
    known = _ZONE.fullmatch(name) and name not in _NO_ZONES and not name.startswith(_NO_FOLDERS)
    try:
        if known:
            return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise _no_zone(name) from error
    raise _no_zone(name)


def _no_zone(name: str) -> BadSchedule:
    return BadSchedule(f"{name[:64]!r} is no time zone of the IANA database")


def _checked(expression: str) -> str:
    """The expression with single spaces and without what has two readings. Raises BadSchedule."""
    fields = expression.split()
    if len(expression) > _LONGEST or len(fields) != _FIELDS:
        raise BadSchedule("a cron expression has five fields: minute, hour, day of month, month, day of week")
    return " ".join(",".join(_term(term) for term in one.split(",")) for one in fields)


def _term(text: str) -> str:
    found = _TERM.fullmatch(text)
    if found is None:
        raise BadSchedule(f"{text[:32]!r}: only numbers, *, lists, ranges and steps are possible in a cron expression")
    low, _, high = found[1].partition("-")
    # A range of one with a step would be read as if the range had no end.
    return low if found[2] and low == high else text


@dataclass(frozen=True)
class Cron:
    """A five-field expression in a zone. Raises BadSchedule for what never fires or cannot be read."""

    expression: str
    timezone: str
    _fields: str = field(init=False, repr=False)
    _zone: ZoneInfo = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_fields", _checked(self.expression))
        object.__setattr__(self, "_zone", zone_of(self.timezone))
        if next(self._walls(_ANY_TIME), None) is None:
            raise BadSchedule("the cron expression names no day there is")

    def after(self, at_ms: int) -> int | None:
        """The first moment after ``at_ms``, both in milliseconds; None when there is none."""
        start = datetime.fromtimestamp(at_ms // 1000, UTC)
        local = start.astimezone(self._zone)
        wall = local.replace(tzinfo=None, fold=0)
        found = [moment for moment in (self._ahead(wall, start), self._again(wall, local)) if moment is not None]
        return int(min(found).timestamp()) * 1000 if found else None

    def upcoming(self, at_ms: int, most: int) -> list[int]:
        """The next moments after ``at_ms``, in order."""
        found: list[int] = []
        following = self.after(at_ms)
        while following is not None and len(found) < most:
            found.append(following)
            following = self.after(following)
        return found

    def _walls(self, wall: datetime) -> Iterator[datetime]:
        """Matches of the clock on the wall after a time on it."""
        try:
            yield from CronSim(self._fields, wall)
        except (CronSimError, OverflowError) as error:
            raise BadSchedule(f"the cron expression cannot be used: {error}") from error

    def _ahead(self, wall: datetime, start: datetime) -> datetime | None:
        for match in islice(self._walls(wall), _MOST_WALKED):
            for moment in self._moments(match):
                if moment > start:
                    return moment
        return None

    def _again(self, wall: datetime, local: datetime) -> datetime | None:
        """The first match that the clock, about to be set back, will show once more although it has passed it."""
        back = (local.replace(fold=0).utcoffset() or timedelta()) - (local.replace(fold=1).utcoffset() or timedelta())
        if local.fold or back <= timedelta():
            return None
        for match in self._walls(wall - back - timedelta(minutes=1)):
            if match > wall:
                return None
            if len(moments := self._moments(match)) > 1:
                return moments[1]
        return None

    def _moments(self, wall: datetime) -> list[datetime]:
        """The moments at which the clock shows this: none, one or two."""
        found = []
        for fold in (0, 1):
            moment = wall.replace(tzinfo=self._zone, fold=fold).astimezone(UTC)
            if moment.astimezone(self._zone).replace(tzinfo=None, fold=0) == wall and moment not in found:
                found.append(moment)
        return found
