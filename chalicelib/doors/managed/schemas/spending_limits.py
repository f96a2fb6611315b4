"""Spending limits on the wire; requests are the core's own drafts."""

from typing import Literal

from chalicelib.core.schema import Schema
from chalicelib.doors.managed.schemas.lists import Page


class Amount(Schema):
    """Whole cents."""

    amount: str
    currency: Literal["USD"]


class LimitAnswer(Schema):
    """A limit. ``spent`` and ``reserved`` are those of the present period, in US dollars; null where each agent or end
    user has a count of its own. ``opens_at`` is when the next period begins."""

    id: str
    type: Literal["spending_limit"]
    scope: Literal["tenant", "agent", "end_user"]
    agent_id: str | None
    end_user: str | None
    period: Literal["day", "month", "total"]
    max_list_cost: Amount | None
    blocked: bool
    set_by: Literal["tenant", "operator"]
    spent_usd: str | None
    reserved_usd: str | None
    opens_at: str | None
    created_at: str
    updated_at: str


class LimitPage(Page[LimitAnswer]):
    """All limits of a tenant."""
