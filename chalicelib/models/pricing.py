"""What a model call costs, by list prices.

``prices.json`` maps the beginnings of model ids to prices in USD per million tokens. The longest beginning wins, so an
id with a date finds its model. A price may have a second level for long prompts: ``"above": [tokens, {prices}]`` holds
for the whole call when more than so many input tokens, cached ones included, are in it.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from importlib import resources
from pathlib import Path
from typing import Any

from chalicelib.models.usage import Usage

_MILLION = Decimal(1_000_000)
_SAME_VERSION = re.compile(r"$|[-@](?!\d{1,2}(-|$))")
_FIELDS = ("input", "output", "cache_read", "cache_write")


@dataclass(frozen=True, slots=True)
class Price:
    """USD per million tokens."""

    input: Decimal
    output: Decimal
    cache_read: Decimal
    cache_write: Decimal
    above: tuple[int, "Price"] | None = None

    def of(self, usage: Usage) -> Decimal:
        """The cost in USD."""
        prompt = usage.input_tokens + usage.cache_read_input_tokens + usage.cache_creation_input_tokens
        if self.above and prompt > self.above[0]:
            return self.above[1].of(usage)
        return (
            self.input * usage.input_tokens
            + self.output * usage.output_tokens
            + self.cache_read * usage.cache_read_input_tokens
            + self.cache_write * usage.cache_creation_input_tokens
        ) / _MILLION


class Prices:
    """A price list."""

    def __init__(self, prices: Mapping[str, Price]) -> None:
        self._prices = dict(prices)
        self._by_length = sorted(prices, key=len, reverse=True)

    @staticmethod
    def load(path: str | None = None) -> "Prices":
        """The built-in list, with the entries of the file at ``path`` over it. Raises ValueError naming the file."""
        prices = _parsed(resources.files(__package__).joinpath("prices.json").read_text("utf-8"))
        if path is not None:
            try:
                prices |= _parsed(Path(path).read_text("utf-8"))
            except (OSError, ValueError, ArithmeticError, LookupError, TypeError, AttributeError) as error:
                raise ValueError(f"the price file {path} cannot be used: {error!r}") from error
        return Prices(prices)

    def cost(self, model: str, usage: Usage) -> Decimal | None:
        """The call's cost in USD; None when the model's price is not known. A provider's prefix is ignored."""
        price = self.price(model)
        return None if price is None else price.of(usage)

    def price(self, model: str) -> Price | None:
        names = (model, model.rsplit("/", 1)[-1])
        return next((self._prices[known] for name in names for known in self._by_length if _begins(name, known)), None)


def _begins(model: str, known: str) -> bool:
    """Dates and variants follow a dash; a short number after it, or after a dot, is another version's."""
    return model.startswith(known) and _SAME_VERSION.match(model, len(known)) is not None


def _parsed(text: str) -> dict[str, Price]:
    return {model: _price(entry) for model, entry in json.loads(text, parse_float=Decimal).items()}


def _price(entry: Mapping[str, Any]) -> Price:
    """Unnamed cache prices are the input's."""
    given = {name: Decimal(entry.get(name, entry["input"])) for name in _FIELDS if name != "output"}
    above = entry.get("above")
    level = (int(above[0]), _price(above[1])) if above else None
    return Price(output=Decimal(entry["output"]), above=level, **given)
