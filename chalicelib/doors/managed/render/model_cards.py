"""Model cards and spending as this door prints them."""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from chalicelib.core.clock import iso, optional_iso
from chalicelib.core.ids import dress
from chalicelib.modelcards.model import ModelCard, TenantPrice
from chalicelib.modelcards.probe import Probe
from chalicelib.models.scrub import HIDDEN
from chalicelib.spending.model import Spent


def name(card_id: str) -> str:
    """A card's id as printed."""
    return dress("mdl", card_id)


def card(stored: ModelCard) -> dict[str, Any]:
    """A card without its secrets."""
    headers = {header: HIDDEN if text is None else text for header, text in stored.custom_headers.items()}
    return {
        "id": name(stored.id),
        "type": "model_card",
        "model_id": stored.model_id,
        "model": stored.model,
        "provider": stored.provider,
        "base_url": stored.base_url,
        "custom_headers": headers or None,
        "api_key_preview": stored.api_key_preview,
        "is_default": stored.is_default,
        "fallbacks": stored.fallbacks,
        "prices": None if stored.prices is None else stored.prices.model_dump(),
        "created_at": iso(stored.created_at),
        "updated_at": iso(stored.updated_at),
        "archived_at": optional_iso(stored.archived_at),
    }


def probe(found: Probe) -> dict[str, Any]:
    """What came of trying a card."""
    return {"ok": True} if found.ok else {"ok": found.ok, "message": found.message}


def price(stored: TenantPrice) -> dict[str, Any]:
    """What a tenant says a model costs."""
    return {"model": stored.model, **stored.prices.model_dump(), "updated_at": iso(stored.updated_at)}


def report(spent: Sequence[Spent], first: date, last: date) -> dict[str, Any]:
    """Spending by day, model and source, by model, and in all."""
    models: dict[str, Spent] = {}
    total = Spent("", "")
    for one in spent:
        for sum_ in (models.setdefault(one.model, Spent(one.model, "")), total):
            sum_.add(one.tokens, one.cost, calls=one.calls, unpriced=one.unpriced)
    return {
        "type": "cost_report",
        "currency": "USD",
        "from": first.isoformat(),
        "to": last.isoformat(),
        "data": [{"date": one.day, "model": one.model, "source": one.source, **_figures(one)} for one in spent],
        "models": [{"model": model, **_figures(one)} for model, one in sorted(models.items())],
        "total": _figures(total),
    }


def _figures(one: Spent) -> dict[str, Any]:
    return {
        "model_calls": one.calls,
        "unpriced_calls": one.unpriced,
        **one.tokens,
        "cost_usd": _plain(one.cost),
    }


def _plain(cost: Decimal) -> str:
    """Without an exponent or zeros at the end."""
    text = f"{cost:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
