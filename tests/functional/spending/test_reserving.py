"""Reservations: many at once never exceed a limit; a dead worker's are given back; each day has a count of its own."""

import random
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from chalicelib.core.ids import new_id
from chalicelib.running.model import Chosen
from chalicelib.runs import entry
from chalicelib.spending import purse as pursing
from chalicelib.spending.limit_draft import LimitCreate
from chalicelib.spending.limits import UNIT, Limit, Spender
from chalicelib.spending.purse import NoRoom
from chalicelib.storage.keys import Space
from chalicelib.wiring import Services
from tests.functional.runs.conftest import Rig, said
from tests.support.api import wait_for

PRICED = "claude-3-haiku"
"""Its longest answer costs a little more than a cent."""
NOON = int(datetime(2026, 3, 31, 12, tzinfo=UTC).timestamp() * 1000)


def limited(services: Services, space: Space, cents: int, **more: Any) -> Limit:
    """A new limit."""
    sent = {"scope": "tenant", "max_list_cost": {"amount": str(cents)}} | more
    return services.limiting.limits.create(space, LimitCreate.model_validate(sent))


def counted(services: Services, space: Space, limit: Limit) -> tuple[int, int]:
    """(spent, reserved) in the smallest parts."""
    return services.limiting.limits.counted(space, [limit])[limit.id]


def silent(services: Services) -> Services:
    """A process that does not prolong its leases, as if it were dead."""
    services.settings = replace(services.settings, heartbeat_seconds=600)
    return services


def asked_to_stop(rig: Rig) -> bool:
    """Whether the session is to stop."""
    return rig.head.interrupt is not None


def test_many_reservations_of_two_processes_never_exceed_any_limit(services: Services, other_process: Services) -> None:
    space, agent = Space(new_id()), new_id()
    whole = limited(services, space, 40)
    part = limited(services, space, 25, scope="agent", agent_id=agent)
    seen: list[int] = []
    spent: list[Decimal] = []
    refused: list[str] = []

    def session(number: int) -> None:
        chance = random.Random(number)
        purse = (services, other_process)[number % 2].limiting.purse
        who, name = Spender((agent if number % 3 else "other",)), new_id()
        for _ in range(4):
            worst = Decimal(chance.randint(1, 40)) / 1000
            try:
                hold = purse.reserve(space, name, who, lambda worst=worst: worst)  # type: ignore[misc]
            except NoRoom as refusal:
                refused.append(str(refusal))
                continue
            assert hold is not None
            seen.append(sum(counted(services, space, whole)))
            cost = worst * chance.randint(0, 100) / 100
            spent.append(cost)
            purse.settle(space, name, hold, cost)

    with ThreadPoolExecutor(16) as pool:
        list(pool.map(session, range(32)))
    assert max(seen) <= whole.units
    assert refused
    assert counted(services, space, whole) == (int(sum(spent) * UNIT), 0)
    of_agent, reserved = counted(services, space, part)
    assert (of_agent <= part.units, reserved) == (True, 0)


def test_what_a_dead_worker_reserved_is_given_back_by_the_next(rig: Rig) -> None:
    rig = Rig(silent(rig.services), rig.model, rig.make, [], PRICED)
    made = limited(rig.services, rig.ref.space, 2)
    rig.model.hold(at="stop")
    rig.send(said("tokens:3"))
    dying = threading.Thread(target=rig.ring)
    dying.start()
    rig.model.wait_held(1, 40)
    first = counted(rig.services, rig.ref.space, made)
    assert first[1] > made.units / 2
    head = rig.head
    rig.services.table.write(rig.services.session_store.lease_write(rig.ref, head.fence, 1, 1))
    fresh = threading.Thread(target=rig.ring, args=(rig.another(),))
    fresh.start()
    wait_for(lambda: len(rig.model.requests) == 2, "the other worker to ask")
    assert counted(rig.services, rig.ref.space, made)[1] <= first[1]
    rig.model.release()
    fresh.join(20)
    dying.join(20)
    assert rig.head.stop_reason == {"type": "end_turn"}
    assert counted(rig.services, rig.ref.space, made)[1] == 0
    rig.assert_whole()


def test_what_a_deleted_session_had_reserved_is_given_back_by_the_clock(rig: Rig) -> None:
    space, purse = rig.ref.space, rig.services.limiting.purse
    made = limited(rig.services, space, 100)
    purse.reserve(space, rig.ref.id, Spender((new_id(),)), lambda: Decimal("0.5"))
    assert counted(rig.services, space, made) == (0, int(UNIT / 2))
    rig.services.sessions.delete(rig.ref, even_running=True)
    rig.ring()
    assert counted(rig.services, space, made) == (0, 0)


