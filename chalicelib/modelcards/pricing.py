"""A tenant's own prices of models."""

from chalicelib.core.clock import now_ms
from chalicelib.modelcards.draft import PricePut
from chalicelib.modelcards.errors import PriceNotFound, TooManyPrices
from chalicelib.modelcards.model import MOST_PRICES, TenantPrice
from chalicelib.modelcards.store import CardStore
from chalicelib.storage.errors import StorageBusy, TransactionRefused
from chalicelib.storage.keys import Space

_TRIES = 10


class PriceService:
    """Sets and forgets prices. They count for the runs that begin afterwards."""

    def __init__(self, store: CardStore) -> None:
        self._store = store

    def all(self, space: Space) -> list[TenantPrice]:
        """Every price of the tenant, by model."""
        return sorted(self._store.roster(space).prices.values(), key=lambda price: price.model)

    def put(self, space: Space, sent: PricePut) -> TenantPrice:
        """Set what a model costs. Raises TooManyPrices."""
        price = TenantPrice(model=sent.model, prices=sent.listed(), updated_at=now_ms())
        for turn in range(_TRIES):
            fresh = turn % 2 == 1
            try:
                self._store.commit(space, self._store.put_price(space, price, fresh=fresh))
            except TransactionRefused as refusal:
                if fresh and 0 not in refusal.failed:
                    raise TooManyPrices(f"a tenant has at most {MOST_PRICES} prices") from refusal
                continue
            return price
        raise StorageBusy("the price is changed by too many at once")

    def forget(self, space: Space, model: str) -> None:
        """Let the server's price list count again. Raises PriceNotFound."""
        try:
            self._store.commit(space, self._store.remove_price(space, model))
        except TransactionRefused as refusal:
            raise PriceNotFound(f"no price is set for {model!r}") from refusal
