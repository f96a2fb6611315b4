"""What the operations of one session take of AWS, as `make bench` counts it: the one who is asked and the one who works
are processes of their own, as in a deployment."""

from typing import Any

import pytest

from tests.fakes.model_server import FakeModel
from tests.performance.calls import LATER, MARKS, TURN, count

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def bills() -> dict[str, dict[str, Any]]:
    with FakeModel() as model:
        return count(model.url)


@pytest.mark.parametrize("operation", MARKS)
def test_no_more_calls_are_made_than_are_meant_to(bills: dict[str, dict[str, Any]], operation: str) -> None:
    bill = bills[operation]
    assert bill["calls"] <= MARKS[operation], bill["by_name"]


def test_a_turn_of_a_tenant_that_is_known_takes_seven_calls(bills: dict[str, dict[str, Any]]) -> None:
    assert bills[TURN]["calls"] == 7, bills[TURN]["by_name"]


def test_after_a_pause_key_and_tenant_are_read_once_more_and_the_worker_reads_nothing_else(
    bills: dict[str, dict[str, Any]],
) -> None:
    more = {name: calls - bills[TURN]["by_name"].get(name, 0) for name, calls in bills[LATER]["by_name"].items()}
    assert {name: calls for name, calls in more.items() if calls} == {"dynamodb.BatchGetItem": 1}
    assert (
        bills["the worker's part after a pause"]["by_name"] == bills["the worker's part of a one-call turn"]["by_name"]
    )


def test_a_process_that_meets_a_tenant_reads_little_more(bills: dict[str, dict[str, Any]]) -> None:
    known, met = bills["send a message"]["calls"], bills["send a message, new process"]["calls"]
    noted = 1  # that the key was used, once an hour
    assert met - noted <= known + 2
