"""What becomes of exceptions."""

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError, ReadTimeoutError

from chalicelib.core.errors import LambentError, NotFound, Overloaded, RateLimited
from chalicelib.http.errors import headers_of, render, translate
from chalicelib.http.route import Answer, Door
from chalicelib.storage.errors import StorageBusy


def aws(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": ""}}, "PutItem")


@pytest.mark.parametrize(
    "error",
    [
        StorageBusy("x"),
        aws("ThrottlingException"),
        aws("SlowDown"),
        EndpointConnectionError(endpoint_url="http://x"),
        ReadTimeoutError(endpoint_url="http://x"),
    ],
)
def test_parts_that_are_away_make_503(error: Exception) -> None:
    found = translate(error)
    assert isinstance(found, Overloaded)
    assert (b"retry-after", b"1") in headers_of(found)


@pytest.mark.parametrize("error", [ValueError("secret"), aws("ValidationException"), KeyError("x")])
def test_anything_else_is_internal_and_tells_nothing(error: Exception) -> None:
    found = translate(error)
    assert type(found) is LambentError
    assert found.message == "internal error"


def test_waiting_times_are_rounded_up_to_seconds() -> None:
    headers = dict(headers_of(RateLimited("x", retry_after_ms=1001)))
    assert headers[b"retry-after"] == b"2"
    assert headers[b"retry-after-ms"] == b"1001"


def test_a_door_that_cannot_render_still_leaves_an_answer() -> None:
    def broken(*_: object) -> Answer:
        raise KeyError("x")

    answer = render(Door("x", (), broken), NotFound("gone"), {}, "req_1")
    assert answer.status == 404
    assert answer.body == b'{"error":{"type":"not_found","message":"gone"}}'
