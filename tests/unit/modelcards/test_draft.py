"""What a client may not put into a card; no refusal repeats it."""

from typing import Any

import pytest
from pydantic import ValidationError

from chalicelib.modelcards.draft import CardCreate, PricePut


@pytest.mark.parametrize(
    "fields",
    [
        {"api_key": "a\nb"},
        {"api_key": "ä"},
        {"base_url": "//a.example"},
        {"base_url": "https://a.example/?x"},
        {"base_url": "https://u:p@a.example"},
        {"custom_headers": {"content-length": "1"}},
        {"custom_headers": {"": "1"}},
        {"custom_headers": {f"x{number}": "1" for number in range(33)}},
        {"custom_headers": "x: y"},
        {"fallbacks": [f"m{number}" for number in range(9)]},
        {"provider": "other"},
    ],
)
def test_it_is_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        CardCreate.model_validate({"model_id": "m", "provider": "oai", "api_key": "k"} | fields)


@pytest.mark.parametrize("text", ["1,5", "-1", "1e2", "NaN", "", "1234567", "0.0000001"])
def test_prices_are_plain_decimals(text: str) -> None:
    with pytest.raises(ValidationError):
        PricePut.model_validate({"model": "m", "input": text, "output": "1"})
