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
from chalicelib.models.registry import Resolved
from chalicelib.models.request import ModelRequest
from chalicelib.spending.estimating import Estimate
from chalicelib.spending.limits import Spender
from chalicelib.spending.purse import NoRoom


class SpendingRefused(ModelBillingRefused):
    """A spending limit leaves no room for the call; it was not made."""


@dataclass(slots=True)
class Paid:
    """What a call did cost (US dollars), once that is known."""

    cost: Decimal | None = None


@contextmanager
def reserved(job: Job, resolved: Resolved, request: ModelRequest) -> Iterator[Paid]:
    """Hold the most a call may cost while it is made. Raises SpendingRefused.

    A call that failed costs nothing; of one that this server broke off, what it read is counted as estimated.
    """
    purse, paid = job.parts.purse, Paid()
    if purse is None:
        yield paid
        return
    space, session = job.ref.space, job.ref.id
    price, seen = job.models.price_of(resolved), job.conversation.last_input_tokens
    try:
        hold = purse.reserve(
            space, session, spender(job), lambda: Estimate(price, request, seen).most if price else None
        )
    except NoRoom as refusal:
        raise SpendingRefused(str(refusal)) from refusal
    if hold is None or price is None:
        yield paid
        return
    try:
        yield paid
    except ModelError:
        paid.cost = Decimal(0)
        raise
    finally:
        cost = Estimate(price, request, seen).read if paid.cost is None else paid.cost
        purse.settle(space, session, hold, cost)


def spender(job: Job) -> Spender:
    """Who answers for the job's calls: the session's agent, and the one whose turn it is."""
    head, own = job.pen.head, job.spec.agent.get("id")
    agents = (head.agent_id,) if own in (None, head.agent_id) else (head.agent_id, str(own))
    return Spender(agents, head.end_user)
