"""Spending limits as this door prints them."""

from decimal import Decimal
from typing import Any

from chalicelib.core.clock import iso, now_ms, optional_iso
from chalicelib.core.ids import dress
from chalicelib.spending.limits import UNIT, Limit, opens_at


def name(limit_id: str) -> str:
    """A limit's id as printed."""
    return dress("spl", limit_id)


def limit(stored: Limit, counted: tuple[int, int] | None) -> dict[str, Any]:
    """A limit with what counts against it: spent and reserved."""
    spent, reserved = counted or (None, None)
    return {
        "id": name(stored.id),
        "type": "spending_limit",
        "scope": stored.scope,
        "agent_id": dress("agent", stored.subject) if stored.scope == "agent" and stored.subject else None,
        "end_user": stored.subject if stored.scope == "end_user" else None,
        "period": stored.period,
        "max_list_cost": None if stored.cents is None else {"amount": stored.cents, "currency": "USD"},
        "blocked": stored.blocked,
        "set_by": "operator" if stored.by_operator else "tenant",
        "spent_usd": _dollars(spent),
        "reserved_usd": _dollars(reserved),
        "opens_at": optional_iso(opens_at(stored.period, now_ms())),
        "created_at": iso(stored.created_at),
        "updated_at": iso(stored.updated_at),
    }


def _dollars(units: int | None) -> str | None:
    if units is None:
        return None
    text = f"{Decimal(max(units, 0)) / UNIT:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
