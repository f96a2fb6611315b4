"""Every status an error can have is raised by the official client as its class for it, with type and request id."""

import anthropic
import httpx2
import pytest

from chalicelib.core.errors import (
    Conflict,
    Forbidden,
    InvalidRequest,
    LambentError,
    NotAvailable,
    NotFound,
    Overloaded,
    PreconditionFailed,
    RateLimited,
    TooLarge,
    Unauthenticated,
    Unprocessable,
    UnsupportedMedia,
)
from chalicelib.doors.managed.envelope import render_error

REQUEST_ID = "req_0123"


class Busy(LambentError):
    """As a provider tells it."""

    status = 529


class LateAnswer(LambentError):
    """As a gateway tells it."""

    status = 504


@pytest.mark.parametrize(
    ("error", "raised", "kind"),
    [
        (InvalidRequest("text"), anthropic.BadRequestError, "invalid_request_error"),
        (Unauthenticated("text"), anthropic.AuthenticationError, "authentication_error"),
        (Forbidden("text"), anthropic.PermissionDeniedError, "permission_error"),
        (NotFound("text"), anthropic.NotFoundError, "not_found_error"),
        (Conflict("text"), anthropic.ConflictError, "conflict_error"),
        (PreconditionFailed("text"), anthropic.PreconditionFailedError, "invalid_request_error"),
        (TooLarge("text"), anthropic.ContentTooLargeError, "request_too_large"),
        (UnsupportedMedia("text"), anthropic.APIStatusError, "invalid_request_error"),
        (Unprocessable("text"), anthropic.UnprocessableEntityError, "invalid_request_error"),
        (RateLimited("text", retry_after_ms=50), anthropic.RateLimitError, "rate_limit_error"),
        (LambentError("text"), anthropic.InternalServerError, "api_error"),
        (NotAvailable("text"), anthropic.HTTPNotImplementedError, "api_error"),
        (Overloaded("text"), anthropic.ServiceUnavailableError, "overloaded_error"),
        (LateAnswer("text"), anthropic.GatewayTimeoutError, "timeout_error"),
        (Busy("text"), anthropic.OverloadedError, "overloaded_error"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, LambentError) else None,
)
def test_each_kind_of_error_is_raised_as_the_clients_class_for_it(
    error: LambentError, raised: type[anthropic.APIStatusError], kind: str
) -> None:
    def answer(request: httpx2.Request) -> httpx2.Response:
        shown = render_error(error, request.headers, REQUEST_ID)
        return httpx2.Response(shown.status, headers={"request-id": REQUEST_ID}, json=shown.body)

    transport = httpx2.Client(transport=httpx2.MockTransport(answer))
    with anthropic.Anthropic(api_key="k", max_retries=0, http_client=transport) as client, pytest.raises(raised) as met:
        client.beta.agents.list()
    assert type(met.value) is raised or raised is anthropic.APIStatusError
    assert met.value.status_code == error.status
    assert (met.value.type, met.value.request_id) == (kind, REQUEST_ID)
    assert "text" in met.value.message
