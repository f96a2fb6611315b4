"""What the managed runtime calls the context, for code that reads it from the scope."""

from __future__ import annotations

import os
import time

from chalicelib.aws.stream_runtime.api import Invocation


class Context:
    """The part of Lambda's context object that has a meaning for one HTTP request."""

    def __init__(self, invocation: Invocation) -> None:
        self.aws_request_id = invocation.id
        self.invoked_function_arn = invocation.function_arn
        self.function_name = os.environ.get("AWS_LAMBDA_FUNCTION_NAME", "")
        self._deadline_ms = invocation.deadline_ms

    def get_remaining_time_in_millis(self) -> int:
        return max(int(self._deadline_ms - time.time() * 1000), 0)
