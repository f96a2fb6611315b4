import io
import json
import logging
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from chalicelib.observability import logs

Lines = Callable[[], list[Any]]


@pytest.fixture
def json_log() -> Iterator[tuple[logging.Logger, Lines]]:
    """The logger as it is in AWS, and a reader of what it wrote."""
    stream = io.StringIO()
    log = logs.configure("aws", "DEBUG", stream)
    try:
        yield log, lambda: [json.loads(line) for line in stream.getvalue().splitlines()]
    finally:
        logs.configure("local", None)


@pytest.fixture
def short_log() -> Iterator[tuple[logging.Logger, io.StringIO]]:
    """The logger as it is on a laptop, and what it wrote."""
    stream = io.StringIO()
    log = logs.configure("local", None, stream)
    try:
        yield log, stream
    finally:
        logs.configure("local", None)
