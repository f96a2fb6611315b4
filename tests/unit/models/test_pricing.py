"""List prices."""

import json
from decimal import Decimal

import pytest

from chalicelib.models.pricing import Prices
from chalicelib.models.usage import Usage

MILLION = 1_000_000


def test_each_kind_of_token_has_its_price():
    used = Usage(MILLION, MILLION, MILLION, MILLION)
    assert Prices.load().cost("claude-opus-5", used) == Decimal("36.75")
    assert Prices.load().cost("claude-opus-5", Usage(1, 1)) == Decimal("0.00003")


@pytest.mark.parametrize(
    ("model", "known"),
    [
        ("claude-sonnet-4-5-20250929", "claude-sonnet-4-5"),
        ("claude-sonnet-4-20250514", "claude-sonnet-4"),
        ("claude-3-5-haiku-latest", "claude-3-5-haiku"),
        ("anthropic/claude-opus-5", "claude-opus-5"),
        ("openai/gpt-4o-mini-2024-07-18", "gpt-4o-mini"),
        ("gpt-5.1-codex", "gpt-5.1"),
    ],
)
def test_dated_ids_find_their_model(model, known):
    prices = Prices.load()
    assert prices.price(model) == prices.price(known) is not None


@pytest.mark.parametrize("model", ["claude-opus-5-9", "gpt-5.9", "gpt-4oo", "llama-4", ""])
def test_another_version_is_not_guessed(model):
    assert Prices.load().cost(model, Usage(10, 10)) is None


def test_long_prompts_have_their_own_price():
    prices = Prices.load()
    assert prices.cost("gpt-5.4", Usage(272_000)) == Decimal("0.68")
    assert prices.cost("gpt-5.4", Usage(272_000, 0, 1)) == Decimal("1.3600005")


def test_unnamed_cache_prices_are_the_inputs():
    assert Prices.load().cost("gpt-4-turbo", Usage(0, 0, MILLION, MILLION)) == 20


def test_the_embedded_model_is_free():
    assert Prices.load().cost("smollm2-135m", Usage(10, 10)) == 0


def test_a_file_goes_over_the_list(tmp_path):
    path = tmp_path / "prices.json"
    path.write_text(json.dumps({"llama-4": {"input": 0.1, "output": 0.2}, "claude-opus-5": {"input": 1, "output": 1}}))
    prices = Prices.load(str(path))
    assert prices.cost("llama-4", Usage(MILLION, MILLION)) == Decimal("0.3")
    assert prices.cost("claude-opus-5", Usage(MILLION)) == 1
    assert prices.cost("claude-opus-4-8", Usage(MILLION)) == 5


@pytest.mark.parametrize("text", ["no json", "[]", '{"m": {}}', '{"m": {"input": "x", "output": 1}}', '{"m": 3}'])
def test_a_file_that_cannot_be_used_is_named(tmp_path, text):
    path = tmp_path / "prices.json"
    path.write_text(text)
    with pytest.raises(ValueError, match=r"prices\.json cannot be used"):
        Prices.load(str(path))
    with pytest.raises(ValueError, match="cannot be used"):
        Prices.load(str(tmp_path / "missing.json"))
