"""The totals of a session in the shape all doors start from."""

from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from chalicelib.core.clock import now_ms
from chalicelib.sessions.model import Head, Totals

_CENT = Decimal(1)


def usage_of(head: Head, now: int | None = None) -> dict[str, Any]:
    """Cumulative usage; only the active time moves while a run is at work."""
    return usage_from(head.totals, head.active_since, now)


def usage_from(totals: Totals, active_since: int | None, now: int | None = None) -> dict[str, Any]:
    """As ``usage_of``, from totals and the moment since which there is work."""
    running = 0 if active_since is None else max((now or now_ms()) - active_since, 0)
    cents = (Decimal(totals.cost) * 100).quantize(_CENT, ROUND_HALF_UP)
    return {
        "input_tokens": totals.input_tokens,
        "output_tokens": totals.output_tokens,
        "cache_read_input_tokens": totals.cache_read_input_tokens,
        "cache_creation_input_tokens": totals.cache_creation_input_tokens,
        "cache_creation": {
            "ephemeral_5m_input_tokens": totals.cache_creation_input_tokens,
            "ephemeral_1h_input_tokens": 0,
        },
        "active_seconds": (totals.active_ms + running) / 1000,
        "list_cost": {"amount": str(cents), "currency": "USD"},
        "cost_usd": totals.cost,
        "server_tool_use": {"web_search_requests": 0, "web_fetch_requests": 0},
    }
