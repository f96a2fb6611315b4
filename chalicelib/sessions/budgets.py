"""The budget of a session: how much its model calls may cost, by list prices."""

from decimal import Decimal
from typing import Any

from chalicelib.core.errors import InvalidRequest
from chalicelib.events import catalogue, drafts
from chalicelib.events.event import Draft
from chalicelib.sessions.model import Head

BUDGET_REACHED: dict[str, Any] = {"type": "budget_reached"}
CURRENCY = "USD"
_CENTS = 100


class BudgetExhausted(InvalidRequest):
    """The session has spent its budget and takes no more work."""


class BadBudget(InvalidRequest):
    """A budget that cannot be set here or now."""


def shown(head: Head) -> dict[str, Any] | None:
    """The budget as clients know it."""
    if head.budget is None:
        return None
    return {"type": "limit", "max_list_cost": {"amount": head.budget, "currency": CURRENCY}}


def exhausted(head: Head, unbilled: Decimal = Decimal(0)) -> bool:
    """Whether what was spent, with what is not in the totals yet (US dollars), reaches the budget."""
    return head.budget is not None and _spent(head, unbilled) >= Decimal(head.budget)


def _spent(head: Head, unbilled: Decimal = Decimal(0)) -> Decimal:
    """In cents."""
    return (Decimal(head.totals.cost) + unbilled) * _CENTS


def demand_left(head: Head, field: str) -> None:
    """Raises BudgetExhausted when new work could not be done."""
    if exhausted(head):
        raise BudgetExhausted(
            f"{field}: the session's budget is reached; raise or remove it first", field=field, code="budget_reached"
        )


def replace(head: Head, amount: str | None) -> None:
    """Raise or lower the budget, or remove it for good. Raises BadBudget."""
    if head.budget is None and amount is not None:
        raise BadBudget(
            "budget: only a session that was created with a budget can have one",
            field="budget",
            code="budget_create_only",
            details={"error_code": "budget_create_only"},
        )
    if amount is not None and Decimal(amount) <= _spent(head):
        raise BadBudget(
            "budget: has to be above what the session has spent",
            field="budget.max_list_cost.amount",
            code="budget_not_raised",
            details={"error_code": "budget_not_raised"},
        )
    head.budget = amount


def resumed(head: Head, now: int) -> list[Draft]:
    """Let a run go on that waited for a larger budget. Changes the head; nothing if there is none."""
    if head.run is None or not head.waiting or (head.stop_reason or {}).get("type") != BUDGET_REACHED["type"]:
        return []
    if exhausted(head):
        return []
    head.run.state, head.status, head.stop_reason, head.active_since = "queued", "running", None, now
    return [drafts.run_resumed(head.run.id, "budget", None), *drafts.running(head.run.id, head.agent_name)]


def paused(run: str) -> Draft:
    """The record of a run that waits for a larger budget."""
    return Draft(catalogue.RUN_WAITING, {"run_id": run, "kind": "budget", "event_ids": [], "deadline": None}, run=run)
