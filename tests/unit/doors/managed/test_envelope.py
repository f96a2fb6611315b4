from typing import Any

import pytest

from chalicelib.agents.errors import BadRoster
from chalicelib.core.errors import (
    Conflict,
    Forbidden,
    InvalidRequest,
    LambentError,
    MethodNotAllowed,
    NotAvailable,
    NotFound,
    Overloaded,
    TooLarge,
    Unauthenticated,
    Unprocessable,
    UnsupportedMedia,
)
from chalicelib.doors.managed.envelope import ErrorEnvelope, render_error, type_of
from chalicelib.doors.managed.statuses import BY_MODE
from chalicelib.files.errors import FileNotDownloadable

SDK = ({"anthropic-version": ""}, {"anthropic-beta": "x"}, {"anthropic-version": "2099-01-01"})


def rendered(error: LambentError, headers: dict[str, str]) -> tuple[int, dict[str, Any]]:
    answer = render_error(error, headers, "req_1")
    ErrorEnvelope.model_validate(answer.body)
    return answer.status, answer.body


@pytest.mark.parametrize(
    ("kind", "status", "plain", "sdk"),
    [
        (InvalidRequest, 400, "invalid_request", "invalid_request_error"),
        (Unauthenticated, 401, "unauthorized", "authentication_error"),
        (Forbidden, 403, "forbidden", "permission_error"),
        (NotFound, 404, "not_found", "not_found_error"),
        (MethodNotAllowed, 405, "invalid_request", "invalid_request_error"),
        (Conflict, 409, "conflict", "conflict_error"),
        (TooLarge, 413, "invalid_request", "request_too_large"),
        (UnsupportedMedia, 415, "invalid_request", "invalid_request_error"),
        (Unprocessable, 422, "invalid_request", "invalid_request_error"),
        (LambentError, 500, "internal_error", "api_error"),
        (NotAvailable, 501, "not_implemented", "api_error"),
        (Overloaded, 503, "internal_error", "overloaded_error"),
    ],
)
def test_types_by_kind_of_client(kind: type[LambentError], status: int, plain: str, sdk: str) -> None:
    found_status, body = rendered(kind("text"), {})
    assert (found_status, body["error"]["type"]) == (status, plain)
    for headers in SDK:
        found_status, body = rendered(kind("text"), headers)
        assert (found_status, body["error"]["type"]) == (status, sdk)
    assert body == {
        "type": "error",
        "error": {"type": sdk, "message": "text"},
        "message": "text",
        "request_id": "req_1",
    }


def test_names_of_statuses_without_an_error_class() -> None:
    assert (type_of(402, sdk=True), type_of(402, sdk=False)) == ("billing_error", "forbidden")
    assert (type_of(502, sdk=True), type_of(502, sdk=False)) == ("api_error", "internal_error")


def test_statuses_that_differ_on_purpose() -> None:
    for error, statuses in ((BadRoster("x"), (422, 400)), (FileNotDownloadable(), (403, 400))):
        assert (rendered(error, {})[0], rendered(error, SDK[0])[0]) == statuses

    class Narrower(BadRoster):
        """A kind of it."""

    assert rendered(Narrower("x"), SDK[0])[0] == 400
    assert all(len(statuses) == 2 for statuses in BY_MODE.values())


def test_a_code_is_told_twice_and_details_are_kept() -> None:
    _, body = rendered(Conflict("x", code="c", field="f", details={"a": 1}), {})
    assert body["error"]["code"] == "c"
    assert body["error"]["details"] == {"a": 1, "error_code": "c", "field": "f"}
