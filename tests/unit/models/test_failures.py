"""From provider refusals to named errors."""

import email.utils
import time

import pytest

from chalicelib.models import errors, failures
from chalicelib.models.scrub import Scrubber

PLAIN = Scrubber()


def named(status, body=None, headers=None):
    return failures.from_status(status, body, headers or {}, PLAIN)


@pytest.mark.parametrize(
    ("status", "kind", "type_", "retryable"),
    [
        (400, errors.ModelRequestRefused, "model_request_failed_error", False),
        (401, errors.ModelRequestRefused, "model_request_failed_error", False),
        (402, errors.ModelBillingRefused, "billing_error", False),
        (403, errors.ModelRequestRefused, "model_request_failed_error", False),
        (404, errors.ModelRequestRefused, "model_request_failed_error", False),
        (408, errors.ModelTimedOut, "model_request_failed_error", True),
        (409, errors.ModelServerFailed, "model_request_failed_error", True),
        (413, errors.ModelRequestRefused, "model_request_failed_error", False),
        (422, errors.ModelRequestRefused, "model_request_failed_error", False),
        (429, errors.ModelRateLimited, "model_rate_limited_error", True),
        (500, errors.ModelServerFailed, "model_request_failed_error", True),
        (502, errors.ModelServerFailed, "model_request_failed_error", True),
        (503, errors.ModelOverloaded, "model_overloaded_error", True),
        (529, errors.ModelOverloaded, "model_overloaded_error", True),
    ],
)
def test_each_status_has_its_error(status, kind, type_, retryable):
    error = named(status, {"error": {"message": "Why."}})
    assert type(error) is kind
    assert (error.type, error.retryable, error.status, error.message) == (type_, retryable, status, "Why.")


@pytest.mark.parametrize(
    ("status", "detail"),
    [
        (429, {"code": "insufficient_quota", "message": "You exceeded your current quota"}),
        (400, {"type": "invalid_request_error", "message": "Your credit balance is too low"}),
        (403, {"type": "billing_error", "message": "No."}),
    ],
)
def test_money_is_recognised_whatever_the_status(status, detail):
    assert type(named(status, {"error": detail})) is errors.ModelBillingRefused


@pytest.mark.parametrize(
    "detail",
    [
        {"code": "context_length_exceeded", "message": "Too long."},
        {"type": "invalid_request_error", "message": "prompt is too long: 210000 tokens > 200000 maximum"},
    ],
)
def test_a_conversation_too_long_is_recognised(detail):
    assert type(named(400, {"error": detail})) is errors.ModelContextExceeded


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"message": "inner object"}, "inner object"),
        ({"error": "just text"}, "just text"),
        ([{"error": {"message": "in a list"}}], "in a list"),
        ({"detail": [{"msg": "field required"}]}, "[{'msg': 'field required'}]"),
        ("plain text", "plain text"),
        ("<html>Bad gateway</html>", "The provider answered with HTTP status 502 (Bad Gateway)."),
        (None, "The provider answered with HTTP status 502 (Bad Gateway)."),
    ],
)
def test_the_message_is_found_in_every_shape(body, message):
    assert named(502, body).message == message


def test_messages_are_short_and_without_secrets():
    error = failures.from_status(
        401, {"error": {"message": "bad key topsecretkey " + "x" * 900}}, {}, Scrubber(["topsecretkey"])
    )
    assert len(error.message) == errors.MAX_MESSAGE
    assert "topsecretkey" not in str(error)


def test_retry_after_in_all_its_forms():
    soon = email.utils.formatdate(time.time() + 60, usegmt=True)
    assert failures.retry_after({"retry-after-ms": "1500", "retry-after": "9"}) == 1.5
    assert failures.retry_after({"retry-after": "7"}) == 7
    assert failures.retry_after({"retry-after": soon}) == pytest.approx(60, abs=5)
    assert failures.retry_after({"retry-after": "soonish"}) is None
    assert failures.retry_after({}) is None


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        ({"error": {"type": "overloaded_error", "message": "x"}}, errors.ModelOverloaded),
        ({"error": {"type": "rate_limit_error", "message": "x"}}, errors.ModelRateLimited),
        ({"error": {"type": "api_error", "message": "x"}}, errors.ModelServerFailed),
        ({"error": {"code": 429, "message": "x"}}, errors.ModelRateLimited),
        ({"error": {"code": "insufficient_quota", "message": "x"}}, errors.ModelBillingRefused),
        ({"error": {"message": "who knows"}}, errors.ModelStreamBroken),
    ],
)
def test_errors_within_a_stream(body, kind):
    assert type(failures.from_event(body, PLAIN)) is kind
