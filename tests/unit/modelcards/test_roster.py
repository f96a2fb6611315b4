"""Which card an agent's model names, what follows it, and what it costs."""

from decimal import Decimal
from typing import Any

from chalicelib.modelcards.model import ModelCard, PriceList, TenantPrice
from chalicelib.modelcards.roster import Roster


def card(model_id: str, **fields: Any) -> ModelCard:
    usual = {"id": model_id, "model": "real", "provider": "oai", "api_key_preview": "k", "created_at": 1}
    return ModelCard.model_validate(usual | {"model_id": model_id, "updated_at": 1} | fields)


def price(model: str, plain: str) -> TenantPrice:
    return TenantPrice(model=model, prices=PriceList(input=plain, output=plain), updated_at=1)


def test_without_cards_every_model_is_served_and_stands_alone() -> None:
    roster = Roster.of([], [])
    assert roster == Roster()
    assert roster.serves("anything")
    assert roster.chain("default") == ("default",)


def test_with_cards_only_theirs_are_served() -> None:
    roster = Roster.of([card("a", fallbacks=["b", "server"])], [])
    assert [roster.serves(model) for model in ("a", "server", "default")] == [True, False, False]
    assert roster.chain("a") == ("a", "b", "server")
    assert roster.chain("server") == ("server",)


def test_the_default_is_the_default_card() -> None:
    roster = Roster.of([card("a"), card("b", is_default=True, fallbacks=["a"])], [])
    assert roster.serves("default")
    assert roster.chain("default") == ("b", "a")


def test_a_cards_own_prices_come_before_those_of_its_model() -> None:
    cards = [card("a", prices={"input": "1", "output": "2"}), card("b")]
    roster = Roster.of(cards, [price("a", "3"), price("b", "4"), price("c", "5")])
    found = [roster.price(model) for model in ("a", "b", "c", "d")]
    assert [one and one.input for one in found] == [Decimal(1), Decimal(4), Decimal(5), None]


def test_unnamed_cache_prices_are_the_inputs() -> None:
    whole = PriceList(input="2", output="3", cache_read="0.5").price()
    assert (whole.cache_read, whole.cache_write) == (Decimal("0.5"), Decimal(2))
