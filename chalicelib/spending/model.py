"""What models cost a tenant, by day, model and source."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

COUNTED = ("input_tokens", "output_tokens", "cache_read_input_tokens", "cache_creation_input_tokens")
MOST_DAYS = 92
Source = Literal["session", "bare_model", "grader"]
"""What calls are made for: the sessions of agents, chats that ask a model directly, or graders of evaluations."""


@dataclass(slots=True)
class Spent:
    """Calls of one model from one source, on one day.

    ``unpriced`` are the calls whose price is not known: they count as free.
    """

    model: str
    day: str
    calls: int = 0
    unpriced: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cache_read_input_tokens: int = 0
    cache_creation_input_tokens: int = 0
    cost: Decimal = Decimal(0)
    source: Source = "session"

    def add(self, tokens: dict[str, int], cost: Decimal | None, *, calls: int = 1, unpriced: int = 0) -> None:
        """Count calls; ``tokens`` by their names."""
        self.calls += calls
        self.unpriced += unpriced
        self.cost += cost or Decimal(0)
        for name in COUNTED:
            setattr(self, name, getattr(self, name) + (tokens.get(name) or 0))

    @property
    def tokens(self) -> dict[str, int]:
        """The tokens by their names."""
        return {name: getattr(self, name) for name in COUNTED}
