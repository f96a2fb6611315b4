"""Wake-ups that an agent has asked for."""

from dataclasses import dataclass
from typing import Literal

from chalicelib.core.clock import iso, parse_iso
from chalicelib.core.ids import derive_id, dress
from chalicelib.schedules.cron import Cron
from chalicelib.schedules.errors import BadSchedule

MOST_OPEN = 20
LEAST_SECONDS, MOST_SECONDS = 5, 604_800
LONGEST_PROMPT = 4_000
_FURTHEST_MS = 366 * 86_400_000


@dataclass(frozen=True, slots=True)
class Wanted:
    """A wake-up as an agent asks for it: exactly one of the first three says when. ``timezone`` belongs to ``cron``."""

    prompt: str
    delay_seconds: int | None = None
    at: str | None = None
    cron: str | None = None
    timezone: str = "UTC"

    def first(self, now: int) -> int:
        """The moment it means, in milliseconds. Raises BadSchedule."""
        if sum(one is not None for one in (self.delay_seconds, self.at, self.cron)) != 1:
            raise BadSchedule("exactly one of delay_seconds, at and cron has to be given")
        if not 0 < len(self.prompt) <= LONGEST_PROMPT:
            raise BadSchedule(f"prompt has to have 1 to {LONGEST_PROMPT} characters")
        if self.delay_seconds is not None:
            return now + _delay(self.delay_seconds) * 1000
        if self.at is not None:
            return _moment(self.at, now)
        following = Cron(self.cron or "", self.timezone).after(now)
        if following is None:
            raise BadSchedule("the cron expression never fires in this zone")
        return following


def _delay(seconds: int) -> int:
    if not LEAST_SECONDS <= seconds <= MOST_SECONDS:
        raise BadSchedule(f"delay_seconds has to be between {LEAST_SECONDS} and {MOST_SECONDS}")
    return seconds


def _moment(text: str, now: int) -> int:
    try:
        at = parse_iso(text)
    except (ValueError, OverflowError) as error:
        raise BadSchedule("at has to be a date and time, such as 2030-01-31T09:00:00Z") from error
    if not now < at <= now + _FURTHEST_MS:
        raise BadSchedule(f"at has to lie in the future, within a year; it is {iso(now)} now")
    return at


@dataclass(frozen=True, slots=True)
class Schedule:
    """An open wake-up; times are milliseconds. ``cron`` empty: it wakes once. ``tries`` counts refused wakings."""

    id: str
    session_id: str
    prompt: str
    fire_at: int
    created_at: int
    cron: str = ""
    timezone: str = "UTC"
    tries: int = 0

    @property
    def kind(self) -> Literal["cron", "one_shot"]:
        """Whether it comes again."""
        return "cron" if self.cron else "one_shot"

    @property
    def name(self) -> str:
        """The id as an agent and a client read it."""
        return dress("sched", self.id)

    @property
    def span_id(self) -> str:
        """The id of the record that tells it was made."""
        return derive_id("schedule-span", self.id)

    @property
    def message_id(self) -> str:
        """The id of the message that wakes: the same for every try at one waking."""
        return derive_id("schedule-message", self.id, str(self.fire_at) if self.cron else "")

    def following(self, now: int) -> int | None:
        """The moment after the present one that has not passed, None when it wakes no more."""
        return Cron(self.cron, self.timezone).after(max(self.fire_at, now)) if self.cron else None
