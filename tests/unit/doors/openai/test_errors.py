"""Errors in the words of OpenAI's clients."""

import pytest

from chalicelib.core.errors import LambentError, RateLimited
from chalicelib.doors.openai.envelope import error_object
from chalicelib.doors.openai.errors import of_model
from chalicelib.models import errors as models


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (RateLimited("slower", retry_after_ms=1), "rate_limit_exceeded"),
        (of_model(models.ModelRateLimited("slower")), "rate_limit_exceeded"),
        (of_model(models.ModelBillingRefused("no credit")), "insufficient_quota"),
    ],
)
def test_whoever_asks_too_much_is_told_why(error: LambentError, code: str) -> None:
    shown = error_object(error)
    assert (error.status, shown["type"], shown["code"]) == (429, "rate_limit_error", code)


def test_what_its_provider_does_not_know_is_no_model() -> None:
    missing = of_model(models.ModelRequestRefused("no such model", status=404))
    assert (missing.status, missing.field, missing.code) == (404, "model", "model_not_found")
    refused = of_model(models.ModelRequestRefused("too hot", status=400))
    assert (refused.status, refused.code) == (400, "provider_refused")
