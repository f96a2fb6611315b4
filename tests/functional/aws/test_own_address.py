"""Where people come back to who were sent away, when nobody said where the server is: to where they came from."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from chalicelib.aws.rest import adapter
from chalicelib.core.settings import Settings
from chalicelib.http.app import create_app
from chalicelib.wiring import Services

PATH = "/v1/oauth/google/authorize"
CALLBACK = "/v1/oauth/google/callback"


@pytest.fixture
def handle(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    monkeypatch.setenv("LAMBENT_SIGN_IN_CLIENT_ID", "client")
    monkeypatch.setenv("LAMBENT_SIGN_IN_CLIENT_SECRET", "secret")
    yield adapter(create_app(Services(settings)))
    asyncio.get_event_loop().close()
    asyncio.set_event_loop(None)


def event(host: str, whole_path: str) -> dict[str, Any]:
    return {
        "httpMethod": "GET",
        "path": PATH,
        "headers": {"Host": host, "X-Forwarded-Proto": "https"},
        "requestContext": {"stage": "live", "path": whole_path, "identity": {"sourceIp": "203.0.113.9"}},
    }


@pytest.mark.parametrize(
    ("host", "whole_path", "address"),
    [
        (
            "abc.execute-api.eu-west-1.amazonaws.com",
            f"/live{PATH}",
            "https://abc.execute-api.eu-west-1.amazonaws.com/live",
        ),
        ("agents.example.com", PATH, "https://agents.example.com"),
    ],
)
def test_behind_the_gateway(handle: Any, host: str, whole_path: str, address: str) -> None:
    answer = handle(event(host, whole_path), None)
    assert answer["statusCode"] == 302
    (location,) = answer["multiValueHeaders"]["location"]
    assert parse_qs(urlsplit(location).query)["redirect_uri"] == [address + CALLBACK]
    (cookie,) = answer["multiValueHeaders"]["set-cookie"]
    assert "; Path=/;" in cookie
