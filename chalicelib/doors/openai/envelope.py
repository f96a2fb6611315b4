"""How errors look: the object OpenAI clients read, beside what this server's other families tell."""

from collections.abc import Mapping
from typing import Any, Literal

from chalicelib.core.errors import LambentError
from chalicelib.core.schema import Schema
from chalicelib.http.route import Answer

SESSION_HEADER = "x-session-id"
_SERVER_FAULT = 500
_TYPES = {401: "authentication_error", 403: "permission_error", 429: "rate_limit_error"}
_CODES = {401: "invalid_api_key", 429: "rate_limit_exceeded"}
_FOR_GOOD = {"x-should-retry": "false"}


class ErrorObject(Schema):
    """What went wrong; ``param`` is the field at fault."""

    message: str
    type: str
    param: str | None
    code: str | None
    details: dict[str, Any] | None = None


class ErrorEnvelope(Schema):
    """The body of every error."""

    type: Literal["error"]
    error: ErrorObject
    message: str
    request_id: str


def type_of(status: int) -> str:
    """The name of an error's type."""
    return _TYPES.get(status, "invalid_request_error" if status < _SERVER_FAULT else "server_error")


def error_object(error: LambentError) -> dict[str, Any]:
    """What went wrong, for an answer's body or a stream's frame."""
    shown: dict[str, Any] = {
        "message": error.message,
        "type": type_of(error.status),
        "param": error.field,
        "code": error.code or _CODES.get(error.status),
    }
    return shown | ({"details": error.details} if error.details else {})


def render_error(error: LambentError, headers: Mapping[str, str], request_id: str) -> Answer:  # noqa: ARG001 - one look for all
    """The answer to a request that failed; a session that goes on regardless is named in a header."""
    body = {"type": "error", "error": error_object(error), "message": error.message, "request_id": request_id}
    session = (error.details or {}).get("session_id")
    extra = {SESSION_HEADER: str(session)} if session else {}
    return Answer(body, error.status, extra | (_FOR_GOOD if getattr(error, "final", False) else {}))
