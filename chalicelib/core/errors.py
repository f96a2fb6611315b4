"""What a caller can cause or meet. Nouns name their own errors below one of these kinds; doors map them to answers."""

from typing import Any, ClassVar


class LambentError(Exception):
    """Base of everything the product raises on purpose.

    ``message`` is safe to show; ``field`` names the input at fault; ``code`` is a machine-readable reason.
    ``status`` is the usual HTTP status of the kind; a door may answer otherwise.
    """

    status: ClassVar[int] = 500
    kind: ClassVar[str] = "internal"

    def __init__(
        self,
        message: str,
        *,
        field: str | None = None,
        code: str | None = None,
        details: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.field = field
        self.code = code
        self.details = details


class InvalidRequest(LambentError):
    """The request does not have the form or the values it must have."""

    status = 400
    kind = "invalid"


class Unauthenticated(LambentError):
    """No credential, or one that is not known."""

    status = 401
    kind = "unauthenticated"


class Forbidden(LambentError):
    """The credential is known and may not do this."""

    status = 403
    kind = "forbidden"


class NotFound(LambentError):
    """There is no such thing for this tenant."""

    status = 404
    kind = "not_found"


class MethodNotAllowed(LambentError):
    """The path exists, not with this method. ``details["allow"]`` lists the methods."""

    status = 405
    kind = "method_not_allowed"


class Conflict(LambentError):
    """The state of the thing does not permit this now."""

    status = 409
    kind = "conflict"


class PreconditionFailed(LambentError):
    """The thing is not as the caller expects it to be."""

    status = 412
    kind = "precondition_failed"


class TooLarge(LambentError):
    """The body is over the limit of this route."""

    status = 413
    kind = "too_large"


class UnsupportedMedia(LambentError):
    """The content type is not one this route reads."""

    status = 415
    kind = "unsupported_media"


class Unprocessable(LambentError):
    """The form is right, the combination of values is not."""

    status = 422
    kind = "unprocessable"


class RateLimited(LambentError):
    """The tenant's quota is used up; ``retry_after_ms`` tells when to come back."""

    status = 429
    kind = "rate_limited"

    def __init__(self, message: str, *, retry_after_ms: int) -> None:
        super().__init__(message)
        self.retry_after_ms = retry_after_ms


class NotAvailable(LambentError):
    """This server does not have the capability."""

    status = 501
    kind = "not_available"


class Overloaded(LambentError):
    """A part behind the server does not answer; the same request may succeed later."""

    status = 503
    kind = "overloaded"
