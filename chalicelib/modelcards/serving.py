"""Finds who serves a tenant's models, for workers: its cards first, then the server's own providers."""

import weakref
from collections import OrderedDict
from collections.abc import AsyncGenerator, Callable
from decimal import Decimal
from functools import partial
from threading import Lock
from typing import Any

from chalicelib.modelcards.addressing import base_of, headers_of
from chalicelib.modelcards.model import ModelCard, Secrets
from chalicelib.modelcards.roster import Roster
from chalicelib.modelcards.service import CardService
from chalicelib.models.chunks import Chunk
from chalicelib.models.errors import ModelError, ModelRequestRefused
from chalicelib.models.limits import context_window
from chalicelib.models.pricing import Price
from chalicelib.models.provider import Provider
from chalicelib.models.registry import Registry, Resolved
from chalicelib.models.request import ModelRequest
from chalicelib.models.runner import runner
from chalicelib.models.scrub import Scrubber
from chalicelib.models.usage import Usage
from chalicelib.outbound.guard import Outbound
from chalicelib.storage.errors import SecretUnreadable
from chalicelib.storage.keys import Space

_KEPT_CLIENTS = 64


class CardProvider:
    """A card's provider; its connections are closed once nobody can use it any more."""

    def __init__(self, inner: Provider) -> None:
        self.name = inner.name
        self._inner = inner
        weakref.finalize(self, _close, inner).atexit = False

    def stream(self, request: ModelRequest) -> AsyncGenerator[Chunk, None]:
        """See ``Provider.stream``."""
        return self._inner.stream(request)

    async def warm_up(self) -> None:
        """See ``Provider.warm_up``."""
        await self._inner.warm_up()

    async def aclose(self) -> None:
        """See ``Provider.aclose``."""
        await self._inner.aclose()


def _close(provider: Provider) -> None:
    runner().run(provider.aclose())


class Serving:
    """The providers of all tenants' cards in this process."""

    def __init__(
        self, cards: CardService, rosters: Callable[[Space], Roster], registry: Registry, outbound: Outbound
    ) -> None:
        self._cards = cards
        self._rosters = rosters
        self._registry = registry
        self._outbound = outbound
        self._lock = Lock()
        self._clients: OrderedDict[tuple[str, int], CardProvider] = OrderedDict()

    def open(self, space: Space) -> "RunModels":
        """The models of a tenant as they are now."""
        return RunModels(self._rosters(space), self._registry, partial(self._provider, space))

    def _provider(self, space: Space, card: ModelCard) -> Provider:
        """The card's provider in its present revision. Raises ModelRequestRefused."""
        at = (card.id, card.revision)
        with self._lock:
            kept = self._clients.get(at)
            if kept is not None:
                self._clients.move_to_end(at)
                return kept
        made = CardProvider(self._made(card, self._opened(space, card)))
        with self._lock:
            for older in [known for known in self._clients if known[0] == card.id and known[1] < card.revision]:
                del self._clients[older]
            kept = self._clients.setdefault(at, made)
            dropped = [self._clients.popitem(last=False) for _ in range(len(self._clients) - _KEPT_CLIENTS)]
        del dropped
        return kept

    def _opened(self, space: Space, card: ModelCard) -> Secrets:
        try:
            return self._cards.secrets(space, card)
        except SecretUnreadable:
            message = f"The key of the model card {card.model_id!r} cannot be read any more: set it anew."
            raise ModelRequestRefused(message) from None

    def _made(self, card: ModelCard, secrets: Secrets) -> Provider:
        from chalicelib.models.anthropic_provider import AnthropicProvider
        from chalicelib.models.openai_provider import OpenAIProvider

        base = base_of(card.wire, card.base_url)
        shared: dict[str, Any] = {
            "base_url": base,
            "limits": self._registry.limits,
            "scrub": Scrubber((secrets.api_key, *secrets.headers.values())),
            "http": partial(_client, self._outbound, headers_of(card, secrets)),
        }
        # The client replaces whatever the SDK would send as a credential, so that it need not know the key.
        if card.wire == "anthropic":
            return AnthropicProvider(api_key=None, auth_token=None, **shared)
        return OpenAIProvider(api_key=None, **shared)


def _client(outbound: Outbound, headers: dict[str, str]) -> Any:
    from chalicelib.models.guarded_client import guarded_client

    return guarded_client(outbound, headers)


class RunModels:
    """A tenant's models as one run sees them: what is rotated meanwhile does not touch what it resolved."""

    def __init__(self, roster: Roster, registry: Registry, provider_of: Callable[[ModelCard], Provider]) -> None:
        self._roster = roster
        self._registry = registry
        self._provider_of = provider_of
        self._resolved: dict[str, Resolved] = {}

    def chain(self, model: str) -> tuple[str, ...]:
        """The model an agent names and those to turn to after it, in their order."""
        return self._roster.chain(model)

    def resolve(self, model: str) -> Resolved:
        """Who serves a model. Raises ModelError."""
        known = self._resolved.get(model)
        if known is None:
            known = self._resolved[model] = self._found(model)
        return known

    def _found(self, model: str) -> Resolved:
        price = self._roster.price(model)
        card = self._roster.card(model)
        if card is not None:
            return Resolved(self._provider_of(card), card.model, card.wire, price)
        served = self._registry.resolve(model)
        return Resolved(served.provider, served.model, served.provider_name, price)

    def served(self, model: str) -> bool:
        """Whether anybody serves a model."""
        try:
            self.resolve(model)
        except ModelError:
            return False
        return True

    def window(self, model: str) -> int:
        """How many tokens a model can have in view."""
        card = self._roster.card(model)
        return context_window(model if card is None else card.model)

    def cost(self, resolved: Resolved, usage: Usage) -> Decimal | None:
        """What a call cost in USD; None when no price is known."""
        if resolved.price is not None:
            return resolved.price.of(usage)
        return self._registry.prices.cost(resolved.model, usage)

    def price_of(self, resolved: Resolved) -> Price | None:
        """What counts for the calls of a model; None when no price is known."""
        return resolved.price or self._registry.prices.price(resolved.model)

    def list_price_of(self, resolved: Resolved) -> Price | None:
        """What counts against the operator's limits: only of what its own cards serve a tenant sets the price."""
        if isinstance(resolved.provider, CardProvider):
            return self.price_of(resolved)
        return self._registry.prices.price(resolved.model)

    def priced(self, model: str) -> bool:
        """Whether the price of a model is known."""
        card, own = self._roster.card(model), self._roster.price(model)
        return own is not None or self._registry.prices.price(model if card is None else card.model) is not None
