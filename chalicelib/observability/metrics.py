"""Counters and timings as embedded metrics in the log; nothing at all outside AWS."""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from chalicelib.observability.tracing import span

if TYPE_CHECKING:
    from aws_lambda_powertools.metrics import MetricUnit


def enabled() -> bool:
    """Whether metrics are written: in AWS only, where the log is read for them."""
    return os.environ.get("LAMBENT_STAGE", "local") == "aws"


def count(name: str, value: float = 1, **dimensions: str) -> None:
    """Add to a counter."""
    if enabled():
        from aws_lambda_powertools.metrics import MetricUnit

        _emit(name, MetricUnit.Count, value, dimensions)


@contextmanager
def timed(name: str, **dimensions: str) -> Iterator[None]:
    """Measure the block in milliseconds, and show it as a span of the trace."""
    started = time.perf_counter()
    try:
        with span(name):
            yield
    finally:
        if enabled():
            from aws_lambda_powertools.metrics import MetricUnit

            _emit(name, MetricUnit.Milliseconds, (time.perf_counter() - started) * 1000, dimensions)


def _emit(name: str, unit: "MetricUnit", value: float, dimensions: dict[str, str]) -> None:
    # One metric a line: the shared collector of powertools would mix the dimensions of concurrent requests.
    from aws_lambda_powertools.metrics import single_metric

    namespace = os.environ.get("POWERTOOLS_METRICS_NAMESPACE", "Lambent")
    with single_metric(name=name, unit=unit, value=value, namespace=namespace) as metric:
        for dimension, told in dimensions.items():
            metric.add_dimension(name=dimension, value=told)
