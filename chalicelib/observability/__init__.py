"""Logs, metrics and traces: ``logger``, ``bind``, ``count``, ``timed``, ``span``."""

from chalicelib.observability.context import bind, bound
from chalicelib.observability.logs import apart, log_failure, logger
from chalicelib.observability.metrics import count, timed
from chalicelib.observability.tracing import span

__all__ = ["apart", "bind", "bound", "count", "log_failure", "logger", "span", "timed"]
