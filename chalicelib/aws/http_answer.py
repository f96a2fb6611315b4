"""ASGI answers in the two forms Lambda takes: one JSON object, or a JSON prelude before a streamed body."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable
from typing import Any

RawHeaders = Iterable[tuple[bytes, bytes]]

# What separates the prelude of a streamed answer from its body.
PRELUDE_END = b"\0" * 8

# The front sets these itself, from the body it really sends. That goes for the length too: a stream may be
# cut short at the function's deadline, and a gateway may compress.
_OWNED_BY_FRONT = frozenset({"connection", "content-length", "keep-alive", "transfer-encoding", "upgrade"})
_TEXT = ("text/", "application/json", "application/javascript", "application/xml", "application/problem+json")


def buffered(
    status: int, headers: RawHeaders, body: bytes, *, version: str = "1.0", head: bool = False
) -> dict[str, Any]:
    """The answer in one piece. `version` is that of the request's payload; `head` leaves the body out."""
    values = _grouped(headers)
    text, is_base64 = ("", False) if head else _text_of(body, values.get("content-type", [""])[0])
    return _head(status, values, version) | {"body": text, "isBase64Encoded": is_base64}


def prelude(status: int, headers: RawHeaders, *, version: str = "1.0") -> bytes:
    """What a streamed answer begins with. `version` is that of the request's payload."""
    head = _head(status, _grouped(headers), version)
    return json.dumps(head, separators=(",", ":")).encode("utf-8") + PRELUDE_END


def _head(status: int, values: dict[str, list[str]], version: str) -> dict[str, Any]:
    """A REST API (`1.0`) reads repeated headers; a function URL (`2.0`) wants cookies apart, the rest joined."""
    if version == "1.0":
        return {"statusCode": status, "multiValueHeaders": values}
    joined = {name: ", ".join(many) for name, many in values.items() if name != "set-cookie"}
    return {"statusCode": status, "headers": joined, "cookies": values.get("set-cookie", [])}


def _grouped(headers: RawHeaders) -> dict[str, list[str]]:
    """Header values by lower-case name, in order, without those the front owns."""
    found: dict[str, list[str]] = {}
    for raw_name, raw_value in headers:
        name = raw_name.decode("latin-1").lower()
        if name not in _OWNED_BY_FRONT:
            found.setdefault(name, []).append(raw_value.decode("latin-1"))
    return found


def _text_of(body: bytes, content_type: str) -> tuple[str, bool]:
    """The body as JSON can carry it, and whether that is base64."""
    # Text may still be compressed, or in another encoding than UTF-8.
    if content_type.startswith(_TEXT) and _is_utf8(body):
        return body.decode("utf-8"), False
    return base64.b64encode(body).decode("ascii"), bool(body)


def _is_utf8(body: bytes) -> bool:
    try:
        body.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True
