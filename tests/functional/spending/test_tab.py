"""Calls of bare models in storage: one write a call, nothing counted twice or lost, each for its end user."""

from concurrent.futures import ThreadPoolExecutor
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from chalicelib.core.ids import new_id
from chalicelib.models.errors import ModelBillingRefused
from chalicelib.models.pricing import Price
from chalicelib.models.registry import Resolved
from chalicelib.models.request import ModelRequest
from chalicelib.models.usage import Usage
from chalicelib.runs import entry
from chalicelib.spending import tab as tabs
from chalicelib.spending.limit_draft import LimitCreate
from chalicelib.spending.limits import Spender
from chalicelib.spending.model import Spent
from chalicelib.spending.store import today
from chalicelib.spending.tab import Tab
from chalicelib.storage.keys import Space
from chalicelib.wiring import Services
from tests.functional.runs.test_cost import Meter
from tests.support.clock import Clock

_DOLLAR = Decimal(1_000_000)
NOBODY: Any = None
PRICED = Resolved(NOBODY, "m", "openai", Price(_DOLLAR, _DOLLAR, _DOLLAR, _DOLLAR))
"""A dollar a token."""
UNPRICED = Resolved(NOBODY, "a-model-of-no-known-price", "openai")


def request(most: int = 10) -> ModelRequest:
    return ModelRequest("m", None, [{"role": "user", "content": "hello"}], max_tokens=most)


def opened(services: Services, space: Space, resolved: Resolved = PRICED, user: str | None = None) -> Tab:
    """A tab of a call that is about to be made."""
    tab = Tab(services.limiting.purse, space, services.serving.open(space), "m", Spender((), user), "bare_model")
    tab.open(resolved, request())
    return tab


def spent(services: Services, space: Space, user: str | None = None) -> list[Spent]:
    """The report of this day."""
    day = date.fromisoformat(today())
    return services.spending.between(space, day, day, user)


def limited(services: Services, space: Space, dollars: int) -> Any:
    """A reader of (spent, reserved) in dollars of a new limit."""
    sent = LimitCreate.model_validate({"scope": "tenant", "max_list_cost": {"amount": str(dollars * 100)}})
    limit = services.limiting.limits.create(space, sent)
    return lambda: [amount / 10**12 for amount in services.limiting.limits.counted(space, [limit])[limit.id]]


@pytest.mark.parametrize("user", [None, "ann"])
def test_a_call_takes_one_write_and_with_a_limit_a_second_one_before(services: Services, user: str | None) -> None:
    space, clock = Space(new_id()), Clock(services)
    opened(services, space, user=user).settle(Usage(1, 2))
    meter = Meter().attach(services)
    opened(services, space, user=user).settle(Usage(1, 2))
    assert meter.calls == ["TransactWriteItems"]
    limited(services, space, 1000)
    clock.pass_by(1)
    opened(services, space, user=user)
    meter.calls = []
    opened(services, space, user=user).settle(Usage(1, 2))
    assert meter.calls == ["TransactWriteItems"] * 2


def test_a_call_that_failed_writes_nothing(services: Services) -> None:
    space = Space(new_id())
    tab = opened(services, space)
    meter = Meter().attach(services)
    tab.settle(None)
    assert meter.calls == []
    assert spent(services, space) == []


def test_many_at_once_are_added_up_exactly(services: Services, other_process: Services) -> None:
    space = Space(new_id())
    counted = limited(services, space, 10_000)

    def chat(number: int) -> None:
        process = (services, other_process)[number % 2]
        opened(process, space, user=("ann", "bob")[number % 2]).settle(Usage(number, 1))

    with ThreadPoolExecutor(16) as pool:
        list(pool.map(chat, range(48)))
    (row,) = spent(services, space)
    assert (row.source, row.calls, row.input_tokens, row.output_tokens) == ("bare_model", 48, sum(range(48)), 48)
    assert counted() == [float(row.cost), 0]
    (ann,), (bob,) = spent(services, space, "ann"), spent(services, space, "bob")
    assert (ann.calls, ann.cost + bob.cost) == (24, row.cost)
    assert spent(services, Space(new_id()), "ann") == []


def test_what_comes_after_its_reservation_was_given_back_is_reported_once(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    space = Space(new_id())
    counted = limited(services, space, 100)
    monkeypatch.setattr(tabs, "_GIVEN_BACK_MS", -1)
    late, dead = opened(services, space), opened(services, space)
    entry.tick_timers(services)
    assert counted() == [0, 0]
    late.settle(Usage(3, 1))
    del dead
    assert counted() == [4, 0]
    assert [(row.calls, row.cost) for row in spent(services, space)] == [(1, Decimal(4))]


def test_a_refused_call_leaves_no_trace(services: Services) -> None:
    space = Space(new_id())
    counted = limited(services, space, 5)
    with pytest.raises(ModelBillingRefused, match="smaller than what one model call may cost"):
        opened(services, space)
    with pytest.raises(ModelBillingRefused, match="price of the model is not known"):
        opened(services, space, UNPRICED)
    assert (counted(), spent(services, space)) == ([0, 0], [])


def test_a_call_of_no_known_price_is_reported_as_such(services: Services) -> None:
    space = Space(new_id())
    opened(services, space, UNPRICED).settle(Usage(3, 1))
    (row,) = spent(services, space)
    assert (row.calls, row.unpriced, row.cost, row.input_tokens) == (1, 1, 0, 3)


def test_a_call_that_is_broken_off_used_what_it_read_and_had_said(services: Services) -> None:
    used = opened(services, Space(new_id())).broken_off(41)
    assert (used.input_tokens > 0, used.output_tokens) == (True, 10)
