"""Spans of the X-Ray trace in Lambda; elsewhere they cost nothing and import nothing."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any


def enabled() -> bool:
    """Whether this process runs in a Lambda function whose invocation is traced."""
    return "AWS_LAMBDA_FUNCTION_NAME" in os.environ and "_X_AMZN_TRACE_ID" in os.environ


@cache
def _tracer() -> Any:
    # Threads other than the handler's have no segment; that is no fault worth a log line.
    os.environ.setdefault("AWS_XRAY_CONTEXT_MISSING", "IGNORE_ERROR")
    from aws_lambda_powertools import Tracer

    return Tracer(service="lambent", auto_patch=False)


@contextmanager
def span(name: str) -> Iterator[None]:
    """A named part of the trace."""
    if not enabled():
        yield
        return
    with _tracer().provider.in_subsegment(name=name):
        yield
