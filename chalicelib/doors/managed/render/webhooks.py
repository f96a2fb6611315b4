"""Webhook endpoints and deliveries as this door prints them."""

from dataclasses import asdict
from typing import Any

from chalicelib.core.clock import iso, optional_iso
from chalicelib.core.ids import dress
from chalicelib.webhooks.message import event_name
from chalicelib.webhooks.model import Delivery, Endpoint


def name(endpoint_id: str) -> str:
    """An endpoint's id as printed."""
    return dress("whep", endpoint_id)


def endpoint(stored: Endpoint) -> dict[str, Any]:
    """An endpoint without its secret."""
    return {
        "id": name(stored.id),
        "type": "webhook_endpoint",
        "url": stored.url,
        "description": stored.description,
        "events": list(stored.events),
        "enabled": stored.enabled,
        "disabled_reason": stored.disabled_reason,
        "failing_since": optional_iso(stored.failing_since),
        "created_at": iso(stored.created_at),
        "updated_at": iso(stored.updated_at),
    }


def delivery(stored: Delivery) -> dict[str, Any]:
    """A delivery."""
    return {
        "id": dress("whdl", stored.id),
        "type": "webhook_delivery",
        "endpoint_id": name(stored.endpoint),
        "event_id": event_name(stored.event_id),
        "event_type": stored.event_type,
        "status": stored.state,
        "reason": stored.reason,
        "attempts": [asdict(attempt) | {"at": iso(attempt.at)} for attempt in stored.attempts],
        "created_at": iso(stored.created_at),
        "next_attempt_at": optional_iso(stored.next_at),
        "delivered_at": optional_iso(stored.delivered_at),
    }
