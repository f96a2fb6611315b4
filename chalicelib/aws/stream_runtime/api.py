"""Lambda's Runtime API: what to do next, what went wrong."""

from __future__ import annotations

import http.client
import json
from dataclasses import dataclass
from typing import Any

from chalicelib.aws.stream_runtime.errors import RuntimeApiRefusedError

ROOT = "/2018-06-01/runtime"


@dataclass(frozen=True)
class Invocation:
    """One event to handle. `deadline_ms` is Unix time in milliseconds."""

    id: str
    event: dict[str, Any]
    deadline_ms: int
    trace_id: str
    function_arn: str


class RuntimeApi:
    """The Runtime API at `address` (`host:port`). Calls block."""

    def __init__(self, address: str) -> None:
        self.host, _, port = address.partition(":")
        self.port = int(port or 80)

    def next(self) -> Invocation:
        """Waits, for as long as it takes, for the next event.

        Raises:
            RuntimeApiRefusedError: Lambda did not answer with an event.
        """
        headers, body = self._call("GET", f"{ROOT}/invocation/next")
        return Invocation(
            id=headers["lambda-runtime-aws-request-id"],
            event=json.loads(body),
            deadline_ms=int(headers["lambda-runtime-deadline-ms"]),
            trace_id=headers.get("lambda-runtime-trace-id", ""),
            function_arn=headers.get("lambda-runtime-invoked-function-arn", ""),
        )

    def init_error(self, error: BaseException) -> None:
        """Reports that the function could not be started.

        Raises:
            RuntimeApiRefusedError: Lambda did not take the report.
        """
        self._report(f"{ROOT}/init/error", error)

    def invocation_error(self, invocation_id: str, error: BaseException) -> None:
        """Reports that there is no answer to an event.

        Raises:
            RuntimeApiRefusedError: Lambda did not take the report.
        """
        self._report(f"{ROOT}/invocation/{invocation_id}/error", error)

    def _report(self, path: str, error: BaseException) -> None:
        headers = {
            "Content-Type": "application/vnd.aws.lambda.error+json",
            "Lambda-Runtime-Function-Error-Type": error_type(error),
        }
        self._call("POST", path, error_body(error), headers)

    def _call(
        self, method: str, path: str, body: bytes | None = None, headers: dict[str, str] | None = None
    ) -> tuple[dict[str, str], bytes]:
        connection = http.client.HTTPConnection(self.host, self.port)
        try:
            connection.request(method, path, body, headers or {})
            answer = connection.getresponse()
            content = answer.read()
        except (OSError, http.client.HTTPException) as error:
            raise RuntimeApiRefusedError(f"{method} {path}: {error}") from error
        finally:
            connection.close()
        if answer.status >= 300:
            raise RuntimeApiRefusedError(f"{method} {path}: {answer.status} {content[:200]!r}")
        return {name.lower(): value for name, value in answer.getheaders()}, content


def error_type(error: BaseException) -> str:
    """The name Lambda's report and log give an error."""
    return f"Runtime.{type(error).__name__}"


def error_body(error: BaseException) -> bytes:
    """The report of an error as Lambda wants it. What the error says goes to the log only: callers who may
    invoke the function see this."""
    report = {"errorType": error_type(error), "errorMessage": "the request failed", "stackTrace": []}
    return json.dumps(report).encode("utf-8")
