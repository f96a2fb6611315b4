"""Every model call of a run goes through here: what it may cost is reserved before it, what it did cost counted after.

Settled at once, before the run's own records of the call are written: a worker that dies in between leaves a run that
another takes over, so nothing stays reserved for a session at rest.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal

from chalicelib.engine.job import Job
from chalicelib.models.errors import ModelBillingRefused, ModelError
from chalicelib.models.pricing import Price
from chalicelib.models.registry import Resolved
from chalicelib.models.request import ModelRequest
from chalicelib.models.usage import Usage
from chalicelib.spending.estimating import Estimate
from chalicelib.spending.limit_store import Hold
from chalicelib.spending.limits import Spender
from chalicelib.spending.purse import NoRoom


class SpendingRefused(ModelBillingRefused):
    """A spending limit leaves no room for the call; it was not made."""


@dataclass(slots=True)
class Paid:
    """What a call did use, once that is known."""

    usage: Usage | None = None


@dataclass(frozen=True, slots=True)
class _Call:
    """A call to be made, reckoned up; ``seen`` is how many tokens the call before had in view."""

    request: ModelRequest
    seen: int

    def most(self, price: Price | None) -> Decimal | None:
        """The most it may cost at a price; None when nobody knows the price."""
        return None if price is None else Estimate(price, self.request, self.seen).most

    def spent(self, price: Price | None, usage: Usage | None) -> Decimal:
        """What it did cost at a price; without an answer, what it read, as estimated."""
        if price is None:
            return Decimal(0)
        return Estimate(price, self.request, self.seen).read if usage is None else price.of(usage)


@contextmanager
def reserved(job: Job, resolved: Resolved, request: ModelRequest) -> Iterator[Paid]:
    """Hold the most a call of a run may cost while it is made. Raises SpendingRefused.

    A call that failed costs nothing; of one that this server broke off, what it read is counted as estimated.
    """
    paid, call = Paid(), _Call(request, job.conversation.last_input_tokens)
    own, listed = job.models.price_of(resolved), job.models.list_price_of(resolved)
    purse, hold = job.parts.purse, _held(job, call, own, listed)
    if purse is None or hold is None:
        yield paid
        return
    try:
        yield paid
    except ModelError:
        paid.usage = Usage()
        raise
    finally:
        spent = call.spent(own, paid.usage)
        purse.settle(job.ref.space, job.ref.id, hold, spent, listed=call.spent(listed, paid.usage))


def _held(job: Job, call: _Call, own: Price | None, listed: Price | None) -> Hold | None:
    """What is held for the call, None where nothing limits it. ``own`` counts for the tenant's limits, ``listed`` for
    the operator's."""
    if job.parts.purse is None:
        return None
    try:
        return job.parts.purse.reserve(
            job.ref.space, job.ref.id, spender(job), lambda: call.most(own), listed=lambda: call.most(listed)
        )
    except NoRoom as refusal:
        raise SpendingRefused(str(refusal)) from refusal


def spender(job: Job) -> Spender:
    """Who answers for the job's calls: the session's agent, and the one whose turn it is."""
    head, own = job.pen.head, job.spec.agent.get("id")
    agents = (head.agent_id,) if own in (None, head.agent_id) else (head.agent_id, str(own))
    return Spender(agents, head.end_user)
