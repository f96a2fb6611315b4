"""The writes that add to what a model cost."""

from decimal import Decimal
from typing import Any

from chalicelib.core.ids import new_id
from chalicelib.spending.model import Source, Spent
from chalicelib.spending.store import SHARDS, spent_writes
from chalicelib.storage.keys import Space


def spent(cost: str, source: Source = "session") -> Spent:
    one = Spent("some/model", "2026-01-31", source=source)
    one.add({"input_tokens": 3}, Decimal(cost))
    return one


def requests(spender: str, one: Spent, end_user: str | None = None) -> list[dict[str, Any]]:
    return [write.request for write in spent_writes(Space("t"), spender, one, end_user)]


def test_costs_are_added_as_whole_numbers() -> None:
    (request,) = requests(new_id(), spent("0.000000375"))
    values = request["ExpressionAttributeValues"]
    assert values[":u_cost"] == {"N": "375000"}
    assert (values[":u_calls"], values[":u_input_tokens"]) == ({"N": "1"}, {"N": "3"})


def test_sessions_are_spread_and_each_has_its_row() -> None:
    def row(session: str) -> str:
        (request,) = requests(session, spent("1"))
        key = request["Key"]
        assert key["pk"] == {"S": "t#t#spending#2026-01"}
        return str(key["sk"]["S"])

    sessions = [new_id() for _ in range(200)]
    assert len({row(session) for session in sessions}) == SHARDS
    assert row(sessions[0]) == row(sessions[0])


def test_what_is_spent_for_an_end_user_is_noted_twice_and_the_second_time_for_a_while() -> None:
    whole, own = requests("a", spent("1"), "Ann # of/anywhere")
    assert own["Key"]["sk"] == whole["Key"]["sk"]
    assert own["Key"]["pk"]["S"].startswith("t#t#spending-users#")
    assert "Ann" not in str(own)
    amounts = own["ExpressionAttributeValues"]
    assert amounts.pop(":u_expires_at") == {"N": "1804377600"}
    assert amounts == whole["ExpressionAttributeValues"]


def test_bare_models_have_rows_of_their_own() -> None:
    (session,), (bare,) = requests("a", spent("1")), requests("a", spent("1", "bare_model"))
    assert session["Key"]["pk"] == bare["Key"]["pk"]
    assert bare["Key"]["sk"]["S"] == session["Key"]["sk"]["S"] + "#bare_model"
