"""From what was raised to what is answered."""

from collections.abc import Mapping

from starlette.exceptions import HTTPException

from chalicelib.core.errors import (
    Conflict,
    InvalidRequest,
    LambentError,
    MethodNotAllowed,
    NotAvailable,
    Overloaded,
    RateLimited,
    TooLarge,
    Unauthenticated,
)
from chalicelib.core.jsonio import dump_bytes
from chalicelib.http.limits import Headers, quota_headers, refused_quota, retry_headers
from chalicelib.http.route import Answer, Door
from chalicelib.observability import log_failure, logger
from chalicelib.storage.errors import StorageBusy

_AWAY_MS = 1000
_THROTTLED = frozenset(
    {
        "ProvisionedThroughputExceededException",
        "ThrottlingException",
        "Throttling",
        "ThrottledException",
        "RequestThrottled",
        "RequestThrottledException",
        "RequestLimitExceeded",
        "TooManyRequestsException",
        "SlowDown",
        "ServiceUnavailable",
        "InternalServerError",
        "InternalError",
    }
)


def translate(error: Exception) -> LambentError:
    """The product's error for anything raised; what nobody foresaw is logged and becomes an internal one."""
    if isinstance(error, LambentError):
        return error
    if isinstance(error, HTTPException):
        return _of_starlette(error)
    if isinstance(error, StorageBusy) or _is_aws_away(error):
        logger("http").warning("a part behind the server does not answer: %s", type(error).__name__)
        return Overloaded("a part behind the server does not answer right now; try again")
    log_failure(logger("http"), "unexpected error", error)
    return LambentError("internal error")


def _of_starlette(error: HTTPException) -> LambentError:
    """Starlette raises this for forms it cannot parse."""
    return TooLarge(error.detail) if error.status_code == TooLarge.status else InvalidRequest(error.detail)


def _is_aws_away(error: Exception) -> bool:
    from botocore.exceptions import ClientError, HTTPClientError
    from botocore.exceptions import ConnectionError as AwsConnectionError

    if isinstance(error, ClientError):
        return error.response.get("Error", {}).get("Code") in _THROTTLED
    return isinstance(error, (AwsConnectionError, HTTPClientError))


def render(door: Door, error: LambentError, headers: Mapping[str, str], request_id: str) -> Answer:
    """The answer in the door's envelope."""
    try:
        return door.render_error(error, headers, request_id)
    except Exception as broken:  # noqa: BLE001 - logged; the client still gets an answer
        log_failure(logger("http"), f"door {door.name} cannot render {type(error).__name__}", broken)
        return Answer(dump_bytes({"error": {"type": error.kind, "message": error.message}}), error.status)


def headers_of(error: LambentError) -> Headers:
    """The headers an error brings along, whatever the door."""
    if isinstance(error, MethodNotAllowed):
        return [(b"allow", str((error.details or {}).get("allow", "")).encode("latin-1", "replace"))]
    if isinstance(error, RateLimited):
        quota = refused_quota(error)
        return retry_headers(error.retry_after_ms) + ([] if quota is None else quota_headers(quota))
    if isinstance(error, Unauthenticated):
        return [(b"www-authenticate", b"Bearer")]
    wait = (error.details or {}).get("retry_after_ms")
    if isinstance(wait, int):
        return retry_headers(wait)
    if isinstance(error, Overloaded):
        return retry_headers(_AWAY_MS)
    if isinstance(error, (Conflict, NotAvailable)):
        return [(b"x-should-retry", b"false")]
    return []
