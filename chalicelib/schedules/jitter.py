"""How long after its moment a cron schedule really fires, so that not all fire at the full hour."""

import hashlib

_LEAST_MS = 5_000
_MOST_MS = 9 * 60_000
_SHARE = 0.15


def jitter(owner_id: str, at_ms: int, following_ms: int | None) -> int:
    """Milliseconds to wait after ``at_ms``: always the same for an owner and an interval, at most 15 % of it."""
    interval = _MOST_MS if following_ms is None else following_ms - at_ms
    widest = min(max(interval * _SHARE, _LEAST_MS), _MOST_MS)
    part = int.from_bytes(hashlib.sha256(owner_id.encode()).digest()[:4], "big") / 2**32
    return int(_LEAST_MS + part * (widest - _LEAST_MS))
