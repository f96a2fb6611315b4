"""What the model calls of a session cost its tenant, as the fold of its log has it since the last totals."""

from collections.abc import Mapping
from decimal import Decimal

from chalicelib.events.log import SessionRef
from chalicelib.events.projections.conversation import Unbilled
from chalicelib.spending import store
from chalicelib.spending.model import Spent
from chalicelib.storage.writes import Write


def unbilled_writes(ref: SessionRef, models: Mapping[str, Unbilled], end_user: str | None) -> list[Write]:
    """The writes that add it to the report; they belong into the transaction after which it is in the totals."""
    day = store.today()
    spent = [_spent(model, day, part) for model, part in models.items() if any(part.tokens.values())]
    return [write for one in spent for write in store.spent_writes(ref.space, ref.id, one, end_user)]


def _spent(model: str, day: str, part: Unbilled) -> Spent:
    one = Spent(model, day)
    one.add(part.tokens, part.cost or Decimal(0), calls=part.model_calls, unpriced=part.unpriced)
    return one
