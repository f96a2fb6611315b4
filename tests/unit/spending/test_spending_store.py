"""The write that adds to what a model cost."""

from decimal import Decimal

from chalicelib.core.ids import new_id
from chalicelib.spending.model import Spent
from chalicelib.spending.store import SHARDS, spent_write
from chalicelib.storage.keys import Space


def spent(cost: str) -> Spent:
    one = Spent("some/model", "2026-01-31")
    one.add({"input_tokens": 3}, Decimal(cost))
    return one


def test_costs_are_added_as_whole_numbers() -> None:
    values = spent_write(Space("t"), new_id(), spent("0.000000375")).request["ExpressionAttributeValues"]
    assert values[":u_cost"] == {"N": "375000"}
    assert (values[":u_calls"], values[":u_input_tokens"]) == ({"N": "1"}, {"N": "3"})


def test_sessions_are_spread_and_each_has_its_row() -> None:
    def row(session: str) -> str:
        key = spent_write(Space("t"), session, spent("1")).request["Key"]
        assert key["pk"] == {"S": "t#t#spending#2026-01"}
        return str(key["sk"]["S"])

    sessions = [new_id() for _ in range(200)]
    assert len({row(session) for session in sessions}) == SHARDS
    assert row(sessions[0]) == row(sessions[0])
