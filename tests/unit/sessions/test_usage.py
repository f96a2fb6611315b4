"""Totals as doors show them."""

import pytest

from chalicelib.sessions.usage import usage_of
from tests.unit.sessions.planning import head


@pytest.mark.parametrize(
    ("cost", "cents"), [("0", "0"), ("0.004", "0"), ("0.005", "1"), ("1.23", "123"), ("10", "1000")]
)
def test_cost_is_told_exactly_and_in_whole_cents(cost: str, cents: str) -> None:
    given = head()
    given.totals.cost = cost
    usage = usage_of(given)
    assert usage["cost_usd"] == cost
    assert usage["list_cost"] == {"amount": cents, "currency": "USD"}


def test_the_running_turn_counts_as_active_time() -> None:
    given = head(active_since=1_000)
    given.totals.active_ms = 500
    assert usage_of(given, 3_000)["active_seconds"] == 2.5
    assert usage_of(given, 500)["active_seconds"] == 0.5
