import json
import socket
from dataclasses import dataclass
from typing import Any

import pytest

from chalicelib.outbound.guard import Outbound
from chalicelib.tools.http_call import HttpCall
from tests.functional.outbound.web import Seen, answer, fixed, serving
from tests.functional.tools.contexts import context, error_of

REFUSED = "Error: the tool's endpoint answered 403.\n"


def _tool(endpoint: str, **execution: Any) -> HttpCall:
    schema = {"type": "object", "properties": {"city": {"type": "string"}}}
    definition = {"type": "custom", "name": "weather", "description": "Weather", "input_schema": schema}
    return HttpCall({**definition, "execution": {"type": "http", "endpoint": endpoint, **execution}})


def test_the_input_is_the_json_body_and_the_answer_the_result() -> None:
    with serving(fixed(answer(b'{"t":21,"s":"\xc3\xbc"}', Content_Type="application/json"))) as web:
        output = _tool(web.url("/w?k=1")).run(context(), {"city": "Köln"})
    assert output.content == [{"type": "text", "text": '{\n  "t": 21,\n  "s": "ü"\n}'}]
    (seen,) = web.requests
    assert (seen.method, seen.target, json.loads(seen.body)) == ("POST", "/w?k=1", {"city": "Köln"})
    assert seen.headers["content-type"] == "application/json"
    assert seen.headers["idempotency-key"] == seen.headers["lambent-tool-use-id"] == "use-1"


@pytest.mark.parametrize(
    ("body", "media", "text"),
    [
        (b"sunny", "text/plain", "sunny"),
        (b"{broken", "application/json", "{broken"),
        (b'{"a":1}', "application/problem+json", '{\n  "a": 1\n}'),
        (b"", "application/json", "(no output)"),
    ],
)
def test_answers_of_every_form(body: bytes, media: str, text: str) -> None:
    with serving(fixed(answer(body, Content_Type=media))) as web:
        output = _tool(web.url()).run(context(), {})
    assert (output.is_error, output.content) == (False, [{"type": "text", "text": text}])


@dataclass
class _Bearer:
    token: str | None = "canary/token"
    secrets: tuple[str, ...] = ("canary/token",)
    looks: int = 0

    def look(self) -> None:
        """Count."""
        self.looks += 1


@pytest.mark.parametrize(
    ("status", "body", "media", "shown"),
    [
        ("200 OK", b"you sent canary/token", "text/plain", "you sent [hidden]"),
        ("200 OK", b'{"a":"canary\\/token"}', "application/json", '{\n  "a": "[hidden]"\n}'),
        ("403 No", b"x" * 1995 + b"canary/token", "text/plain", f"{REFUSED}{'x' * 1995}[hidd"),
    ],
    ids=["text", "escaped", "cut"],
)
def test_a_credential_goes_along_and_nothing_of_it_comes_back(status: str, body: bytes, media: str, shown: str) -> None:
    bearer = _Bearer()
    with serving(fixed(answer(body, status, Content_Type=media))) as web:
        output = _tool(web.url()).run(context(bearer_for=lambda _: bearer), {})
    assert web.requests[0].headers["authorization"] == "Bearer canary/token"
    assert output.content == [{"type": "text", "text": shown}]
    assert bearer.looks == 1


def test_without_a_credential_nothing_goes_along() -> None:
    with serving(fixed(answer(b"ok"))) as web:
        _tool(web.url()).run(context(bearer_for=lambda _: _Bearer(None, ())), {})
    assert "authorization" not in web.requests[0].headers


@pytest.mark.parametrize("method", ["PUT", "patch", "DELETE"])
def test_the_author_chooses_the_method(method: str) -> None:
    with serving(fixed(answer(b"ok"))) as web:
        _tool(web.url(), method=method).run(context(), {"a": 1})
    assert (web.requests[0].method, web.requests[0].body) == (method.upper(), b'{"a":1}')


def test_get_carries_the_input_in_the_query() -> None:
    with serving(fixed(answer(b"ok"))) as web:
        _tool(web.url("/w?k=1#f"), method="GET").run(context(), {"city": "Köln & Bonn", "n": [1]})
    assert web.requests[0].target == "/w?k=1&city=K%C3%B6ln+%26+Bonn&n=%5B1%5D"
    assert web.requests[0].body == b""


def test_an_unknown_method_is_an_error_result() -> None:
    with serving(fixed(answer(b"ok"))) as web:
        assert "'TRACE'" in error_of(_tool(web.url(), method="TRACE").run(context(), {}))
    assert web.connections == 0


def test_a_refusal_of_the_endpoint_shows_status_and_body() -> None:
    with serving(fixed(answer(b"no such city" + b"x" * 9000, "404 Not Found", Content_Type="text/plain"))) as web:
        text = error_of(_tool(web.url()).run(context(), {}))
    assert "answered 404.\nno such city" in text
    assert len(text) < 2200


def test_a_body_that_is_no_text_is_an_error_result() -> None:
    with serving(fixed(answer(b"\x89PNG", Content_Type="image/png"))) as web:
        assert "image/png" in error_of(_tool(web.url()).run(context(), {}))


@pytest.mark.parametrize("endpoint", ["", "nonsense", "file:///etc/passwd", "http://169.254.169.254/"])
def test_the_endpoint_goes_through_the_guard(endpoint: str) -> None:
    assert "could not be called" in error_of(_tool(endpoint).run(context(), {}))
    with serving(fixed(answer(b"x"))) as web:
        error_of(_tool(web.url()).run(context(outbound=Outbound()), {}))
    assert web.connections == 0


def test_a_slow_endpoint_is_an_error_result() -> None:
    def silent(connection: socket.socket, _: Seen) -> None:
        connection.recv(1)

    with serving(silent) as web:
        assert "within 0.2 seconds" in error_of(_tool(web.url()).run(context(timeout_s=0.2), {}))


@pytest.mark.parametrize(("given", "safe"), [({}, False), ({"idempotent": True}, True), ({"idempotent": "yes"}, False)])
def test_only_a_declared_endpoint_is_safe_to_repeat(given: dict[str, Any], safe: bool) -> None:
    assert _tool("http://x/", **given).safe_to_repeat is safe
