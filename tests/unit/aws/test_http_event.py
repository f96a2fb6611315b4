from __future__ import annotations

import base64
from typing import Any

import pytest
from starlette.requests import Request

from chalicelib.aws.http_event import EventError, parse


def rest(path: str = "/v1/agents", **more: Any) -> dict[str, Any]:
    return {
        "httpMethod": "GET",
        "path": path,
        "requestContext": {"stage": "live", "path": f"/live{path}", "identity": {"sourceIp": "203.0.113.9"}},
    } | more


def url(path: str = "/v1/agents", *, stage: str = "$default", **more: Any) -> dict[str, Any]:
    context = {"stage": stage, "http": {"method": "get", "path": path, "sourceIp": "203.0.113.9"}}
    return {"version": "2.0", "rawPath": path, "rawQueryString": "", "requestContext": context} | more


@pytest.mark.parametrize("event", [rest(), url()])
def test_method_path_and_client(event: dict[str, Any]) -> None:
    scope = parse(event, None).scope
    assert (scope["method"], scope["path"], scope["client"]) == ("GET", "/v1/agents", ("203.0.113.9", 0))


def test_a_route_named_like_the_stage_keeps_its_name() -> None:
    assert parse(rest("/live/x"), None).scope["path"] == "/live/x"


@pytest.mark.parametrize(
    ("path", "stage", "expected"),
    [
        ("/live/v1/x", "live", "/v1/x"),
        ("/live", "live", "/"),
        ("/lively/x", "live", "/lively/x"),
        ("/live/x", "$default", "/live/x"),
    ],
)
def test_payload_2_carries_the_stage_in_its_path(path: str, stage: str, expected: str) -> None:
    assert parse(url(path, stage=stage), None).scope["path"] == expected


def base_url(event: dict[str, Any]) -> str:
    return str(Request(parse(event, None).scope).base_url)


def test_the_servers_own_address_has_the_stage_unless_the_api_has_a_domain_of_its_own() -> None:
    host = {"Host": "api.example"}
    assert base_url(rest(headers=host)) == "https://api.example/live/"
    assert base_url(rest("/", headers=host)) == "https://api.example/live/"
    assert base_url(rest(headers=host, requestContext={"path": "/v1/agents"})) == "https://api.example/"
    assert base_url(rest(headers=host, requestContext={})) == "https://api.example/"
    assert base_url(url(headers=host)) == "https://api.example/"


@pytest.mark.parametrize("make", [rest, url])
def test_an_encoded_path_is_decoded_once(make: Any) -> None:
    scope = parse(make("/files/a%2Fb%2520c%C3%A9"), None).scope
    assert scope["path"] == "/files/a/b%20cé"
    assert scope["raw_path"] == b"/files/a%2Fb%2520c%C3%A9"


def test_an_unencoded_path_gets_a_raw_form() -> None:
    scope = parse(rest("/files/a bé"), None).scope
    assert scope["path"] == "/files/a bé"
    assert scope["raw_path"] == b"/files/a%20b%C3%A9"


def test_repeated_query_values_survive() -> None:
    event = rest(
        queryStringParameters={"types[]": "b", "q": "a b&c"},
        multiValueQueryStringParameters={"types[]": ["a", "b"], "q": ["a b&c"]},
    )
    assert parse(event, None).scope["query_string"] == b"types%5B%5D=a&types%5B%5D=b&q=a+b%26c"
    assert parse(rest(queryStringParameters={"a": "1"}), None).scope["query_string"] == b"a=1"
    assert parse(url(rawQueryString="a=1&a=%20"), None).scope["query_string"] == b"a=1&a=%20"


def test_repeated_headers_stay_apart() -> None:
    event = rest(headers={"Accept": "b"}, multiValueHeaders={"Accept": ["a", "b"], "X-É": ["ü", "☃"]})
    assert parse(event, None).scope["headers"] == [
        (b"accept", b"a"),
        (b"accept", b"b"),
        (b"x-\xe9", b"\xfc"),
        (b"x-\xe9", "☃".encode()),
    ]


def test_cookies_of_payload_2_become_one_header() -> None:
    event = url(headers={"cookie": "old", "A": "1"}, cookies=["k=v", "l=w"])
    assert parse(event, None).scope["headers"] == [(b"a", b"1"), (b"cookie", b"k=v; l=w")]


def test_server_and_scheme_come_from_the_front() -> None:
    headers = {"Host": "api.example", "X-Forwarded-Proto": "http", "X-Forwarded-Port": "80"}
    scope = parse(rest(headers=headers), None).scope
    assert (scope["scheme"], scope["server"]) == ("http", ("api.example", 80))
    assert parse(rest(headers={"Host": "h:8443"}), None).scope["server"] == ("h", 8443)
    assert parse(rest(headers=None), None).scope["server"] == ("localhost", 443)


def test_bodies() -> None:
    assert parse(rest(body=None), None).body == b""
    assert parse(rest(body="é"), None).body == "é".encode()
    raw = bytes(range(256))
    encoded = base64.b64encode(raw).decode()
    assert parse(rest(body=encoded, isBase64Encoded=True), None).body == raw


@pytest.mark.parametrize(
    "event",
    [{"Records": []}, {"requestContext": {}}, rest(body="no base64", isBase64Encoded=True)],
)
def test_what_is_no_request_is_refused(event: dict[str, Any]) -> None:
    with pytest.raises(EventError):
        parse(event, None)


def test_the_app_can_read_event_and_context() -> None:
    event, context = rest(), object()
    scope = parse(event, context).scope
    assert scope["aws.event"] is event
    assert scope["aws.context"] is context