def test_a_reservation_is_settled_once_and_a_late_cost_still_counts(services: Services) -> None:
    space, session, purse = Space(new_id()), new_id(), services.limiting.purse
    made = limited(services, space, 100)
    hold = purse.reserve(space, session, Spender(()), lambda: Decimal("0.5"))
    assert hold is not None
    purse.give_back(space, session)
    purse.give_back(space, session)
    assert counted(services, space, made) == (0, 0)
    purse.settle(space, session, hold, Decimal("0.25"))
    assert counted(services, space, made) == (int(UNIT / 4), 0)


def test_each_day_and_month_has_a_count_of_its_own(services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    space, session, purse = Space(new_id()), new_id(), services.limiting.purse
    limited(services, space, 10, period="day")
    limited(services, space, 20, period="month")
    clock = [NOON]
    monkeypatch.setattr(pursing, "now_ms", lambda: clock[0])

    def spend() -> None:
        hold = purse.reserve(space, session, Spender(()), lambda: Decimal("0.08"))
        assert hold is not None
        purse.settle(space, session, hold, Decimal("0.08"))

    spend()
    with pytest.raises(NoRoom, match=r"for the day 2026-03-31 .* opens again at 2026-04-01T00:00:00.000Z"):
        spend()
    clock[0] += 86_400_000
    spend()
    clock[0] -= 86_400_000 * 30
    spend()
    clock[0] += 86_400_000
    with pytest.raises(NoRoom, match=r"for the month 2026-03 .* opens again at 2026-04-01T00:00:00.000Z"):
        spend()


def test_a_settlement_after_midnight_counts_for_the_day_of_its_reservation(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    space, session, purse = Space(new_id()), new_id(), services.limiting.purse
    limited(services, space, 10, period="day")
    clock = [NOON]
    monkeypatch.setattr(pursing, "now_ms", lambda: clock[0])
    hold = purse.reserve(space, session, Spender(()), lambda: Decimal("0.08"))
    assert hold is not None
    clock[0] += 86_400_000
    purse.settle(space, session, hold, Decimal("0.08"))
    assert purse.reserve(space, session, Spender(()), lambda: Decimal("0.10")) is not None


def test_what_a_dead_process_reserved_for_a_while_is_given_back_by_the_clock(services: Services) -> None:
    space, purse = Space(new_id()), services.limiting.purse
    made = limited(services, space, 100)
    purse.reserve(space, "lasting", Spender(()), lambda: Decimal("0.25"), for_ms=60_000)
    purse.reserve(space, "over", Spender(()), lambda: Decimal("0.5"), for_ms=-1)
    entry.tick_timers(services)
    assert counted(services, space, made) == (0, int(UNIT / 4))


def test_without_limits_a_call_asks_storage_for_nothing(services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    space, purse = Space(new_id()), services.limiting.purse
    assert purse.reserve(space, "s", Spender(()), lambda: None) is None
    for name in ("query", "get", "get_many", "write", "transact"):
        monkeypatch.delattr(type(services.table), name)
    for _ in range(3):
        assert purse.reserve(space, "s", Spender(()), lambda: None) is None
        purse.demand_open(space, lambda: Spender(()))


def test_a_stop_that_a_dead_process_began_is_finished_by_the_clock(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    rig.send(said("tokens:3"))
    running = rig.services.limiting.running

    def dies(*_args: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(running, "_carry_out", dies)
    monkeypatch.setattr("chalicelib.running.service._CLOCK_LOOKS_MS", -1)
    wait_for(lambda: running.at_work(rig.ref.space, Chosen(), 10)[0], "the session to be listed")
    with pytest.raises(KeyboardInterrupt):
        running.stop(rig.ref.space, Chosen())
    assert not asked_to_stop(rig)
    entry.tick(rig.another())
    assert asked_to_stop(rig)
    rig.ring()
    assert rig.head.status == "idle"
    assert rig.model.requests == []
    assert entry.tick_timers(rig.services) == 0
    assert rig.services.timers.sweep() == 0


def test_a_run_whose_worker_died_ends_once_it_has_taken_too_long(rig: Rig, make: Callable[[], Services]) -> None:
    silent(rig.services)
    rig.model.hold(at="stop")
    rig.send(said("tokens:3"))
    dying = threading.Thread(target=rig.ring)
    dying.start()
    rig.model.wait_held(1, 40)
    head = rig.head
    rig.services.table.write(rig.services.session_store.lease_write(rig.ref, head.fence, 1, 1))
    late = make()
    late.settings = replace(late.settings, max_running_seconds=1)
    wait_for(lambda: head.active_since is not None, "the run to be at work")
    threading.Event().wait(1.1)
    rig.ring(late)
    assert rig.head.last_error is not None
    assert rig.head.last_error["type"] == "run_timeout_error"
    rig.model.release()
    dying.join(20)
