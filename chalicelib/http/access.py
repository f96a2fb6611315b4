"""One line in the log for each request."""

import logging
from collections.abc import Mapping

from chalicelib.observability import count, logger

_SERVER_FAULT = 500


def log_access(
    method: str, route: str, status: int, duration_ms: float, request_id: str, ids: Mapping[str, str]
) -> None:
    """Tell what was asked (as the route's template, never the path), about whom and what, and how it went."""
    log = logger("http.access")
    if log.isEnabledFor(logging.INFO):
        fields = {
            "method": method,
            "route": route,
            "status": status,
            "duration_ms": round(duration_ms, 2),
            "request_id": request_id,
            "tenant": "",
            **ids,
        }
        log.info("%s %s %d", method, route, status, extra=fields)
    if status >= _SERVER_FAULT:
        count("ServerErrors", route=route)
