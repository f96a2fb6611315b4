"""What a run has used since the session's last totals."""

from collections.abc import Sequence
from decimal import Decimal

from chalicelib.engine.job import Job
from chalicelib.events.event import Draft
from chalicelib.events.projections.conversation import Conversation
from chalicelib.sessions.model import Head, Totals

_COUNTED = ("input_tokens", "output_tokens", "cache_read_input_tokens", "cache_creation_input_tokens")


def bill(job: Job, head: Head, extra: Sequence[Draft]) -> tuple[dict[str, int], Decimal, int]:
    """Add to the head's totals what was used since the last totals; gives that part: tokens, cost, model calls."""
    tokens, cost, calls = spent(job.conversation, extra)
    add_to(head.totals, tokens, cost)
    return tokens, cost, calls


def spent(conversation: Conversation, extra: Sequence[Draft]) -> tuple[dict[str, int], Decimal, int]:
    """What was used since the last totals, and by the model calls that end in ``extra``."""
    unbilled = conversation.unbilled
    tokens, cost, calls = dict(unbilled.tokens), unbilled.cost, unbilled.model_calls
    for draft in extra:
        if draft.type == "span.model_request_end":
            usage = draft.data["model_usage"]
            tokens = {name: tokens[name] + (usage.get(name) or 0) for name in _COUNTED}
            cost += Decimal((draft.private or {}).get("cost") or 0)
            calls += 1
    return tokens, cost, calls


def add_to(totals: Totals, tokens: dict[str, int], cost: Decimal) -> None:
    """Add to totals."""
    for name in _COUNTED:
        setattr(totals, name, getattr(totals, name) + tokens[name])
    totals.cost = str(Decimal(totals.cost) + cost)


def context_tokens(job: Job, extra: Sequence[Draft]) -> int:
    """How much the newest model call had in view."""
    heard = [draft.data["model_usage"] for draft in extra if draft.type == "span.model_request_end"]
    seen = [sum(usage.get(name) or 0 for name in _COUNTED) for usage in heard]
    return next((size for size in reversed(seen) if size), job.conversation.last_input_tokens)
