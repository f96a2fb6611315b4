"""Lambda HTTP events (payload 1.0 of REST APIs, 2.0 of function URLs and HTTP APIs) as ASGI requests."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, unquote, urlencode

Event = dict[str, Any]
HeaderList = list[tuple[bytes, bytes]]

# Everything RFC 3986 allows in a path, and "%" so that what is encoded already stays as it came.
_PATH_SAFE = "/%:@!$&'()*+,;=~-._"


class EventError(ValueError):
    """The event is not a Lambda HTTP event this edge understands."""


@dataclass(frozen=True)
class Request:
    """One HTTP request: the ASGI `http` scope, its whole body, and the payload version (`1.0` or `2.0`)."""

    scope: dict[str, Any]
    body: bytes
    version: str


def parse(event: Event, context: object) -> Request:
    """The request in `event`; `context` is handed on as `scope["aws.context"]`.

    Raises:
        EventError: the event is no HTTP event, or its body is not the base64 it claims to be.
    """
    if "requestContext" not in event:
        raise EventError("not an HTTP event: requestContext is missing")
    if event.get("version") == "2.0":
        scope, version = _scope_v2(event), "2.0"
    elif "httpMethod" in event:
        scope, version = _scope_v1(event), "1.0"
    else:
        raise EventError("not an HTTP event: neither payload 1.0 nor 2.0")
    scope["aws.event"] = event
    scope["aws.context"] = context
    return Request(scope=scope, body=_body(event), version=version)


def _scope_v1(event: Event) -> dict[str, Any]:
    source = (event["requestContext"].get("identity") or {}).get("sourceIp")
    # `path` carries no stage here; `requestContext.path` does, unless the API has a domain of its own.
    path, whole = event.get("path") or "/", event["requestContext"].get("path") or ""
    root = whole.removesuffix(path) if whole.endswith(path) else ""
    return _scope(event["httpMethod"], path, _query_v1(event), _headers_v1(event), source, root)


def _scope_v2(event: Event) -> dict[str, Any]:
    http = event["requestContext"]["http"]
    path = _without_stage(event.get("rawPath") or "/", event["requestContext"].get("stage", "$default"))
    query = str(event.get("rawQueryString") or "").encode("ascii", "surrogateescape")
    return _scope(http["method"], path, query, _headers_v2(event), http.get("sourceIp"))


def _scope(
    method: str, path: str, query: bytes, headers: HeaderList, source: str | None, root: str = ""
) -> dict[str, Any]:
    first = {name: value.decode("latin-1") for name, value in reversed(headers)}
    raw_path = quote(path, safe=_PATH_SAFE)
    return {
        "type": "http",
        # Starlette watches for http.disconnect while it streams only below spec 2.4.
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": method.upper(),
        "scheme": first.get(b"x-forwarded-proto", "https"),
        "path": unquote(raw_path),
        "raw_path": raw_path.encode("ascii"),
        # The server's own address is that of the request up to here.
        "root_path": root,
        "query_string": query,
        "headers": headers,
        "client": (source, 0) if source else None,
        "server": _server(first.get(b"host", ""), first.get(b"x-forwarded-port", "")),
    }


def _server(host: str, forwarded_port: str) -> tuple[str, int]:
    name, _, port = host.partition(":")
    digits = port or forwarded_port
    return name or "localhost", int(digits) if digits.isdigit() else 443


def _without_stage(path: str, stage: str) -> str:
    prefix = f"/{stage}"
    if stage != "$default" and (path == prefix or path.startswith(prefix + "/")):
        return path[len(prefix) :] or "/"
    return path


def _query_v1(event: Event) -> bytes:
    # API Gateway hands these out decoded, so they are encoded again.
    values = event.get("multiValueQueryStringParameters") or event.get("queryStringParameters") or {}
    return urlencode(values, doseq=True).encode("ascii")


def _headers_v1(event: Event) -> HeaderList:
    many = event.get("multiValueHeaders") or {k: [v] for k, v in (event.get("headers") or {}).items()}
    return [_header(name, value) for name, values in many.items() for value in values]


def _headers_v2(event: Event) -> HeaderList:
    headers = [_header(name, value) for name, value in (event.get("headers") or {}).items()]
    cookies = event.get("cookies")
    if cookies:
        headers = [pair for pair in headers if pair[0] != b"cookie"]
        headers.append(_header("cookie", "; ".join(cookies)))
    return headers


def _header(name: str, value: Any) -> tuple[bytes, bytes]:
    return name.lower().encode("latin-1"), _latin(str(value))


def _latin(text: str) -> bytes:
    try:
        return text.encode("latin-1")
    except UnicodeEncodeError:
        return text.encode("utf-8")


def _body(event: Event) -> bytes:
    body = event.get("body") or ""
    if not event.get("isBase64Encoded"):
        return str(body).encode("utf-8")
    try:
        return base64.b64decode(body, validate=True)
    except binascii.Error as error:
        raise EventError("the body is not valid base64") from error
