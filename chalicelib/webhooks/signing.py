"""Secrets of endpoints, and the headers that prove who sends."""

import base64
import secrets
from collections.abc import Iterable
from datetime import UTC, datetime

PREFIX = "whsec_"
_BYTES = 32
_AGENT = "Lambent-Webhooks/1"


def new_secret() -> str:
    """A fresh secret."""
    return PREFIX + base64.b64encode(secrets.token_bytes(_BYTES)).decode()


def signed_headers(event_name: str, body: str, keys: Iterable[str], now_ms: int) -> dict[str, str]:
    """The headers of a message sent now, with a signature by each secret."""
    from standardwebhooks import Webhook

    moment = datetime.fromtimestamp(now_ms // 1000, UTC)
    signatures = [Webhook(key).sign(event_name, moment, body) for key in keys]
    return {
        "content-type": "application/json",
        "user-agent": _AGENT,
        "webhook-id": event_name,
        "webhook-timestamp": str(now_ms // 1000),
        "webhook-signature": " ".join(signatures),
    }
