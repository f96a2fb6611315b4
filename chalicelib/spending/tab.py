"""One model call outside of any session: what it reserves, and what it cost in the report and against limits."""

from dataclasses import asdict
from decimal import Decimal
from typing import TYPE_CHECKING

from chalicelib.core.ids import new_id
from chalicelib.models.errors import ModelBillingRefused
from chalicelib.models.request import ModelRequest
from chalicelib.models.usage import Usage
from chalicelib.spending.estimating import CHARACTERS, Estimate, weight
from chalicelib.spending.limit_store import Hold
from chalicelib.spending.limits import Spender
from chalicelib.spending.model import Source, Spent
from chalicelib.spending.purse import NoRoom, Purse
from chalicelib.spending.store import spent_writes, today
from chalicelib.storage.keys import Space
from chalicelib.storage.writes import Write

if TYPE_CHECKING:
    from chalicelib.modelcards.serving import RunModels
    from chalicelib.models.registry import Resolved

_GIVEN_BACK_MS = 3_600_000
"""So long after a call began, what it reserved is given back if the process died meanwhile."""


class Tab:
    """``open`` it before the call and ``settle`` it after, once each.

    ``model`` is the id by which the cost report names the model; ``spender`` are the agents and the end user for whom
    it is asked, ``source`` what for.
    """

    def __init__(
        self, purse: Purse, space: Space, models: "RunModels", model: str, spender: Spender, source: Source
    ) -> None:
        self._purse = purse
        self._space = space
        self._models = models
        self._model = model
        self._spender = spender
        self._source = source
        self._name = new_id()
        self._hold: Hold | None = None

    def open(self, resolved: "Resolved", request: ModelRequest) -> None:
        """Reserve the most the call may cost. Raises SpenderBlocked, ModelBillingRefused, StorageBusy."""
        self.demand_open()
        self._resolved, self._request = resolved, request
        price, listed = self._models.price_of(resolved), self._models.list_price_of(resolved)
        try:
            self._hold = self._purse.reserve(
                self._space,
                self._name,
                self._spender,
                lambda: None if price is None else Estimate(price, request).most,
                listed=lambda: None if listed is None else Estimate(listed, request).most,
                for_ms=_GIVEN_BACK_MS,
            )
        except NoRoom as refusal:
            raise ModelBillingRefused(str(refusal)) from refusal

    def demand_open(self) -> None:
        """Whether the call may go on. Raises SpenderBlocked once a kill switch is set."""
        self._purse.demand_open(self._space, lambda: self._spender)

    def broken_off(self, said: int) -> Usage:
        """What a call used, as estimated, that ended after so many characters of its answer."""
        return Usage(weight(self._request), said // CHARACTERS)

    def settle(self, usage: Usage | None) -> None:
        """Count what the call used, in one transaction; None for a call that failed, which costs nothing.

        Raises StorageBusy.
        """
        if usage is None:
            self._purse.settle(self._space, self._name, self._hold, Decimal(0))
            return
        cost, price = self._models.cost(self._resolved, usage), self._models.list_price_of(self._resolved)
        listed = Decimal(0) if price is None else price.of(usage)
        also = self._reported(usage, cost)
        self._purse.settle(self._space, self._name, self._hold, cost or Decimal(0), also, listed=listed)

    def _reported(self, usage: Usage, cost: Decimal | None) -> list[Write]:
        spent = Spent(self._model, today(), source=self._source)
        spent.add(asdict(usage), cost, unpriced=int(cost is None))
        return spent_writes(self._space, self._name, spent, self._spender.end_user)
