"""Time as the core keeps it: integer milliseconds since the epoch, UTC."""

import time
from datetime import UTC, datetime


def now_ms() -> int:
    """The present moment in milliseconds."""
    return time.time_ns() // 1_000_000


def iso(at_ms: int) -> str:
    """RFC 3339 in UTC with milliseconds: ``2026-10-21T08:00:00.000Z``."""
    moment = datetime.fromtimestamp(at_ms / 1000, UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{at_ms % 1000:03d}Z"


def optional_iso(at_ms: int | None) -> str | None:
    """As :func:`iso`; None stays None."""
    return None if at_ms is None else iso(at_ms)


def parse_iso(text: str) -> int:
    """Milliseconds of an RFC 3339 date-time; without a zone it counts as UTC. Raises ValueError."""
    moment = datetime.fromisoformat(text.strip().replace(" ", "+"))
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return int(moment.timestamp() * 1000)
