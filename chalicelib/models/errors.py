"""What can go wrong with a model call, named after what happened."""

from typing import ClassVar

MAX_MESSAGE = 500


class ModelError(Exception):
    """A model call failed.

    ``message`` is readable and free of secrets; ``status`` is the provider's HTTP status if it gave one;
    ``retryable`` tells whether the same request may succeed later, ``retry_after`` after how many seconds at least.
    """

    type: ClassVar[str] = "unknown_error"
    retryable: bool = False

    def __init__(self, message: str, *, status: int | None = None, retry_after: float | None = None) -> None:
        self.message = message[:MAX_MESSAGE]
        self.status = status
        self.retry_after = retry_after
        super().__init__(self.message)


class ModelOverloaded(ModelError):
    """The provider has no capacity at the moment."""

    type = "model_overloaded_error"
    retryable = True


class ModelRateLimited(ModelError):
    """The account's rate limit is reached."""

    type = "model_rate_limited_error"
    retryable = True


class ModelRequestFailed(ModelError):
    """The call was not answered; base of the kinds that clients know by one name."""

    type = "model_request_failed_error"


class ModelRequestRefused(ModelRequestFailed):
    """The provider does not accept this request: malformed, not allowed, unknown model, too large."""


class ModelContextExceeded(ModelRequestRefused):
    """The conversation does not fit the model's context window."""


class ModelNotServed(ModelRequestFailed):
    """No configured provider serves this model."""


class ModelContentUnsupported(ModelRequestFailed):
    """The request holds content that this provider's wire cannot carry."""


class ModelControlUnsupported(ModelRequestFailed):
    """The request controls the answer in a way that this provider's wire cannot carry; ``control`` names it."""

    def __init__(self, control: str, message: str) -> None:
        self.control = control
        super().__init__(message)


class ModelServerFailed(ModelRequestFailed):
    """The provider had a fault of its own."""

    retryable = True


class ModelUnreachable(ModelRequestFailed):
    """No connection to the provider."""

    retryable = True


class ModelTimedOut(ModelRequestFailed):
    """The provider was silent, or the whole answer took, longer than allowed."""

    retryable = True


class ModelStreamBroken(ModelRequestFailed):
    """The answer broke off, or made no sense, before its end."""

    retryable = True


class ModelBillingRefused(ModelError):
    """The account has no credit left."""

    type = "billing_error"
