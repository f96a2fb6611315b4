"""Reserves what a model call may cost before it is made, and counts what it did cost."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from math import inf
from typing import Literal, TypeVar

from chalicelib.core.clock import iso, now_ms
from chalicelib.core.ids import new_id
from chalicelib.spending.errors import SpenderBlocked
from chalicelib.spending.limit_store import Cost, Hold, LimitStore, Share
from chalicelib.spending.limits import Limit, Spender, opens_at, period_of, units_of
from chalicelib.storage.errors import StorageBusy, TransactionRefused
from chalicelib.storage.keys import SEPARATOR, Key, Space
from chalicelib.storage.writes import Write

_TRIES = 6
_UNPRICED = "a spending limit applies, and the price of the model is not known: set its price first"
_UNLISTED = "the operator's spending limit applies, and the model is not in the operator's price list"
T = TypeVar("T")


class NoRoom(Exception):
    """A model call may not be made: a limit is reached or blocks, or nobody knows what the call costs.

    The message is for the client.
    """


@dataclass(frozen=True, slots=True)
class _Counted:
    """A limit that bounds a spender, and for whom."""

    limit: Limit
    subject: str


class Purse:
    """The way to a model call leads through ``reserve`` and ``settle``."""

    def __init__(self, store: LimitStore, known: Callable[[Space], Sequence[Limit]]) -> None:
        """``known`` are a tenant's limits as they were a moment ago."""
        self._store = store
        self._known = known

    def demand_open(self, space: Space, spender: Callable[[], Spender]) -> None:
        """Raises SpenderBlocked when a kill switch is set for a spender, who is looked up only where one is set."""
        switched = [limit for limit in self._known(space) if limit.blocked]
        if not switched:
            return
        who = spender()
        for limit in switched:
            for _ in limit.subjects(who):
                raise SpenderBlocked(_blocked(limit), code="spending_blocked")

    def reserve(
        self,
        space: Space,
        session_id: str,
        spender: Spender,
        worst: Callable[[], Decimal | None],
        *,
        listed: Callable[[], Decimal | None] | None = None,
        for_ms: int | None = None,
    ) -> Hold | None:
        """Reserve the most a call may cost (US dollars; None when no price is known) in every limit there is.

        ``listed`` tells what it may cost at the operator's prices, where they are not the tenant's. None when there is
        no limit. What is held longer than ``for_ms`` the clock gives back. Raises NoRoom, StorageBusy.
        """
        found = [_Counted(limit, subject) for limit in self._known(space) for subject in limit.subjects(spender)]
        for one in found:
            if one.limit.blocked:
                raise NoRoom(_blocked(one.limit))
        bounds = [one for one in found if one.limit.cents is not None]
        if not bounds:
            return None
        whose = {one.limit.by_operator for one in bounds}
        own = _known_units(worst, _UNPRICED) if False in whose else 0
        dues = Cost(own, _known_units(listed or worst, _UNLISTED if listed else _UNPRICED) if True in whose else 0)
        return self._held(space, session_id, bounds, dues, for_ms)

    def _held(self, space: Space, session_id: str, bounds: list[_Counted], dues: Cost, for_ms: int | None) -> Hold:
        now = now_ms()
        until = None if for_ms is None else now + for_ms
        shares = [self._share(space, one, dues, now) for one in bounds]
        for one, share in zip(bounds, shares, strict=True):
            if share.units > one.limit.units:
                raise NoRoom(_reached(one, now, "is smaller than what one model call may cost"))
        hold = Hold(new_id(), tuple(shares))
        most = [one.limit.units for one in bounds]
        try:
            _patiently(lambda: self._store.hold(space, session_id, hold, most, now, until))
        except TransactionRefused as refused:
            if 0 in refused.failed:
                return hold
            full = max((bounds[place - 1] for place in refused.failed), key=lambda one: _opens(one.limit, now))
            raise NoRoom(_reached(full, now, "is reached")) from refused
        return hold

    def _share(self, space: Space, one: _Counted, dues: Cost, now: int) -> Share:
        listed = one.limit.by_operator
        count = self._store.count(space, one.limit, one.subject, now)
        return Share(count, dues.listed if listed else dues.own, listed)

    def settle(
        self,
        space: Space,
        session_id: str,
        hold: Hold | None,
        cost: Decimal,
        also: Sequence[Write] = (),
        *,
        listed: Decimal | None = None,
    ) -> None:
        """Count what the call did cost instead of what was reserved for it, once; ``also`` in the same transaction.

        ``listed`` is its cost at the operator's prices, where they are not the tenant's. Raises StorageBusy.
        """
        if hold is None:
            if also:
                _patiently(lambda: self._store.spend((), Cost(), also))
            return
        dues = Cost(units_of(cost), units_of(cost if listed is None else listed))
        try:
            _patiently(lambda: self._store.settle(space, session_id, hold, dues, also))
        except TransactionRefused:
            # Another worker took the run for dead and gave the reservation back; what was spent is spent all the same.
            if dues != Cost() or also:
                _patiently(lambda: self._store.spend(hold.shares, dues, also))

    def expire(self, space: Space, key: Key) -> None:
        """Give back what was held until a moment that has come."""
        self.give_back(space, key.pk.split(SEPARATOR)[-1])

    def give_back(self, space: Space, session_id: str) -> None:
        """Give back what a worker that is gone had reserved for a session."""
        for hold in self._store.holds(space, session_id):
            try:
                _patiently(lambda hold=hold: self._store.settle(space, session_id, hold, Cost()))  # type: ignore[misc]
            except TransactionRefused:
                # The worker was alive, and has settled it meanwhile.
                continue


def _known_units(cost: Callable[[], Decimal | None], otherwise: str) -> int:
    known = cost()
    if known is None:
        raise NoRoom(otherwise)
    return units_of(known)


def _patiently(step: Callable[[], T]) -> T:
    """Many sessions share a count, so transactions meet each other again and again."""
    for _ in range(_TRIES - 1):
        try:
            return step()
        except StorageBusy:
            continue
    return step()


_WHOSE: dict[Literal["tenant", "agent", "end_user"], str] = {
    "tenant": "of the tenant",
    "agent": "of the agent",
    "end_user": "of the end user",
}


def _opens(limit: Limit, now: int) -> float:
    opens = opens_at(limit.period, now)
    return inf if opens is None else opens


def _named(limit: Limit) -> str:
    setter = "the operator's spending limit" if limit.by_operator else "the spending limit"
    return f"{setter} {_WHOSE[limit.scope]}"


def _blocked(limit: Limit) -> str:
    return f"{_named(limit)} blocks all model calls until it is changed"


def _reached(one: _Counted, now: int, what: str) -> str:
    limit = one.limit
    amount = f"{Decimal(limit.cents or 0) / 100:.2f} USD"
    opens = opens_at(limit.period, now)
    when = "it opens when it is raised or removed" if opens is None else f"it opens again at {iso(opens)}"
    if limit.period == "total":
        return f"{_named(limit)} in total ({amount}) {what}; {when}"
    period = period_of(limit.period, now)
    return f"{_named(limit)} for the {limit.period} {period} ({amount}) {what}; {when}"
