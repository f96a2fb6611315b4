"""What a run's model calls cost its tenant, written together with the session's own totals."""

from collections.abc import Sequence

from chalicelib.engine.job import Job
from chalicelib.events.event import Draft
from chalicelib.events.projections.conversation import Unbilled
from chalicelib.spending.unbilled import unbilled_writes
from chalicelib.storage.writes import Write


def spent_writes(job: Job, extra: Sequence[Draft]) -> list[Write]:
    """The writes for all calls since the last totals, and those whose end is among ``extra``; one a model."""
    parts = {model: part.copy() for model, part in job.conversation.unbilled.models.items()}
    for draft in extra:
        if draft.type == "span.model_request_end":
            part = parts.setdefault(draft.data["model"], Unbilled())
            part.count(draft.data["model_usage"], (draft.private or {}).get("cost"))
    return unbilled_writes(job.ref, parts, job.pen.head.end_user)
