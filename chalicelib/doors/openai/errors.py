"""What goes wrong in this family alone, and what a model's failure means to whoever asked the model directly."""

from http import HTTPStatus
from typing import ClassVar

from chalicelib.core.errors import InvalidRequest, LambentError, NotAvailable, NotFound, Overloaded, RateLimited
from chalicelib.models import errors as models
from chalicelib.models.errors import ModelError

_SOON_MS = 1000


class Unsupported(InvalidRequest):
    """The request asks for something that cannot be given, and must not be left out in silence."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(f"{field}: {reason}", field=field, code="unsupported")


class ModelNotFound(NotFound):
    """No provider here serves the model."""


class ModelsElsewhere(NotAvailable):
    """This process calls no models: the workers do, for agents."""


class UpstreamRefused(InvalidRequest):
    """The provider does not take the request."""


class UpstreamBusy(RateLimited):
    """The provider's own rate limit is reached."""


class UpstreamAway(Overloaded):
    """The provider has no capacity, or cannot be reached."""


class UpstreamFailed(LambentError):
    """The provider failed, or what it said made no sense."""

    status: ClassVar[int] = 502
    kind: ClassVar[str] = "upstream"


class UpstreamTimedOut(LambentError):
    """The provider was silent for too long."""

    status: ClassVar[int] = 504
    kind: ClassVar[str] = "upstream_timeout"


class UpstreamUnpaid(LambentError):
    """The provider's account has no credit left; asking again does not help."""

    status: ClassVar[int] = 429
    kind: ClassVar[str] = "upstream_unpaid"
    final = True


def of_model(error: ModelError) -> LambentError:
    """The answer to a model call that failed."""
    text = error.message
    if isinstance(error, models.ModelControlUnsupported):
        return Unsupported(error.control, text)
    if isinstance(error, models.ModelNotServed) or error.status == HTTPStatus.NOT_FOUND:
        return ModelNotFound(text, field="model", code="model_not_found")
    if isinstance(error, models.ModelContextExceeded):
        return UpstreamRefused(text, field="messages", code="context_length_exceeded")
    if isinstance(error, models.ModelRequestRefused | models.ModelContentUnsupported):
        return UpstreamRefused(text, code="provider_refused")
    if isinstance(error, models.ModelRateLimited):
        return _busy(error)
    if isinstance(error, models.ModelBillingRefused):
        return UpstreamUnpaid(text, code="insufficient_quota")
    return _failed(error)


def _busy(error: ModelError) -> UpstreamBusy:
    wait = _SOON_MS if error.retry_after is None else int(error.retry_after * 1000)
    busy = UpstreamBusy(error.message, retry_after_ms=wait)
    busy.code = "rate_limit_exceeded"
    return busy


def _failed(error: ModelError) -> LambentError:
    if isinstance(error, models.ModelTimedOut):
        return UpstreamTimedOut(error.message, code="request_timeout")
    if isinstance(error, models.ModelOverloaded | models.ModelUnreachable):
        return UpstreamAway(error.message, code="server_overloaded")
    return UpstreamFailed(error.message, code="server_error")
