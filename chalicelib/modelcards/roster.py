"""Everything of a tenant that decides where its models are served and what they cost."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from chalicelib.modelcards.model import DEFAULT, ModelCard, TenantPrice
from chalicelib.models.pricing import Price


@dataclass(frozen=True, slots=True)
class Roster:
    """A tenant's active cards by ``model_id``, its default card, and its own prices by model."""

    cards: Mapping[str, ModelCard] = field(default_factory=dict)
    default: ModelCard | None = None
    prices: Mapping[str, TenantPrice] = field(default_factory=dict)

    @staticmethod
    def of(cards: Sequence[ModelCard], prices: Sequence[TenantPrice]) -> "Roster":
        """The roster of these."""
        default = next((card for card in cards if card.is_default), None)
        return Roster({card.model_id: card for card in cards}, default, {price.model: price for price in prices})

    def card(self, model: str) -> ModelCard | None:
        """The card that an agent's model names; ``default`` stands for the default card."""
        return self.default if model == DEFAULT else self.cards.get(model)

    def chain(self, model: str) -> tuple[str, ...]:
        """The model an agent names and those to turn to after it, in their order."""
        card = self.card(model)
        return (model,) if card is None else (card.model_id, *card.fallbacks)

    def serves(self, model: str) -> bool:
        """Whether an agent may name this model: any while there is no card, then only those of cards."""
        return not self.cards or self.card(model) is not None

    def price(self, model: str) -> Price | None:
        """What the tenant says a model costs: its card's prices, else those set for the model."""
        card = self.card(model)
        if card is not None and card.prices is not None:
            return card.prices.price()
        own = self.prices.get(model)
        return None if own is None else own.prices.price()
