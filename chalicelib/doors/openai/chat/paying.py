"""Calls of bare models count against the tenant's spending limits, as those of agents do."""

from collections.abc import AsyncGenerator
from decimal import Decimal
from typing import TYPE_CHECKING

from chalicelib.core.ids import new_id
from chalicelib.doors.openai.errors import of_model
from chalicelib.events.tail import threaded
from chalicelib.models.chunks import Chunk, Finished
from chalicelib.models.errors import ModelBillingRefused, ModelError
from chalicelib.models.request import ModelRequest
from chalicelib.spending.estimating import Estimate
from chalicelib.spending.limits import MOST_END_USER, Spender
from chalicelib.spending.purse import NoRoom, Purse
from chalicelib.storage.keys import Space

if TYPE_CHECKING:
    from chalicelib.modelcards.serving import RunModels
    from chalicelib.models.registry import Resolved

_GIVEN_BACK_MS = 3_600_000
"""So long after a call began, what it reserved is given back if the process died meanwhile."""


class Tab:
    """What one call reserves, and then costs."""

    def __init__(self, purse: Purse, space: Space, models: "RunModels", resolved: "Resolved") -> None:
        self._purse = purse
        self._space = space
        self._models = models
        self._resolved = resolved
        self._name = new_id()

    def open(self, request: ModelRequest, end_user: str | None) -> None:
        """Reserve. Raises SpenderBlocked, and what a refused call is answered with."""
        who = Spender((), (end_user or "")[:MOST_END_USER] or None)
        self._purse.demand_open(self._space, lambda: who)
        price = self._models.price_of(self._resolved)
        self._cost = Decimal(0) if price is None else Estimate(price, request).read
        try:
            self._hold = self._purse.reserve(
                self._space,
                self._name,
                who,
                lambda: None if price is None else Estimate(price, request).most,
                for_ms=_GIVEN_BACK_MS,
            )
        except NoRoom as refusal:
            raise of_model(ModelBillingRefused(str(refusal))) from refusal

    def _settle(self) -> None:
        if self._hold is not None:
            self._purse.settle(self._space, self._name, self._hold, self._cost)

    async def pay(self, chunks: AsyncGenerator[Chunk, None]) -> AsyncGenerator[Chunk, None]:
        """The chunks; when they end, however, what they did cost is counted."""
        try:
            async for chunk in chunks:
                if isinstance(chunk, Finished):
                    self._cost = self._models.cost(self._resolved, chunk.usage) or Decimal(0)
                yield chunk
        except ModelError:
            self._cost = Decimal(0)
            raise
        finally:
            await chunks.aclose()
            await threaded(self._settle)
