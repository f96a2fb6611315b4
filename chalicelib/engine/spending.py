"""What a run's model calls cost its tenant, written together with the session's own totals."""

from collections.abc import Sequence
from decimal import Decimal

from chalicelib.engine.job import Job
from chalicelib.events.event import Draft
from chalicelib.events.projections.conversation import Unbilled
from chalicelib.spending import store
from chalicelib.spending.model import Spent
from chalicelib.storage.writes import Write


def spent_writes(job: Job, extra: Sequence[Draft]) -> list[Write]:
    """The writes for all calls since the last totals, and those whose end is among ``extra``; one a model."""
    parts = {model: part.copy() for model, part in job.conversation.unbilled.models.items()}
    for draft in extra:
        if draft.type == "span.model_request_end":
            part = parts.setdefault(draft.data["model"], Unbilled())
            part.count(draft.data["model_usage"], (draft.private or {}).get("cost"))
    day, user = store.today(), job.pen.head.end_user
    spent = [_spent(model, day, part) for model, part in parts.items() if any(part.tokens.values())]
    return [write for one in spent for write in store.spent_writes(job.ref.space, job.ref.id, one, user)]


def _spent(model: str, day: str, part: Unbilled) -> Spent:
    one = Spent(model, day)
    one.add(part.tokens, part.cost or Decimal(0), calls=part.model_calls, unpriced=part.unpriced)
    return one
