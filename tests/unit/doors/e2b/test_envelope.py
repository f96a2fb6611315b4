"""How errors look."""

from chalicelib.core.errors import InvalidRequest, NotFound, Unauthenticated
from chalicelib.doors.e2b.envelope import render_error
from chalicelib.doors.e2b.errors import PortClosed, SandboxAway
from chalicelib.sandbox.hosts.base import SandboxRefused, SandboxUnavailable
from chalicelib.tenants.errors import RequestRunning


def test_a_number_and_a_text() -> None:
    answer = render_error(NotFound("gone", details={"inner": 1}), {}, "req_1")
    assert (answer.status, answer.body) == (404, {"code": 404, "message": "gone"})
    assert render_error(Unauthenticated("who"), {}, "req_1").body == {"code": 401, "message": "who"}


def test_a_reason_is_named() -> None:
    assert render_error(InvalidRequest("no", code="why"), {}, "req_1").body["error_code"] == "why"


def test_clients_are_told_not_to_repeat_what_cannot_succeed() -> None:
    assert render_error(SandboxRefused("never"), {}, "req_1").headers == {"should-retry": "false"}
    assert render_error(SandboxUnavailable("not now"), {}, "req_1").headers == {}


def test_clients_are_told_to_repeat_what_another_request_is_about_to_answer() -> None:
    assert render_error(RequestRunning("not yet"), {}, "req_1").headers == {"should-retry": "true"}


def test_words_and_numbers_by_which_clients_tell_what_is_wrong() -> None:
    away = render_error(SandboxAway("x"), {}, "req_1")
    assert (away.status, away.body) == (
        502,
        {"sandboxId": "x", "message": "The sandbox was not found", "code": 502},
    )
    closed = render_error(PortClosed("x", 3000), {}, "req_1")
    assert closed.status == closed.body["code"] == 502
    assert "port is not open" in closed.body["message"]
    assert (closed.body["sandboxId"], closed.body["port"]) == ("x", 3000)
