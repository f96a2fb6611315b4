"""Every model call of a run goes through here: what it may cost is reserved before it, what it did cost counted after.

Settled at once, before the run's own records of the call are written: a worker that dies in between leaves a run that
another takes over, so nothing stays reserved for a session at rest.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

from chalicelib.engine.job import Job
from chalicelib.models.errors import ModelBillingRefused, ModelError
from chalicelib.models.pricing import Price
from chalicelib.models.registry import Resolved
from chalicelib.models.request import ModelRequest
from chalicelib.models.usage import Usage
from chalicelib.spending.estimating import Estimate
from chalicelib.spending.limits import Spender
from chalicelib.spending.purse import NoRoom, Purse
from chalicelib.storage.keys import Space

if TYPE_CHECKING:
    from chalicelib.modelcards.serving import RunModels


class SpendingRefused(ModelBillingRefused):
    """A spending limit leaves no room for the call; it was not made."""


@dataclass(slots=True)
class Paid:
    """What a call did use, once that is known."""

    usage: Usage | None = None


@dataclass(frozen=True, slots=True)
class Wanted:
    """A call to be made: the name under which it is reserved, who answers for it, its prices for the tenant's limits
    and for the operator's (None: nobody knows), and how many tokens the call before had in view."""

    space: Space
    name: str
    spender: Spender
    prices: tuple[Price | None, Price | None]
    request: ModelRequest
    seen: int = 0

    def most(self, price: Price | None) -> Decimal | None:
        """The most it may cost at a price."""
        return None if price is None else Estimate(price, self.request, self.seen).most

    def spent(self, price: Price | None, usage: Usage | None) -> Decimal:
        """What it did cost at a price; without an answer, what it read, as estimated."""
        if price is None:
            return Decimal(0)
        return Estimate(price, self.request, self.seen).read if usage is None else price.of(usage)


@contextmanager
def reserved(job: Job, resolved: Resolved, request: ModelRequest) -> Iterator[Paid]:
    """Hold the most a call of a run may cost while it is made. Raises SpendingRefused."""
    purse = job.parts.purse
    if purse is None:
        yield Paid()
        return
    prices, seen = prices_of(job.models, resolved), job.conversation.last_input_tokens
    with held(purse, Wanted(job.ref.space, job.ref.id, spender(job), prices, request, seen)) as paid:
        yield paid


@contextmanager
def held(purse: Purse, wanted: Wanted) -> Iterator[Paid]:
    """Hold the most a call may cost while it is made. Raises SpendingRefused.

    A call that failed costs nothing; of one that this server broke off, what it read is counted as estimated.
    """
    paid = Paid()
    own, listed = wanted.prices
    try:
        hold = purse.reserve(
            wanted.space,
            wanted.name,
            wanted.spender,
            lambda: wanted.most(own),
            listed=lambda: wanted.most(listed),
        )
    except NoRoom as refusal:
        raise SpendingRefused(str(refusal)) from refusal
    if hold is None:
        yield paid
        return
    try:
        yield paid
    except ModelError:
        paid.usage = Usage()
        raise
    finally:
        spent = wanted.spent(own, paid.usage)
        purse.settle(wanted.space, wanted.name, hold, spent, listed=wanted.spent(listed, paid.usage))


def prices_of(models: "RunModels", resolved: Resolved) -> tuple[Price | None, Price | None]:
    """A model's prices for the tenant's limits and for the operator's."""
    return models.price_of(resolved), models.list_price_of(resolved)


def spender(job: Job) -> Spender:
    """Who answers for the job's calls: the session's agent, and the one whose turn it is."""
    head, own = job.pen.head, job.spec.agent.get("id")
    agents = (head.agent_id,) if own in (None, head.agent_id) else (head.agent_id, str(own))
    return Spender(agents, head.end_user)
