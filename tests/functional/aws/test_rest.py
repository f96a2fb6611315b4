"""The REST edge with a real app behind Mangum."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Iterator
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from chalicelib.aws.rest import adapter


async def echo(request: Request) -> Response:
    return JSONResponse(
        {
            "method": request.method,
            "path": request.scope["path"],
            "query": request.query_params.multi_items(),
            "tags": request.headers.getlist("x-tag"),
            "body": (await request.body()).hex(),
        },
        headers={"x-answer": "1"},
    )


async def picture(request: Request) -> Response:
    return Response(bytes(range(256)), media_type="image/png")


async def broken(request: Request) -> Response:
    raise RuntimeError("secret detail")


METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]


@pytest.fixture
def handle() -> Iterator[Any]:
    app = Starlette(
        routes=[
            Route("/picture", picture),
            Route("/broken", broken),
            Route("/v1/{rest:path}", echo, methods=METHODS),
        ]
    )
    yield adapter(app)
    asyncio.get_event_loop().close()
    asyncio.set_event_loop(None)


def event(method: str, path: str, **more: Any) -> dict[str, Any]:
    return {
        "resource": "/{proxy+}",
        "httpMethod": method,
        "path": path,
        "headers": {},
        "multiValueHeaders": {"x-tag": ["a", "b"]},
        "requestContext": {"stage": "live", "path": f"/live{path}", "identity": {"sourceIp": "203.0.113.9"}},
    } | more


@pytest.mark.parametrize("method", METHODS)
def test_every_method_reaches_the_app(handle: Any, method: str) -> None:
    raw = b"\x00\xff"
    sent = event(
        method,
        "/v1/a%20b",
        body=base64.b64encode(raw).decode(),
        isBase64Encoded=True,
        multiValueQueryStringParameters={"x": ["1", "2"]},
    )
    answer = handle(sent, None)
    assert answer["statusCode"] == 200
    assert answer["multiValueHeaders"]["x-answer"] == ["1"]
    assert answer["isBase64Encoded"] is False
    assert json.loads(answer["body"]) == {
        "method": method,
        "path": "/v1/a b",
        "query": [["x", "1"], ["x", "2"]],
        "tags": ["a", "b"],
        "body": raw.hex(),
    }


def test_binary_answers_go_as_base64(handle: Any) -> None:
    answer = handle(event("GET", "/picture"), None)
    assert answer["isBase64Encoded"] is True
    assert base64.b64decode(answer["body"]) == bytes(range(256))


def test_head_has_headers_and_no_body(handle: Any) -> None:
    answer = handle(event("HEAD", "/picture"), None)
    assert answer["multiValueHeaders"]["content-type"] == ["image/png"]
    assert answer["body"] == ""


def test_unknown_paths_are_the_apps_404(handle: Any) -> None:
    assert handle(event("GET", "/nowhere"), None)["statusCode"] == 404


def test_an_error_of_the_app_tells_nothing(handle: Any) -> None:
    answer = handle(event("GET", "/broken"), None)
    assert answer["statusCode"] == 500
    assert "secret" not in answer["body"]
