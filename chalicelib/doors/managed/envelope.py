"""How errors look: one envelope, with the type names of the client's kind."""

from collections.abc import Mapping
from typing import Any, Literal

from chalicelib.core.errors import LambentError
from chalicelib.core.schema import Schema
from chalicelib.doors.managed.mode import is_sdk
from chalicelib.doors.managed.statuses import status_of
from chalicelib.http.route import Answer

_SDK_TYPES = {
    400: "invalid_request_error",
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    408: "timeout_error",
    409: "conflict_error",
    413: "request_too_large",
    429: "rate_limit_error",
    503: "overloaded_error",
    504: "timeout_error",
    529: "overloaded_error",
}
_PLAIN_TYPES = {
    401: "unauthorized",
    402: "forbidden",
    403: "forbidden",
    404: "not_found",
    409: "conflict",
    429: "rate_limited",
    501: "not_implemented",
}
_SDK_TYPES_OF_CODES = {
    "memory_path_conflict": "memory_path_conflict_error",
    "memory_precondition_failed": "memory_precondition_failed_error",
}
"""Conflicts with a type of their own."""
_SERVER_FAULT = 500


class ErrorDetail(Schema):
    """What went wrong. ``details.error_code`` repeats ``code``."""

    type: str
    message: str
    code: str | None = None
    details: dict[str, Any] | None = None


class ErrorEnvelope(Schema):
    """The body of every error."""

    type: Literal["error"]
    error: ErrorDetail
    message: str
    request_id: str


def type_of(status: int, *, sdk: bool) -> str:
    """The name of an error's type."""
    if sdk:
        return _SDK_TYPES.get(status, "invalid_request_error" if status < _SERVER_FAULT else "api_error")
    return _PLAIN_TYPES.get(status, "invalid_request" if status < _SERVER_FAULT else "internal_error")


def render_error(error: LambentError, headers: Mapping[str, str], request_id: str) -> Answer:
    """The answer to a request that failed."""
    sdk = is_sdk(headers)
    status = status_of(error, sdk=sdk)
    shown: dict[str, Any] = {"type": type_of(status, sdk=sdk), "message": error.message}
    if sdk and error.code in _SDK_TYPES_OF_CODES:
        shown["type"] = _SDK_TYPES_OF_CODES[error.code]
    details = dict(error.details or {})
    if error.code is not None:
        shown["code"] = error.code
        details.setdefault("error_code", error.code)
    if error.field is not None:
        details.setdefault("field", error.field)
    if details:
        shown["details"] = details
    return Answer({"type": "error", "error": shown, "message": error.message, "request_id": request_id}, status)
