"""Limits on what model calls may cost: for whom, how much, in which time."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Literal

Scope = Literal["tenant", "agent", "end_user"]
Period = Literal["day", "month", "total"]
UNIT = Decimal(10) ** 12
"""Amounts are counted in whole parts of a US dollar, so many to one."""
_CENT = UNIT / 100
MOST_END_USER = 256
_NEXT_MONTH = timedelta(days=32)


@dataclass(frozen=True, slots=True)
class Spender:
    """Who makes a model call: the agents that are responsible (core ids), and the end user it is made for."""

    agents: tuple[str, ...]
    end_user: str | None = None


@dataclass(frozen=True, slots=True)
class Limit:
    """One limit. ``subject`` is an agent's core id or an end user; without one, each of the scope has the limit for
    itself. ``cents`` is whole US cents as decimal text, None for no bound; ``blocked`` lets no model call through.
    """

    id: str
    scope: Scope
    subject: str | None
    period: Period
    cents: str | None
    blocked: bool
    by_operator: bool
    created_at: int
    updated_at: int

    def subjects(self, spender: Spender) -> Iterator[str]:
        """For whom of the spender this limit counts; nobody if it is not about him."""
        if self.scope == "tenant":
            yield ""
            return
        own = spender.agents if self.scope == "agent" else filter(None, (spender.end_user,))
        yield from (one for one in dict.fromkeys(own) if self.subject in (None, one))

    @property
    def about(self) -> tuple[Scope, str | None, bool]:
        """The same for limits that are alike but for what they allow, and when."""
        return self.scope, self.subject, self.by_operator

    @property
    def units(self) -> int:
        """The bound."""
        return int(Decimal(self.cents or 0) * _CENT)

    @property
    def shared(self) -> bool:
        """Whether it has one count."""
        return self.scope == "tenant" or self.subject is not None

    def count_of(self, subject: str, now: int) -> str:
        """The name of the count that goes on at a moment for a subject."""
        return f"{period_of(self.period, now)}#{hashlib.sha256(subject.encode()).hexdigest()[:32]}"


def units_of(cost: Decimal) -> int:
    """A cost in US dollars in units, rounded up."""
    return int((cost * UNIT).to_integral_value("ROUND_CEILING"))


def period_of(period: Period, now: int) -> str:
    """The name of the day (UTC) or month in which a moment lies, or ``total``."""
    day = _day(now)
    return {"day": f"{day:%Y-%m-%d}", "month": f"{day:%Y-%m}", "total": "total"}[period]


def opens_at(period: Period, now: int) -> int | None:
    """When the next period begins, in milliseconds; None for never."""
    day = _day(now).replace(hour=0, minute=0, second=0, microsecond=0)
    if period == "total":
        return None
    following = day + timedelta(days=1) if period == "day" else (day.replace(day=1) + _NEXT_MONTH).replace(day=1)
    return int(following.timestamp() * 1000)


def _day(now: int) -> datetime:
    return datetime.fromtimestamp(now / 1000, UTC)
