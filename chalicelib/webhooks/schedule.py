"""When a failed delivery is tried again, and when it is given up."""

import random

LIFE_MS = 24 * 3600 * 1000
"""How long a delivery is tried."""

KEPT_SECONDS = 30 * 24 * 3600
"""How long a delivery can be read."""

KEPT_ATTEMPTS = 50
"""So many attempts of a delivery are shown, the latest: it can be begun anew any number of times."""

DISABLED_AFTER_MS = 3 * 24 * 3600 * 1000
"""After so long without a single success an endpoint is disabled."""

_PAUSES_S = (5, 30, 120, 600, 1800, 3600, 7200, 10800, 14400, 21600)
_HOLDS_S = (5, 15, 60, 120, 300)
_JITTER = 0.2


def next_try(stage: int, now: int, deadline: int) -> int | None:
    """When to try again after failure number ``stage`` (from 1), the last time at the deadline; None after that."""
    if now >= deadline:
        return None
    pause = _PAUSES_S[min(stage, len(_PAUSES_S)) - 1] * 1000
    return min(now + int(pause * random.uniform(1 - _JITTER, 1 + _JITTER)), deadline)


def hold_ms(misses: int) -> int:
    """How long a receiver is left alone after so many rounds in which nothing got through."""
    return _HOLDS_S[min(misses, len(_HOLDS_S)) - 1] * 1000 if misses else 0
