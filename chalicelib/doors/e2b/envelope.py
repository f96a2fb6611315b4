"""How errors look: a number and a text, which clients of both planes read."""

from collections.abc import Mapping
from typing import Any

from pydantic import ConfigDict

from chalicelib.core.errors import LambentError
from chalicelib.core.schema import Schema
from chalicelib.http.route import Answer
from chalicelib.sandbox.hosts.base import SandboxRefused
from chalicelib.tenants.errors import RequestRunning

_SHOWN = ("sandboxId", "port")
_AGAIN = {RequestRunning: "true", SandboxRefused: "false"}
"""Whether clients are to ask again, where they would take it otherwise from the status."""


class Problem(Schema):
    """An error. ``sandboxId`` and ``port`` are there when a sandbox could not be reached."""

    model_config = ConfigDict(extra="allow")

    code: int
    message: str
    error_code: str | None = None


def render_error(error: LambentError, headers: Mapping[str, str], request_id: str) -> Answer:  # noqa: ARG001 - one look for all
    """The answer to a request that failed."""
    body: dict[str, Any] = {name: value for name, value in (error.details or {}).items() if name in _SHOWN}
    body |= {"code": error.status, "message": error.message}
    if error.code is not None:
        body["error_code"] = error.code
    again = _AGAIN.get(type(error))
    return Answer(body, error.status, {} if again is None else {"should-retry": again})
