"""From a provider's refusal, in whatever shape, to the error that says what happened."""

import email.utils
import time
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any

from chalicelib.models import errors
from chalicelib.models.errors import ModelError

Scrub = Callable[[str], str]

_BILLING_CODES = ("billing_error", "insufficient_quota", "billing_hard_limit_reached", "billing_not_active")
_BILLING_WORDS = ("credit balance", "exceeded your current quota")
_CONTEXT_CODES = ("context_length_exceeded", "exceed_context_size_error")
_CONTEXT_WORDS = ("prompt is too long", "maximum context length", "context window")
_BY_TYPE: dict[str, type[ModelError]] = {
    "overloaded_error": errors.ModelOverloaded,
    "server_overloaded": errors.ModelOverloaded,
    "rate_limit_error": errors.ModelRateLimited,
    "rate_limit_exceeded": errors.ModelRateLimited,
    "api_error": errors.ModelServerFailed,
    "server_error": errors.ModelServerFailed,
    "timeout_error": errors.ModelTimedOut,
}
_BY_STATUS: dict[int, type[ModelError]] = {
    402: errors.ModelBillingRefused,
    408: errors.ModelTimedOut,
    409: errors.ModelServerFailed,
    429: errors.ModelRateLimited,
    503: errors.ModelOverloaded,
    529: errors.ModelOverloaded,
}


def from_status(status: int, body: Any, headers: Mapping[str, str], scrub: Scrub) -> ModelError:
    """The error for an HTTP answer of 400 and above. ``body`` is the parsed JSON, or text."""
    detail = _detail(body)
    message = _message(detail) or (body if isinstance(body, str) and "<" not in body else "") or _phrase(status)
    kind = _kind(status, _codes(detail), message)
    return kind(scrub(message), status=status, retry_after=retry_after(headers))


def from_event(body: Any, scrub: Scrub) -> ModelError:
    """The error for an error event within a stream that began well."""
    detail = _detail(body)
    codes = _codes(detail)
    message = _message(detail) or "The provider ended the stream with an error."
    status = detail.get("code") if isinstance(detail.get("code"), int) else None
    if status is None and not any(code in _BY_TYPE for code in codes) and not _billing(codes, message):
        return errors.ModelStreamBroken(scrub(message))
    return _kind(status, codes, message)(scrub(message), status=status)


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds to wait, from ``retry-after-ms`` or ``retry-after`` (seconds or a date); None without a readable one."""
    exact, usual = headers.get("retry-after-ms"), headers.get("retry-after")
    try:
        if exact:
            return max(0.0, float(exact) / 1000)
        return max(0.0, float(usual)) if usual else None
    except ValueError:
        return _until(usual or "")


def _until(date: str) -> float | None:
    try:
        return max(0.0, email.utils.parsedate_to_datetime(date).timestamp() - time.time())
    except ValueError:
        return None


def _kind(status: int | None, codes: tuple[str, ...], message: str) -> type[ModelError]:
    if _billing(codes, message):
        return errors.ModelBillingRefused
    if _context(codes, message):
        return errors.ModelContextExceeded
    if status in _BY_STATUS:
        return _BY_STATUS[status]
    if status is None or status < HTTPStatus.BAD_REQUEST:
        return next((_BY_TYPE[code] for code in codes if code in _BY_TYPE), errors.ModelError)
    return errors.ModelServerFailed if status >= HTTPStatus.INTERNAL_SERVER_ERROR else errors.ModelRequestRefused


def _billing(codes: tuple[str, ...], message: str) -> bool:
    return any(code in _BILLING_CODES for code in codes) or any(word in message.lower() for word in _BILLING_WORDS)


def _context(codes: tuple[str, ...], message: str) -> bool:
    return any(code in _CONTEXT_CODES for code in codes) or any(word in message.lower() for word in _CONTEXT_WORDS)


def _detail(body: Any) -> dict[str, Any]:
    """The innermost object that describes the error; compatible servers nest it differently."""
    if isinstance(body, list) and body:
        body = body[0]
    if not isinstance(body, dict):
        return {"message": body} if isinstance(body, str) and "<" not in body else {}
    inner = body.get("error", body)
    return inner if isinstance(inner, dict) else {"message": str(inner)}


def _message(detail: dict[str, Any]) -> str:
    found = detail.get("message") or detail.get("detail") or ""
    return found.strip() if isinstance(found, str) else str(found)


def _codes(detail: dict[str, Any]) -> tuple[str, ...]:
    """The words that classify the error, the more exact one first."""
    return tuple(str(detail[key]) for key in ("code", "type") if detail.get(key))


def _phrase(status: int) -> str:
    known = {one.value: one.phrase for one in HTTPStatus}
    return f"The provider answered with HTTP status {status} ({known.get(status, 'no further word')})."
